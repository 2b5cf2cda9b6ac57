/* tree.c - see tree.h. */
#include "tree.h"

enum { LEAF_DIGITS = 6 };

size_t tree_nodes(size_t leaves)
{
    return leaves + (leaves + TREE_FANOUT - 1) / TREE_FANOUT + 1;
}

/* So that the compiler sees that it fits. */
static unsigned digits(size_t number, unsigned limit)
{
    return (unsigned)(number % limit);
}

void tree_root(size_t leaves, char path[TREE_PATH_SIZE])
{
    snprintf(path, TREE_PATH_SIZE, "/docent-bench/%07u", digits(leaves, 10000000));
}

void tree_directory(size_t leaves, size_t number, char path[TREE_PATH_SIZE])
{
    snprintf(path, TREE_PATH_SIZE, "/docent-bench/%07u/%06u", digits(leaves, 10000000), digits(number, 1000000));
}

void tree_leaf(size_t leaves, size_t number, char path[TREE_PATH_SIZE])
{
    snprintf(path, TREE_PATH_SIZE, "/docent-bench/%07u/%06u/leaf-%06u", digits(leaves, 10000000), digits(number / TREE_FANOUT, 1000000),
             digits(number, 1000000));
}

size_t tree_number(const char *path, size_t size)
{
    size_t number = 0;
    if (size != TREE_PATH_SIZE - 1) return SIZE_MAX;
    for (const char *at = path + size - LEAF_DIGITS; at < path + size; at++) number = number * 10 + (size_t)(*at - '0');
    return number;
}

void tree_stamp(char data[BENCH_DATA_BYTES], uint64_t when_ns)
{
    char digits[TREE_STAMP_BYTES + 1];
    snprintf(digits, sizeof digits, "%0*" PRIu64, TREE_STAMP_BYTES, when_ns);
    memset(data, 'd', BENCH_DATA_BYTES);
    memcpy(data, digits, TREE_STAMP_BYTES);
}

uint64_t tree_when(const void *data, size_t size)
{
    const char *digits = data;
    uint64_t when = 0;
    for (size_t i = 0; i < TREE_STAMP_BYTES && i < size; i++) when = when * 10 + (uint64_t)(digits[i] - '0');
    return when;
}
