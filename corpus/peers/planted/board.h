/* What the servers of the notice board in C share: a thread for each connection, and messages read whole and answered.
   board.ksy describes them. A server with a fault includes this and defines serve(). */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOGIN = 1, POST, READ, LOGOUT, PICTURE, PIECE, PING };
enum { OK, REFUSED };

struct message {
    uint8_t kind, number;
    uint16_t length;
    uint8_t *text;
};

/* Where a connection is: who is logged in, and whether a picture is being sent. */
struct state {
    int inside, picture;
};

static void serve(int peer);

/* Reads that many bytes. 0 if the connection ends before. */
static int read_all(int peer, uint8_t *to, size_t length) {
    while (length > 0) {
        ssize_t got = recv(peer, to, length, 0);
        if (got <= 0) return 0;
        to += got, length -= (size_t)got;
    }
    return 1;
}

static int answer(int peer, uint8_t number, uint8_t status) {
    uint8_t out[4] = {number, status, 0, 0};
    return send(peer, out, sizeof out, 0) == sizeof out;
}

/* Whether a message may be sent now; and what changes with it. */
static uint8_t step(struct state *state, uint8_t kind, uint16_t length) {
    if (kind == PING) return state->picture ? REFUSED : OK;
    if (state->picture) {
        if (kind != PIECE) return REFUSED;
        state->picture = length > 0;
        return OK;
    }
    if (!state->inside) {
        if (kind != LOGIN) return REFUSED;
        state->inside = 1;
        return OK;
    }
    if (kind != POST && kind != READ && kind != LOGOUT && kind != PICTURE) return REFUSED;
    state->inside = kind != LOGOUT;
    state->picture = kind == PICTURE;
    return OK;
}

static void *serve_thread(void *peer) {
    serve((int)(intptr_t)peer);
    close((int)(intptr_t)peer);
    return NULL;
}

int main(void) {
    const char *port = getenv("PORT");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)atoi(port ? port : "7500"));
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) {
        perror("board");
        return 2;
    }
    for (;;) {
        int peer = accept(listener, NULL, NULL);
        pthread_t thread;
        if (peer < 0) continue;
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (pthread_create(&thread, NULL, serve_thread, (void *)(intptr_t)peer)) close(peer);
        else pthread_detach(thread);
    }
}
