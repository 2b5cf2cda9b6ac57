/* tests/fuzz/fuzz_session.c - the client against a server that says anything at any time.
 *
 * The input is a play of steps: a byte that picks the step, a byte as its argument, a byte as the size of what follows it.
 * The harness is the driver and the network: it knows the ids of requests under way, so that the fuzzer need not guess them to
 * get past the order of replies. Whatever happens, every call is answered exactly once, and closing comes to an end. */
#include <stdlib.h>
#include <string.h>

#include <docent/operation.h>
#include <docent/watch.h>

#include "core/client/core.h"
#include "core/wire/wire.h"

enum { FUZZ_XIDS_MAX = 256, FUZZ_CLOSING_MAX = 1000, FUZZ_CALLS_MAX = 64, FUZZ_REPLY_MAX = 300 };

enum fuzz_step {
    STEP_BYTES,     /* The server sends what follows, as it is. */
    STEP_ACCEPT,    /* It accepts the handshake; argument: read-only. */
    STEP_REPLY,     /* It answers the oldest request: err is minus the argument, the body is what follows. */
    STEP_NOTIFY,    /* A notification with what follows. */
    STEP_CALL,      /* The application calls; argument: which operation. */
    STEP_CUT,       /* The connection breaks. */
    STEP_WAIT,      /* Time passes: the argument times 50 ms. */
    STEP_PROBED,    /* The version probe answers what follows. */
    STEP_LARGE,     /* The server begins to answer the oldest request with more than the limit allows, by 1 + the argument; what follows
                     * is the beginning of the body. */
    STEP_COUNT
};

struct fuzz {
    docent_client *client;
    uint64_t now_ms, entropy;
    uint32_t serial;
    bool connected, handshaken;
    struct docent_post *posts, **posts_last;
    int32_t xids[FUZZ_XIDS_MAX]; /* Sent and not answered, a ring. */
    size_t xid_first, xid_count;
    size_t accepted, answered;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t host_now(void *user)
{
    return ((struct fuzz *)user)->now_ms;
}

static docent_status host_check(void *user)
{
    (void)user;
    return DOCENT_OK;
}

static void host_entropy(void *user, void *bytes, size_t size)
{
    struct fuzz *fuzz = user;
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)(fuzz->entropy = fuzz->entropy * 6364136223846793005u + 1442695040888963407u);
    }
}

static void host_wake(void *user)
{
    (void)user; /* Every step ends with the driver's work. */
}

static docent_status host_post(void *user, struct docent_post *post, bool bounded)
{
    struct fuzz *fuzz = user;
    (void)bounded;
    post->next = NULL;
    *fuzz->posts_last = post;
    fuzz->posts_last = &post->next;
    return DOCENT_OK;
}

static void fuzz_run_posts(struct fuzz *fuzz)
{
    while (fuzz->posts != NULL) {
        struct docent_post *post = fuzz->posts;
        fuzz->posts = post->next;
        if (fuzz->posts == NULL) fuzz->posts_last = &fuzz->posts;
        post->run(post);
    }
}

/* Remembers the ids of what the client writes. Frames come whole: the whole of what is pending is taken each time. */
static void fuzz_hear(struct fuzz *fuzz, const uint8_t *data, size_t size)
{
    struct wire_in in = docent_wire_in(data, size);
    struct wire_error_response length; /* A record of one number. */
    while (in.size != 0 && docent_wire_get_error_response(&in, &length)) {
        if (length.err < 0 || (size_t)length.err > in.size) abort();
        struct wire_in frame = docent_wire_in(in.data, (size_t)length.err);
        struct wire_request_header header;
        in.data += length.err;
        in.size -= (size_t)length.err;
        if (!fuzz->handshaken) {
            fuzz->handshaken = true;
        } else if (docent_wire_get_request_header(&frame, &header) && fuzz->xid_count < FUZZ_XIDS_MAX) {
            fuzz->xids[(fuzz->xid_first + fuzz->xid_count++) % FUZZ_XIDS_MAX] = header.xid;
        }
    }
}

static void fuzz_work(struct fuzz *fuzz)
{
    fuzz_run_posts(fuzz);
    docent_core_tick(fuzz->client, fuzz->now_ms);
    if (docent_core_wants_addresses(fuzz->client)) {
        struct docent_address addresses[] = { { .family = 4, .ip = { 127, 0, 0, 1 }, .port = 2181 },
                                              { .family = 4, .ip = { 127, 0, 0, 2 }, .port = 2181 } };
        docent_core_addresses(fuzz->client, fuzz->now_ms, addresses, 2);
    }
    struct docent_link link;
    docent_core_link(fuzz->client, &link);
    if (link.serial != fuzz->serial) {
        fuzz->serial = link.serial;
        fuzz->connected = link.wanted;
        fuzz->handshaken = false;
        fuzz->xid_count = 0;
        if (link.wanted) docent_core_connected(fuzz->client, fuzz->now_ms);
    }
    const uint8_t *data;
    size_t size;
    while (fuzz->connected && (size = docent_core_send(fuzz->client, &data)) != 0) {
        fuzz_hear(fuzz, data, size);
        docent_core_sent(fuzz->client, fuzz->now_ms, size);
    }
}

static void fuzz_deliver(struct fuzz *fuzz, const struct wire_out *out)
{
    if (fuzz->connected && !out->failed) docent_core_recv(fuzz->client, fuzz->now_ms, out->data, out->size);
}

static void fuzz_accept(struct fuzz *fuzz, bool read_only)
{
    static const uint8_t password[16] = { 1, 2, 3 };
    struct wire_out out = { 0 };
    struct wire_connect_response response = { 0, 10000, 0x1234, docent_wire_buffer(password, sizeof(password)) };
    size_t begin = docent_wire_frame_begin(&out);
    docent_wire_put_connect_response(&out, &response);
    docent_wire_put_bool(&out, read_only);
    docent_wire_frame_end(&out, begin);
    fuzz_deliver(fuzz, &out);
    docent_wire_out_free(&out);
}

static void fuzz_frame(struct fuzz *fuzz, int32_t xid, int32_t err, const uint8_t *body, size_t size)
{
    struct wire_out out = { 0 };
    struct wire_reply_header header = { xid, (int64_t)fuzz->now_ms, err };
    size_t begin = docent_wire_frame_begin(&out);
    docent_wire_put_reply_header(&out, &header);
    docent_wire_put_raw(&out, body, size);
    docent_wire_frame_end(&out, begin);
    fuzz_deliver(fuzz, &out);
    docent_wire_out_free(&out);
}

/* The rest is what comes next. */
static void fuzz_large(struct fuzz *fuzz, int32_t xid, uint8_t more, const uint8_t *body, size_t size)
{
    struct wire_out out = { 0 };
    struct wire_reply_header header = { xid, (int64_t)fuzz->now_ms, 0 };
    docent_wire_put_int(&out, FUZZ_REPLY_MAX + 1 + more);
    docent_wire_put_reply_header(&out, &header);
    docent_wire_put_raw(&out, body, size);
    fuzz_deliver(fuzz, &out);
    docent_wire_out_free(&out);
}

static void fuzz_on_result(const docent_result *result, void *user)
{
    struct fuzz *fuzz = user;
    (void)result;
    fuzz->answered++;
}

static void fuzz_on_watch(const docent_watch_event *event, void *user)
{
    (void)event;
    (void)user;
}

static void fuzz_call(struct fuzz *fuzz, unsigned which)
{
    if (fuzz->accepted >= FUZZ_CALLS_MAX) return;
    const docent_op parts[] = { docent_op_create("/a/m", "x", 1, DOCENT_PERSISTENT), docent_op_set("/a", "y", 1, 1),
                                docent_op_check("/a", 0), docent_op_delete("/a/m", 0) };
    const docent_op reads[] = { docent_op_get("/a"), docent_op_children("/a") };
    const docent_op ops[] = {
        docent_op_create("/a", NULL, 0, DOCENT_PERSISTENT), docent_op_create("/a/n-", "x", 1, DOCENT_EPHEMERAL_SEQUENTIAL),
        docent_op_delete("/a", 3), docent_op_exists("/a"), docent_op_get("/a"), docent_op_set("/a", "y", 1, 2),
        docent_op_get_acl("/a"), docent_op_set_acl("/a", docent_acl_read_only(), 0), docent_op_children("/a"),
        docent_op_child_count("/a"), docent_op_ephemerals("/"), docent_op_sync("/"), docent_op_multi(parts, 4),
        docent_op_multi_read(reads, 2), docent_op_check_watches("/a", DOCENT_WATCH_PERSISTENT), docent_op_who_am_i(),
    };
    enum { OPS = sizeof(ops) / sizeof(ops[0]) };
    const docent_op *op = &ops[which % OPS];
    docent_call_options call = { DOCENT_CALL_OPTIONS, .timeout_ms = 5000 };
    bool watchable = op->type == DOCENT_OP_GET || op->type == DOCENT_OP_EXISTS || op->type == DOCENT_OP_CHILDREN;
    if (which >= 128 && watchable) call.watch = fuzz_on_watch;
    if (which >= 128 && !watchable) {
        docent_watch *watch;
        docent_watch_kind kind = which & 1 ? DOCENT_WATCH_RECURSIVE : DOCENT_WATCH_PERSISTENT;
        if (docent_watch_async(fuzz->client, "/a", kind, fuzz_on_watch, NULL, &watch) != DOCENT_OK) abort();
        return;
    }
    if (docent_run_async(fuzz->client, op, &call, fuzz_on_result, fuzz) == DOCENT_OK) fuzz->accepted++;
}

static void fuzz_step(struct fuzz *fuzz, enum fuzz_step step, uint8_t argument, const uint8_t *body, size_t size)
{
    switch (step) {
    case STEP_BYTES:
        if (fuzz->connected) docent_core_recv(fuzz->client, fuzz->now_ms, body, size);
        break;
    case STEP_ACCEPT: fuzz_accept(fuzz, argument & 1); break;
    case STEP_REPLY:
        if (fuzz->xid_count == 0) break;
        fuzz->xid_count--;
        fuzz_frame(fuzz, fuzz->xids[fuzz->xid_first++ % FUZZ_XIDS_MAX], -(int32_t)argument, body, size);
        break;
    case STEP_NOTIFY: fuzz_frame(fuzz, WIRE_XID_NOTIFICATION, 0, body, size); break;
    case STEP_CALL: fuzz_call(fuzz, argument); break;
    case STEP_CUT:
        if (fuzz->connected) docent_core_disconnected(fuzz->client, fuzz->now_ms);
        break;
    case STEP_WAIT: fuzz->now_ms += argument * 50u; break;
    case STEP_PROBED: {
        struct docent_address address;
        if (docent_core_wants_probe(fuzz->client, &address)) {
            docent_core_probed(fuzz->client, fuzz->now_ms, &address, (const char *)body, size);
        }
        break;
    }
    case STEP_LARGE:
        if (fuzz->xid_count == 0) break;
        fuzz->xid_count--;
        fuzz_large(fuzz, fuzz->xids[fuzz->xid_first++ % FUZZ_XIDS_MAX], argument, body, size);
        break;
    case STEP_COUNT: break;
    }
    fuzz_work(fuzz);
}

static void fuzz_close(struct fuzz *fuzz)
{
    docent_core_close(fuzz->client, fuzz->now_ms);
    for (int i = 0; !docent_core_closed(fuzz->client); i++) {
        if (i == FUZZ_CLOSING_MAX) abort(); /* It never ends. */
        fuzz->now_ms += 10;
        fuzz_work(fuzz);
    }
    fuzz_run_posts(fuzz);
    docent_core_free(fuzz->client);
    if (fuzz->answered != fuzz->accepted) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = { .now_ms = 1000 };
    fuzz.posts_last = &fuzz.posts;
    const struct docent_host host = {
        .user = &fuzz,
        .now_ms = host_now,
        .check_loop = host_check,
        .entropy = host_entropy,
        .wake = host_wake,
        .post = host_post,
        .default_label = "fuzz",
    };
    const docent_retry retry = { DOCENT_RETRY };
    const docent_client_options options = {
        DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 10000, .call_timeout_ms = 30000, .close_timeout_ms = 1000, .retry = &retry,
        .read_only_allowed = true, .request_max_bytes = WIRE_REQUEST_MAX, .reply_max_bytes = FUZZ_REPLY_MAX, .inbox_max = 100, .pending_max = 1000,
        .offline = DOCENT_OFFLINE_QUEUE, .seed = 7,
    };
    const struct docent_core_config config = { .options = &options, .chroot = "" };
    if (docent_core_new(&config, &host, &fuzz.client) != DOCENT_OK) abort();
    fuzz_work(&fuzz);
    while (size >= 3) {
        enum fuzz_step step = data[0] % STEP_COUNT;
        uint8_t argument = data[1];
        size_t body = data[2] < size - 3 ? data[2] : size - 3;
        uint8_t *copy = malloc(body != 0 ? body : 1); /* Exactly so large, for the sanitizers. */
        if (copy == NULL) abort();
        memcpy(copy, data + 3, body);
        fuzz_step(&fuzz, step, argument, copy, body);
        free(copy);
        data += 3 + body;
        size -= 3 + body;
    }
    fuzz_close(&fuzz);
    return 0;
}
