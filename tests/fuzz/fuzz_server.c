/* tests/fuzz/fuzz_server.c - the development server against clients that say anything.
 *
 * The input is a play of steps for two connections: a byte that picks connection and step, a byte as its argument, two bytes as the
 * size of what follows. The first step of a connection is a proper handshake unless the play says otherwise, and frames get
 * their length from the harness, so that the fuzzer need not guess it; raw bytes are a step too. Whatever comes, the server goes on
 * serving: at the end a fresh client opens a session and reads. */
#include <stdlib.h>
#include <string.h>

#include "core/wire/wire.h"
#include "server.h"
#include "words.h"

enum { FUZZ_CONNECTIONS = 2, FUZZ_STEPS_MAX = 400 };

enum fuzz_step {
    STEP_FRAME,   /* What follows, with a length in front. */
    STEP_REQUEST, /* The same behind a header: xid 1, operation the argument as a signed byte (100 and more: as it is). */
    STEP_BYTES,   /* What follows, as it is. */
    STEP_WAIT,    /* The argument times 50 ms. */
    STEP_LEAVE,   /* The connection goes; a new one comes. */
    STEP_COUNT
};

struct fuzz {
    struct leader *leader;
    struct replica *replica;
    struct connection *connections[FUZZ_CONNECTIONS];
    struct server_message *messages, **last;
    uint64_t now_ms;
    size_t replied; /* Bytes. */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void carry(void *user, struct server_message *message)
{
    struct fuzz *f = user;
    message->next = NULL;
    *f->last = message;
    f->last = &message->next;
}

/* For the words that list sessions. */
static void about(void *user, struct server_about *ret_about)
{
    const struct fuzz *f = user;
    ret_about->wall = (int64_t)f->now_ms;
    ret_about->leader = f->leader;
}

/* Messages, answers, and connections that the server is done with. */
static void settle(struct fuzz *f)
{
    while (f->messages != NULL) {
        struct server_message *message = f->messages;
        f->messages = message->next;
        if (f->messages == NULL) f->last = &f->messages;
        if (message->type <= UP_TOUCH) {
            docent_leader_receive(f->leader, f->now_ms, (int64_t)f->now_ms, message);
        } else {
            docent_replica_receive(f->replica, f->now_ms, message);
        }
    }
    for (int i = 0; i < FUZZ_CONNECTIONS; i++) {
        const uint8_t *data;
        size_t size = docent_connection_send(f->connections[i], &data);
        f->replied += size;
        if (size > 0) docent_connection_sent(f->connections[i], size);
        bool dropped;
        if (!docent_connection_wants_close(f->connections[i], &dropped)) continue;
        docent_connection_free(f->connections[i]);
        f->connections[i] = docent_connection_new(f->replica, f->now_ms, "127.0.0.1", NULL);
    }
}

static void receive(struct fuzz *f, int which, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size); /* Exactly so large, for the sanitizer. */
    if (copy == NULL) abort();
    if (size > 0) memcpy(copy, data, size);
    docent_connection_recv(f->connections[which], f->now_ms, copy, size);
    free(copy);
    settle(f);
}

static void receive_frame(struct fuzz *f, int which, const int32_t *header, const uint8_t *data, size_t size)
{
    struct wire_out out = { 0 };
    size_t begin = docent_wire_frame_begin(&out);
    if (header != NULL) {
        docent_wire_put_int(&out, header[0]);
        docent_wire_put_int(&out, header[1]);
    }
    docent_wire_put_raw(&out, data, size);
    docent_wire_frame_end(&out, begin);
    receive(f, which, out.data, out.size);
    docent_wire_out_free(&out);
}

static void handshake(struct fuzz *f, int which)
{
    static const uint8_t password[16];
    struct wire_out out = { 0 };
    struct wire_connect_request request = { .timeout_ms = 2000, .password = docent_wire_buffer(password, 16) };
    docent_wire_put_connect_request(&out, &request);
    docent_wire_put_bool(&out, false);
    receive_frame(f, which, NULL, out.data, out.size);
    docent_wire_out_free(&out);
}

static void step(struct fuzz *f, int which, enum fuzz_step what, uint8_t argument, const uint8_t *data, size_t size)
{
    switch (what) {
    case STEP_FRAME: receive_frame(f, which, NULL, data, size); break;
    case STEP_REQUEST: {
        int32_t header[2] = { 1, argument >= 200 ? (int8_t)argument : argument };
        if (docent_connection_session(f->connections[which]) == 0) handshake(f, which);
        receive_frame(f, which, header, data, size);
        break;
    }
    case STEP_BYTES: receive(f, which, data, size); break;
    case STEP_WAIT:
        f->now_ms += argument * 50u;
        docent_leader_tick(f->leader, f->now_ms, (int64_t)f->now_ms);
        docent_replica_tick(f->replica, f->now_ms);
        settle(f);
        break;
    case STEP_LEAVE:
        docent_connection_free(f->connections[which]);
        f->connections[which] = docent_connection_new(f->replica, f->now_ms, "127.0.0.1", NULL);
        break;
    case STEP_COUNT: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = { .now_ms = 1000 };
    struct server_config config = { .ttl_nodes = true, .container_check_ms = 1000 };
    f.last = &f.messages;
    f.leader = docent_leader_new(&config, f.now_ms, 1000);
    f.replica = docent_replica_new(&config, 0, carry, &f);
    docent_leader_join(f.leader, 0, carry, &f);
    docent_replica_set_about(f.replica, about, &f);
    for (int i = 0; i < FUZZ_CONNECTIONS; i++) f.connections[i] = docent_connection_new(f.replica, f.now_ms, "127.0.0.1", NULL);

    for (int steps = 0; size >= 4 && steps < FUZZ_STEPS_MAX; steps++) {
        size_t follows = (size_t)data[2] << 8 | data[3];
        uint8_t pick = data[0], argument = data[1];
        data += 4;
        size -= 4;
        if (follows > size) follows = size;
        step(&f, pick & 1, (enum fuzz_step)((pick >> 1) % STEP_COUNT), argument, data, follows);
        data += follows;
        size -= follows;
    }

    step(&f, 0, STEP_LEAVE, 0, NULL, 0);
    handshake(&f, 0);
    if (docent_connection_session(f.connections[0]) == 0) abort();
    size_t before = f.replied;
    const int32_t exists[2] = { 7, WIRE_OP_EXISTS };
    static const uint8_t root[] = { 0, 0, 0, 1, '/', 0 };
    receive_frame(&f, 0, exists, root, sizeof root);
    if (f.replied != before + 4 + WIRE_REPLY_HEADER + WIRE_STAT_SIZE) abort();

    docent_replica_free(f.replica);
    docent_leader_free(f.leader);
    return 0;
}
