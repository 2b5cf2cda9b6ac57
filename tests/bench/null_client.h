/* null_client.h - the floor: a client that knows the bytes of its requests beforehand, writes them, and counts the bytes of the
 * replies. It keeps no promise, parses next to nothing and waits in the kernel. What a real client costs on top of it is the
 * price of being one.
 *
 * Every failure ends the program with a message: a measurement that went wrong has no other use. */
#ifndef BENCH_NULL_CLIENT_H
#define BENCH_NULL_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes to be written. Zero it first. */
struct null_frames {
    uint8_t *bytes;
    size_t size, capacity;
};

/* Each appends one whole frame. */
void null_frame_get(struct null_frames *frames, int32_t xid, const char *path);
void null_frame_set(struct null_frames *frames, int32_t xid, const char *path, const void *data, size_t size);
void null_frame_create(struct null_frames *frames, int32_t xid, const char *path, const void *data, size_t size, int32_t flags);
void null_frame_children(struct null_frames *frames, int32_t xid, const char *path);
void null_frame_delete(struct null_frames *frames, int32_t xid, const char *path);
void null_frame_exists_watched(struct null_frames *frames, int32_t xid, const char *path);
void null_frame_add_watch(struct null_frames *frames, int32_t xid, const char *path); /* Of all that is below it. */
void null_frame_close(struct null_frames *frames, int32_t xid);

/* A frame of set-watches, of @count one-shot watches on nodes that are not there: begun, then the paths, then ended with what began it
 * returned. */
size_t null_frame_set_watches(struct null_frames *frames, int64_t zxid, int32_t count);
void null_frame_add_path(struct null_frames *frames, const char *path);
void null_frame_set_watches_end(struct null_frames *frames, size_t begun);
/* The same on the children of nodes. */
size_t null_frame_child_watches(struct null_frames *frames, int64_t zxid, int32_t count);
void null_frame_child_watches_end(struct null_frames *frames, size_t begun);

/* A session. id and password are its own after null_attach(). */
struct null_client {
    int fd;
    int64_t id;
    uint8_t password[16];
    int64_t zxid; /* Last seen by null_reply(). */
};

/* @address: "127.0.0.1:2181". Does not return before the server accepted the connection. */
int null_connect(const char *address);
/* Connects and opens a session, or continues that of client->id. */
void null_attach(struct null_client *client, const char *address);

void null_write(int fd, const uint8_t *bytes, size_t size);
size_t null_read(int fd, uint8_t *bytes, size_t size); /* As many as there are; at least one. */

/* One whole reply, length included, into @bytes. Returns its size and sets *@ret_error to the error of its header. */
size_t null_reply(struct null_client *client, uint8_t *bytes, size_t size, int32_t *ret_error);

#endif
