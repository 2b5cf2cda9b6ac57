#include "null_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meter.h"

enum { OP_CREATE = 1, OP_DELETE = 2, OP_EXISTS = 3, OP_GET = 4, OP_SET = 5, OP_CHILDREN = 8, OP_SET_WATCHES = 101, OP_ADD_WATCH = 106, OP_CLOSE = -11 };
enum { XID_SET_WATCHES = -8 };

static void null_fail(const char *what)
{
    fprintf(stderr, "null client: %s: %s\n", what, errno != 0 ? strerror(errno) : "unexpected reply");
    exit(1);
}

static void put_bytes(struct null_frames *frames, const void *bytes, size_t size)
{
    if (frames->capacity - frames->size < size) {
        frames->capacity = (frames->capacity + size) * 2;
        frames->bytes = realloc(frames->bytes, frames->capacity);
        if (frames->bytes == NULL) null_fail("memory");
    }
    memcpy(frames->bytes + frames->size, bytes, size);
    frames->size += size;
}

static void put_int(struct null_frames *frames, int32_t number)
{
    uint32_t big = htonl((uint32_t)number);
    put_bytes(frames, &big, sizeof big);
}

static void put_long(struct null_frames *frames, int64_t number)
{
    put_int(frames, (int32_t)(number >> 32));
    put_int(frames, (int32_t)(number & 0xffffffff));
}

static void put_buffer(struct null_frames *frames, const void *data, size_t size)
{
    put_int(frames, (int32_t)size);
    put_bytes(frames, data, size);
}

static void put_text(struct null_frames *frames, const char *text)
{
    put_buffer(frames, text, strlen(text));
}

/* The length is written when the frame is complete. */
static size_t frame_begin(struct null_frames *frames)
{
    put_int(frames, 0);
    return frames->size;
}

static size_t request_begin(struct null_frames *frames, int32_t xid, int32_t op)
{
    size_t start = frame_begin(frames);
    put_int(frames, xid);
    put_int(frames, op);
    return start;
}

static void frame_end(struct null_frames *frames, size_t start)
{
    uint32_t length = htonl((uint32_t)(frames->size - start));
    memcpy(frames->bytes + start - sizeof length, &length, sizeof length);
}

void null_frame_get(struct null_frames *frames, int32_t xid, const char *path)
{
    size_t start = request_begin(frames, xid, OP_GET);
    put_text(frames, path);
    put_bytes(frames, "", 1);
    frame_end(frames, start);
}

void null_frame_set(struct null_frames *frames, int32_t xid, const char *path, const void *data, size_t size)
{
    size_t start = request_begin(frames, xid, OP_SET);
    put_text(frames, path);
    put_buffer(frames, data, size);
    put_int(frames, -1);
    frame_end(frames, start);
}

void null_frame_create(struct null_frames *frames, int32_t xid, const char *path, const void *data, size_t size, int32_t flags)
{
    size_t start = request_begin(frames, xid, OP_CREATE);
    put_text(frames, path);
    put_buffer(frames, data, size);
    put_int(frames, 1); /* One entry: world:anyone may do everything. */
    put_int(frames, 31);
    put_text(frames, "world");
    put_text(frames, "anyone");
    put_int(frames, flags);
    frame_end(frames, start);
}

void null_frame_children(struct null_frames *frames, int32_t xid, const char *path)
{
    size_t start = request_begin(frames, xid, OP_CHILDREN);
    put_text(frames, path);
    put_bytes(frames, "", 1);
    frame_end(frames, start);
}

void null_frame_delete(struct null_frames *frames, int32_t xid, const char *path)
{
    size_t start = request_begin(frames, xid, OP_DELETE);
    put_text(frames, path);
    put_int(frames, -1);
    frame_end(frames, start);
}

void null_frame_exists_watched(struct null_frames *frames, int32_t xid, const char *path)
{
    size_t start = request_begin(frames, xid, OP_EXISTS);
    put_text(frames, path);
    put_bytes(frames, "\1", 1);
    frame_end(frames, start);
}

void null_frame_add_watch(struct null_frames *frames, int32_t xid, const char *path)
{
    size_t start = request_begin(frames, xid, OP_ADD_WATCH);
    put_text(frames, path);
    put_int(frames, 1); /* Persistent and recursive. */
    frame_end(frames, start);
}

size_t null_frame_set_watches(struct null_frames *frames, int64_t zxid, int32_t count)
{
    size_t start = request_begin(frames, XID_SET_WATCHES, OP_SET_WATCHES);
    put_long(frames, zxid);
    put_int(frames, 0); /* Data. */
    put_int(frames, count);
    return start;
}

size_t null_frame_child_watches(struct null_frames *frames, int64_t zxid, int32_t count)
{
    size_t start = request_begin(frames, XID_SET_WATCHES, OP_SET_WATCHES);
    put_long(frames, zxid);
    put_int(frames, 0); /* Data. */
    put_int(frames, 0); /* Nodes that are not there. */
    put_int(frames, count);
    return start;
}

void null_frame_child_watches_end(struct null_frames *frames, size_t begun)
{
    frame_end(frames, begun);
}

void null_frame_add_path(struct null_frames *frames, const char *path)
{
    put_text(frames, path);
}

void null_frame_set_watches_end(struct null_frames *frames, size_t begun)
{
    put_int(frames, 0); /* Children. */
    frame_end(frames, begun);
}

void null_frame_close(struct null_frames *frames, int32_t xid)
{
    frame_end(frames, request_begin(frames, xid, OP_CLOSE));
}

int null_connect(const char *address)
{
    struct sockaddr_in server = {.sin_family = AF_INET};
    char host[64];
    const char *colon = strrchr(address, ':');
    if (colon == NULL || (size_t)(colon - address) >= sizeof host) {
        fprintf(stderr, "null client: not an IPv4 address and port: %s\n", address);
        exit(2);
    }
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    server.sin_port = htons((uint16_t)bench_number(colon + 1, 65535));
    if (inet_pton(AF_INET, host, &server.sin_addr) != 1) {
        fprintf(stderr, "null client: not an IPv4 address: %s\n", host);
        exit(2);
    }

    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) null_fail("socket");
    if (connect(fd, (const struct sockaddr *)&server, sizeof server) != 0) {
        if (errno != ECONNREFUSED) null_fail("connect");
        close(fd);
        return -1;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int64_t take_long(const uint8_t *bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | bytes[i];
    }
    return (int64_t)number;
}

static int32_t take_int(const uint8_t *bytes)
{
    return (int32_t)((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
}

static void read_whole(int fd, uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t got = null_read(fd, bytes, size);
        bytes += got;
        size -= got;
    }
}

void null_attach(struct null_client *client, const char *address)
{
    struct null_frames request = {0};
    client->fd = null_connect(address);
    if (client->fd < 0) null_fail("connect");

    size_t start = frame_begin(&request);
    put_int(&request, 0);
    put_long(&request, client->zxid);
    put_int(&request, BENCH_SESSION_MS);
    put_long(&request, client->id);
    put_buffer(&request, client->password, sizeof client->password);
    put_bytes(&request, "", 1);
    frame_end(&request, start);
    null_write(client->fd, request.bytes, request.size);
    free(request.bytes);

    uint8_t reply[4 + 37];
    read_whole(client->fd, reply, sizeof reply);
    errno = 0;
    if (take_int(reply) != 37 || take_int(reply + 8) <= 0) null_fail("session");
    client->id = take_long(reply + 12);
    memcpy(client->password, reply + 24, sizeof client->password);
}

void null_write(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = send(fd, bytes, size, MSG_NOSIGNAL);
        if (put < 0) null_fail("write");
        bytes += put;
        size -= (size_t)put;
    }
}

size_t null_read(int fd, uint8_t *bytes, size_t size)
{
    ssize_t got = recv(fd, bytes, size, 0);
    if (got == 0) errno = ECONNRESET;
    if (got <= 0) null_fail("read");
    return (size_t)got;
}

size_t null_reply(struct null_client *client, uint8_t *bytes, size_t size, int32_t *ret_error)
{
    size_t have = 0;
    for (;;) {
        size_t need = have < 4 ? 20 : 4 + (size_t)take_int(bytes);
        errno = EMSGSIZE;
        if (need < 20 || need > size) null_fail("reply");
        if (have >= need) {
            int64_t zxid = take_long(bytes + 8);
            if (zxid > client->zxid) client->zxid = zxid;
            *ret_error = take_int(bytes + 16);
            return need;
        }
        have += null_read(client->fd, bytes + have, need - have);
    }
}
