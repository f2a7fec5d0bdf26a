/* The notice board with a planted fault: a name of 32 bytes is allowed, and the zero after it is written behind its place.
   cc -g -fsanitize=address off_by_one.c -o off_by_one -pthread */

#include "board.h"

static void serve(int peer) {
    struct state state = {0, 0};
    uint8_t head[4];
    while (read_all(peer, head, 4)) {
        uint16_t length = (uint16_t)(head[2] << 8 | head[3]);
        uint8_t *text = malloc(length + 1);
        if (!text || !read_all(peer, text, length)) {
            free(text);
            return;
        }
        uint8_t status = REFUSED;
        if (head[0] == LOGIN && length > 32) {
            status = REFUSED;
        } else if ((status = step(&state, head[0], length)) == OK && head[0] == LOGIN) {
            char *name = malloc(32);
            memcpy(name, text, length);
            name[length] = 0; /* planted: off by one */
            free(name);
        }
        free(text);
        if (!answer(peer, head[1], status)) return;
    }
}
