/* fire.c - see fire.h. */
#include "fire.h"

#include <sys/wait.h>
#include <unistd.h>

#include "null_client.h"

static int orders = -1;

static void fire_fail(const char *what)
{
    fprintf(stderr, "bench: fire: %s\n", what);
    exit(1);
}

static void set_all(struct null_client *client, const struct null_frames *frames, size_t leaves)
{
    uint8_t reply[256];
    int32_t error = 0;
    null_write(client->fd, frames->bytes, frames->size);
    for (size_t i = 0; i < leaves; i++) {
        null_reply(client, reply, sizeof reply, &error);
        if (error != 0) fire_fail("a node could not be set");
    }
}

static void obey(int order, const char *address, size_t leaves)
{
    char path[TREE_PATH_SIZE], data[BENCH_DATA_BYTES], byte;
    struct null_client client = {.fd = -1};
    struct null_frames frames = {0};
    tree_stamp(data, 0);
    for (size_t i = 0; i < leaves; i++) {
        tree_leaf(leaves, i, path);
        null_frame_set(&frames, 1, path, data, sizeof data);
    }
    null_attach(&client, address);
    while (read(order, &byte, 1) == 1) set_all(&client, &frames, leaves);
    close(client.fd);
    free(frames.bytes);
}

void fire_prepare(const char *address, size_t leaves)
{
    int ends[2];
    if (pipe(ends) != 0) fire_fail("no pipe");
    pid_t pid = fork();
    if (pid < 0) fire_fail("no process");
    if (pid == 0) {
        close(ends[1]);
        obey(ends[0], address, leaves);
        _exit(0);
    }
    close(ends[0]);
    orders = ends[1];
}

void fire_now(void)
{
    if (write(orders, "", 1) != 1) fire_fail("nobody to fire");
}

void fire_end(void)
{
    close(orders);
    while (wait(NULL) > 0) continue;
}
