/* tree.h - the tree that caches are measured with: a root, a directory for every hundred leaves, and leaves with paths of 40 bytes and data of
 * 100. There is one for each number of leaves. */
#ifndef BENCH_TREE_H
#define BENCH_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "meter.h"

enum {
    TREE_PATH_SIZE = 40 + 1,
    TREE_FANOUT = 100,
    TREE_LEAVES_MAX = 1000000,
    TREE_STAMP_BYTES = 20, /* A time by bench_now_ns(), in digits, at the beginning of a leaf's data. 0: as it was made. */
};

/* How many nodes the tree of @leaves has: leaves, directories and root. */
size_t tree_nodes(size_t leaves);
void tree_root(size_t leaves, char path[TREE_PATH_SIZE]);
void tree_directory(size_t leaves, size_t number, char path[TREE_PATH_SIZE]);
void tree_leaf(size_t leaves, size_t number, char path[TREE_PATH_SIZE]);
/* The number of a leaf by its path; SIZE_MAX: it is none. */
size_t tree_number(const char *path, size_t size);

void tree_stamp(char data[BENCH_DATA_BYTES], uint64_t when_ns);
uint64_t tree_when(const void *data, size_t size);

#endif
