/* watches.h - what the three programs share that measure how watches come back: the paths, the cut, and the server's count. Every
 * failure ends the program with a message. */
#ifndef BENCH_WATCHES_H
#define BENCH_WATCHES_H

#include <stddef.h>
#include <stdint.h>

enum {
    WATCHES_MAX = 10000000,
    WATCHES_PATH_BYTES = 200,
    WATCHES_PATH_SIZE = WATCHES_PATH_BYTES + 1,
    WATCHES_OUTSTANDING = 1000, /* While they are set. */
};

/* The path of one of them: nobody creates it. */
void watches_path(size_t number, char path[WATCHES_PATH_SIZE]);

/* Shuts every connection of this process down under its owner's feet, who learns it as it would learn of a reset. Returns when that
 * was, by bench_now_ns(). */
uint64_t watches_cut(void);

/* How many packets the server has received so far, from everybody. Asking is made up for: two questions in turn, with nothing in
 * between, get the same answer. */
uint64_t watches_received(const char *address);

#endif
