/* The notice board with a planted fault: the size of a message is added up in 16 bits, so that it is small again for the longest.
   cc -g -fsanitize=address overflow.c -o overflow -pthread */

#include "board.h"

static void serve(int peer) {
    struct state state = {0, 0};
    uint8_t head[4];
    while (read_all(peer, head, 4)) {
        uint16_t length = (uint16_t)(head[2] << 8 | head[3]);
        uint16_t size = length + 16; /* planted: overflows from 65,520 on */
        uint8_t *message = malloc(size);
        memcpy(message, head, 4);
        for (size_t at = 0; at < length; at++) {
            uint8_t byte;
            if (!read_all(peer, &byte, 1)) {
                free(message);
                return;
            }
            message[4 + at] = byte;
        }
        uint8_t status = step(&state, head[0], length);
        free(message);
        if (!answer(peer, head[1], status)) return;
    }
}
