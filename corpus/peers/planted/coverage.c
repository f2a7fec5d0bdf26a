/* Lets framescope fuzz-peer see which branches of a program are reached. Link it to a program in C or C++:

   gcc -fsanitize-coverage=trace-pc server.c coverage.c -o server
   clang -fsanitize-coverage=trace-pc-guard server.c coverage.c -o server

   fuzz-peer names a file of 65,536 bytes in FRAMESCOPE_COVERAGE, which is mapped: a byte for each branch. Without the variable nothing
   happens. */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__clang__)
#define NOT_COVERED __attribute__((no_sanitize("coverage")))
#else
#define NOT_COVERED __attribute__((no_sanitize_coverage))
#endif

static uint8_t nowhere[1 << 16], *map = nowhere;

NOT_COVERED __attribute__((constructor)) static void open_map(void) {
    const char *path = getenv("FRAMESCOPE_COVERAGE");
    int file = path ? open(path, O_RDWR) : -1;
    if (file < 0) return;
    void *shared = mmap(NULL, sizeof nowhere, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) map = shared;
    close(file);
}

/* gcc: the place itself, from the beginning of the program, which is loaded elsewhere each time. */
NOT_COVERED void __sanitizer_cov_trace_pc(void) {
    uintptr_t place = (uintptr_t)__builtin_return_address(0) - (uintptr_t)open_map;
    map[(place ^ place >> 16) & 0xffff] = 1;
}

/* clang: each branch has a number. */
NOT_COVERED void __sanitizer_cov_trace_pc_guard_init(uint32_t *from, uint32_t *to) {
    static uint32_t count;
    if (from == to || *from) return;
    while (from < to) *from++ = ++count;
}

NOT_COVERED void __sanitizer_cov_trace_pc_guard(uint32_t *branch) {
    map[*branch & 0xffff] = 1;
}
