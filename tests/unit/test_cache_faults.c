/* tests/unit/test_cache_faults.c - caches under faults: the client's core against the development server's, with every request of the cache in the
 * test's hand. Numbers of failures: F-80, F-81, F-82, F-84, F-86, F-87, F-88, F-90, F-91, F-94. */
#include "unit.h"

#include <docent/docent.h>

#include "core/client/internal.h"
#include "one_server.h"
#include "tests/lib/test_alloc.h"
#include "tests/unit/peer.h"

enum { CLIENTS = 2, CACHING = 0, WRITING = 1, KNOWN_MAX = 256, STEP_MS = 100 };

enum mishap { MISHAP_NONE, MISHAP_ERROR, MISHAP_CUT, MISHAP_DELETE, MISHAP_CLOSE };

/* ---- Client and server. ---- */

static struct peer peers[CLIENTS];
static struct connection *connections[CLIENTS];
static uint32_t serials[CLIENTS];
static struct test_alloc memory;

static struct {
    size_t requests;      /* Of the caching client, since it was set to 0: without pings. */
    size_t flying;        /* The most that were under way at a time; a batch counts for eight. */
    size_t at;            /* Which of them the fault befalls; 0: none. */
    enum mishap mishap;
    int32_t err;
    const char *path;     /* MISHAP_DELETE */
    size_t sent_before;   /* The close. */
    uint32_t greeted;     /* The connection whose handshake was sent. */
} wire;

static docent_cache *cache;
static bool cache_closes;

static void server_answers(int i)
{
    struct peer *peer = &peers[i];
    deliver(peer->now, (int64_t)peer->now);
    const uint8_t *data;
    size_t size = connections[i] == NULL ? 0 : docent_connection_send(connections[i], &data);
    if (size == 0) return;
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, data, size);
    docent_connection_sent(connections[i], size);
    docent_core_recv(peer->client, peer->now, copy, size);
    free(copy);
}

static void delete_node(const char *path);

/* The server gets one frame of the caching client, or the mishap befalls it. */
static void hear(const uint8_t *bytes, size_t size, bool handshake)
{
    struct peer *peer = &peers[CACHING];
    struct wire_in in = docent_wire_in(bytes + 4, size - 4);
    struct wire_request_header header = { 0, 0 };
    if (!handshake) docent_wire_get_request_header(&in, &header);
    bool counts = !handshake && header.op != WIRE_OP_PING && header.op != WIRE_OP_CLOSE_SESSION;
    if (counts) {
        switch (header.op) { /* F-87: a cache never writes. */
        case WIRE_OP_EXISTS: case WIRE_OP_GET_DATA: case WIRE_OP_GET_CHILDREN: case WIRE_OP_GET_CHILDREN2: case WIRE_OP_MULTI_READ:
        case WIRE_OP_ADD_WATCH: case WIRE_OP_REMOVE_WATCHES: case WIRE_OP_SET_WATCHES: case WIRE_OP_SET_WATCHES2: break;
        default: fail_msg("a cache sent operation %d", header.op);
        }
        wire.requests++;
    }
    enum mishap mishap = counts && wire.requests == wire.at ? wire.mishap : MISHAP_NONE;
    switch (mishap) {
    case MISHAP_ERROR: {
        uint8_t reply[20] = { 0, 0, 0, 16 };
        docent_wire_store32(reply + 4, header.xid);
        docent_wire_store32(reply + 16, wire.err);
        docent_core_recv(peer->client, peer->now, reply, sizeof reply);
        return;
    }
    case MISHAP_CUT: docent_core_disconnected(peer->client, peer->now); return;
    case MISHAP_DELETE: delete_node(wire.path); break;
    case MISHAP_CLOSE:
        peer_work(peer);
        for (size_t at = 0; at < peer->size; at += 4 + (uint32_t)docent_wire_load32(peer->bytes + at)) wire.sent_before++;
        docent_cache_close(cache, NULL, NULL);
        cache = NULL;
        cache_closes = true;
        break;
    case MISHAP_NONE: break;
    }
    if (connections[CACHING] == NULL) return;
    docent_connection_recv(connections[CACHING], peer->now, bytes, size);
    server_answers(CACHING);
}

static void hear_all(void)
{
    static uint8_t bytes[sizeof peers[0].bytes];
    struct peer *peer = &peers[CACHING];
    size_t size = peer->size, flying = 0;
    uint32_t serial = peer->link.serial;
    memcpy(bytes, peer->bytes, size);
    peer->size = 0;
    bool greeted = wire.greeted == serial, closed_before = cache_closes;
    for (size_t at = 0, frame; at < size; at += frame) {
        frame = 4 + (size_t)(uint32_t)docent_wire_load32(bytes + at);
        bool read = greeted && docent_wire_load32(bytes + at + 4) > 0;
        if (read) flying += docent_wire_load32(bytes + at + 8) == WIRE_OP_MULTI_READ ? 8 : 1;
        if (flying > wire.flying) wire.flying = flying;
        hear(bytes + at, frame, !greeted);
        wire.greeted = serial;
        greeted = true;
        struct docent_link link;
        docent_core_link(peer->client, &link);
        if (link.serial != serial) return;
    }
    if (cache_closes && !closed_before) wire.requests = 0; /* Those behind it had been sent before. */
}

/* True: there were some. */
static bool carry_bytes(int i)
{
    struct peer *peer = &peers[i];
    peer_work(peer);
    if (peer->link.serial != serials[i]) {
        if (connections[i] != NULL) docent_connection_free(connections[i]);
        connections[i] = peer->link.wanted ? docent_connection_new(replica, peer->now, "10.0.0.9", NULL) : NULL;
        serials[i] = peer->link.serial;
    }
    if (connections[i] == NULL) return false;
    bool some = peer->size > 0;
    if (i == CACHING) {
        hear_all();
    } else if (some) {
        docent_connection_recv(connections[i], peer->now, peer->bytes, peer->size);
        peer->size = 0;
    }
    server_answers(i);
    return some;
}

/* Until there are none. */
static void settle(void)
{
    for (int still = 0; still < 2; still++) {
        for (int i = 0; i < CLIENTS; i++) {
            if (carry_bytes(i)) still = -1;
        }
    }
}

static void pass(uint64_t ms)
{
    uint64_t step = ms > 10000 ? 20 * STEP_MS : STEP_MS;
    for (uint64_t passed = 0; passed < ms; passed += step) {
        for (int i = 0; i < CLIENTS; i++) peer_pass(&peers[i], step);
        settle();
    }
}

static void with_memory(docent_client_options *options)
{
    options->allocator = &memory.allocator;
}

static void begin_below(const char *chroot)
{
    struct server_config config = { .tick_ms = 500 };
    assert_true(docent_speak_find("3.8", &config.speak));
    cache = NULL;
    cache_closes = false;
    memset(&wire, 0, sizeof wire);
    test_alloc_init(&memory, 0);
    server_begin(&config, 1000000, 1000000);
    for (int i = 0; i < CLIENTS; i++) {
        peer_start_below(&peers[i], i == CACHING ? chroot : "", 1, 60000, i == CACHING ? with_memory : NULL);
        connections[i] = NULL;
        serials[i] = 0;
    }
    settle();
    for (int i = 0; i < CLIENTS; i++) assert_int_equal(docent_client_state(peers[i].client), DOCENT_CONNECTED);
}

static void begin(void)
{
    begin_below("");
}

static void end(void)
{
    wire.at = 0;
    docent_cache_close(cache, NULL, NULL);
    for (int i = 0; i < CLIENTS; i++) docent_core_close(peers[i].client, peers[i].now);
    settle();
    pass(2000); /* Of one that was just about to reconnect. */
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(docent_core_closed(peers[i].client));
        docent_core_free(peers[i].client);
        if (connections[i] != NULL) docent_connection_free(connections[i]);
    }
    deliver(peers[0].now, (int64_t)peers[0].now);
    docent_replica_free(replica);
    docent_leader_free(leader);
    assert_int_equal(memory.outstanding, 0);
}

#define UNTIL(condition) \
    do { \
        settle(); \
        for (int tries = 0; tries < 600 && !(condition); tries++) pass(STEP_MS); \
        assert_true(condition); \
    } while (0)

/* ---- The writer, and what it has written. ---- */

static docent_status written;

static void on_written(const docent_result *result, void *user)
{
    (void)user;
    written = result->status;
}

/* Carried out at once, also in the midst of a request of the other client. */
static void write_all(void)
{
    struct peer *peer = &peers[WRITING];
    for (int tries = 0; written == DOCENT_ERR_TIMEOUT; tries++) {
        assert_in_range(tries, 0, 100);
        carry_bytes(WRITING);
        if (tries > 10) peer_pass(peer, STEP_MS);
    }
}

static void create(const char *path, const char *data)
{
    written = DOCENT_ERR_TIMEOUT;
    assert_int_equal(docent_create_async(peers[WRITING].client, path, data, strlen(data), DOCENT_PERSISTENT, on_written, NULL), DOCENT_OK);
    write_all();
    assert_int_equal(written, DOCENT_OK);
}

static void set(const char *path, const char *data)
{
    written = DOCENT_ERR_TIMEOUT;
    assert_int_equal(docent_set_async(peers[WRITING].client, path, data, strlen(data), -1, on_written, NULL), DOCENT_OK);
    write_all();
    assert_int_equal(written, DOCENT_OK);
}

static void delete_node(const char *path)
{
    written = DOCENT_ERR_TIMEOUT;
    assert_int_equal(docent_delete_async(peers[WRITING].client, path, -1, on_written, NULL), DOCENT_OK);
    write_all();
    assert_int_equal(written, DOCENT_OK);
}

static void create_tree(const char *root, int wide, int deep)
{
    char path[96];
    create(root, "root");
    for (int i = 0; i < wide; i++) {
        snprintf(path, sizeof path, "%s/%d", root, i);
        create(path, "middle");
        for (int j = 0; j < deep; j++) {
            snprintf(path, sizeof path, "%s/%d/%d", root, i, j);
            create(path, "leaf");
        }
    }
}

/* ---- The subscriber: F-84, every sequence has to be possible. ---- */

static struct {
    char *known[KNOWN_MAX];
    size_t count, added, changed, removed, failed, initialized, fresh, closed, after_close;
    size_t failures;
} told;

static size_t told_find(const char *path)
{
    size_t at = 0;
    while (at < told.count && strcmp(told.known[at], path) != 0) at++;
    return at;
}

static void on_added(const docent_node *node, void *user)
{
    const char *path = docent_node_path(node), *slash = strrchr(path, '/');
    char parent[96];
    snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
    assert_int_equal(told_find(path), told.count);
    if (strcmp(path, user) != 0) assert_true(told_find(parent) < told.count);
    assert_true(told.count < KNOWN_MAX);
    told.known[told.count++] = strdup(path);
    told.added++;
    told.after_close += cache_closes;
}

static void on_changed(const docent_node *before, const docent_node *after, void *user)
{
    (void)user;
    assert_true(told_find(docent_node_path(after)) < told.count);
    assert_int_equal(docent_node_stat(before).czxid, docent_node_stat(after).czxid);
    assert_true(docent_node_stat(before).mzxid < docent_node_stat(after).mzxid);
    told.changed++;
    told.after_close += cache_closes;
}

static void on_removed(const docent_node *node, void *user)
{
    (void)user;
    size_t at = told_find(docent_node_path(node)), size = strlen(docent_node_path(node));
    assert_true(at < told.count);
    for (size_t i = 0; i < told.count; i++) {
        assert_false(strncmp(told.known[i], docent_node_path(node), size) == 0 && told.known[i][size] == '/');
    }
    free(told.known[at]);
    told.known[at] = told.known[--told.count];
    told.removed++;
    told.after_close += cache_closes;
}

static void on_failed(const char *path, docent_status why, void *user)
{
    (void)path;
    (void)why;
    (void)user;
    told.failed++;
    told.after_close += cache_closes;
}

static void on_initialized(size_t failed, void *user)
{
    (void)user;
    told.failures = failed;
    told.initialized++;
    told.after_close += cache_closes;
}

static void on_fresh(void *user)
{
    (void)user;
    told.fresh++;
    told.after_close += cache_closes;
}

static void on_closed(docent_status why, void *user)
{
    (void)why;
    (void)user;
    told.closed++;
}

static void forget(void)
{
    for (size_t i = 0; i < told.count; i++) free(told.known[i]);
    memset(&told, 0, sizeof told);
}

/* False: there was no memory. */
static bool start_cache(const char *root)
{
    static const docent_cache_events events = { DOCENT_CACHE_EVENTS, .added = on_added, .changed = on_changed, .removed = on_removed,
                                                .failed = on_failed, .initialized = on_initialized, .fresh = on_fresh, .closed = on_closed };
    forget();
    docent_status status = docent_tree_cache_new(peers[CACHING].client, root, NULL, &cache);
    if (status == DOCENT_OK) {
        status = docent_cache_subscribe(cache, &events, (void *)(uintptr_t)root, NULL);
        if (status != DOCENT_OK) {
            docent_cache_close(cache, NULL, NULL);
            cache = NULL;
        }
    }
    if (status != DOCENT_OK) assert_int_equal(status, DOCENT_ERR_NO_MEMORY);
    return status == DOCENT_OK;
}

static bool has(const char *path, const char *data)
{
    const docent_node *node = docent_cache_get(cache, path);
    size_t size = 0;
    const void *have = docent_node_data(node, &size);
    bool good = node != NULL && size == strlen(data) && (size == 0 || memcmp(have, data, size) == 0);
    docent_node_unref(node);
    return good;
}

static bool is_whole(size_t count)
{
    return docent_cache_is_fresh(cache) && docent_cache_size(cache) == count && told.count == count;
}

/* ---- F-80, F-81: initialized() comes once, when all has ended, whatever became of the n-th request. ---- */

static void test_f81_an_error_of_any_request_ends_the_load(void **state)
{
    (void)state;
    static const int32_t errs[] = { DOCENT_ERR_NO_AUTH, DOCENT_ERR_THROTTLED, DOCENT_ERR_OPERATION_TIMEOUT, -4711 };
    for (size_t e = 0; e < sizeof errs / sizeof *errs; e++) {
        bool befell = true;
        for (size_t n = 1; befell; n++) {
            begin();
            create_tree("/t", 3, 3);
            wire.at = n;
            wire.mishap = MISHAP_ERROR;
            wire.err = errs[e];
            assert_true(start_cache("/t"));
            UNTIL(told.initialized == 1);
            befell = wire.requests >= n;
            wire.at = 0;
            size_t failures = docent_cache_failures(cache);
            assert_int_equal(told.failures, failures);
            if (errs[e] == DOCENT_ERR_THROTTLED) assert_int_equal(failures, 0);
            if (failures == 0) assert_int_equal(docent_cache_size(cache), 13);
            if (failures > 0) assert_true(told.failed > 0);

            assert_int_equal(docent_cache_refresh(cache), DOCENT_OK); /* And what has failed may work now. */
            UNTIL(is_whole(13));
            assert_int_equal(docent_cache_failures(cache), 0);
            pass(10000);
            assert_int_equal(told.initialized, 1);
            assert_int_equal(told.removed, 0);
            end();
        }
    }
}

static void test_f80_what_goes_during_the_load_does_not_hold_it_up(void **state)
{
    (void)state;
    static const char *const paths[] = { "/t/1/1", "/t/empty", "/t/2/0" };
    for (size_t p = 0; p < 3; p++) {
        bool befell = true;
        for (size_t n = 1; befell; n++) {
            begin();
            create_tree("/t", 3, 3);
            create("/t/empty", "");
            wire.at = n;
            wire.mishap = MISHAP_DELETE;
            wire.path = paths[p];
            assert_true(start_cache("/t"));
            UNTIL(told.initialized == 1);
            befell = wire.requests >= n;
            UNTIL(is_whole(befell ? 13 : 14));
            assert_int_equal(told.failed, 0);
            if (befell) assert_null(docent_cache_get(cache, paths[p]));
            end();
        }
    }
}

static void test_f80_a_cut_of_any_request_ends_the_load(void **state)
{
    (void)state;
    bool befell = true;
    for (size_t n = 1; befell; n++) {
        begin();
        create_tree("/t", 3, 3);
        wire.at = n;
        wire.mishap = MISHAP_CUT;
        assert_true(start_cache("/t"));
        UNTIL(told.initialized == 1);
        befell = wire.requests >= n;
        UNTIL(is_whole(13));
        assert_int_equal(told.failures, 0);
        end();
    }
}

/* ---- After a gap. ---- */

static void cut(void)
{
    peer_cut(&peers[CACHING]);
}

static void test_f82_deleted_and_made_anew_is_removed_and_added(void **state)
{
    (void)state;
    begin();
    create_tree("/t", 3, 3);
    assert_true(start_cache("/t"));
    UNTIL(is_whole(13));
    cut();
    delete_node("/t/1/1");
    create("/t/1/1", "other"); /* The version is as before. */
    size_t fresh = told.fresh;
    UNTIL(told.fresh > fresh);
    assert_true(has("/t/1/1", "other"));
    assert_int_equal(told.removed, 1);
    assert_int_equal(told.added, 14);
    assert_int_equal(told.changed, 0);
    end();
}

static void test_f91_an_unchanged_tree_costs_little_after_a_cut(void **state)
{
    (void)state;
    enum { DIRECTORIES = 50, EACH = 99 };
    begin();
    create_tree("/t", DIRECTORIES, EACH);
    assert_int_equal(docent_tree_cache_new(peers[CACHING].client, "/t", NULL, &cache), DOCENT_OK);
    UNTIL(docent_cache_is_fresh(cache));
    assert_int_equal(docent_cache_size(cache), 1 + DIRECTORIES * (1 + EACH));
    assert_in_range(wire.flying, 1, 64 + 8);
    wire.requests = wire.flying = 0;
    cut();
    UNTIL(docent_cache_is_fresh(cache));
    assert_in_range(wire.requests, 1, 2 * DIRECTORIES - 1);
    assert_in_range(wire.flying, 0, 64 + 8);
    set("/t/7/7", "other"); /* It does hear. */
    UNTIL(has("/t/7/7", "other"));
    end();
}

/* ---- A root that is not there. ---- */

/* F-86, F-87 */
static void test_f86_a_missing_root_costs_nothing_while_it_is_missing(void **state)
{
    (void)state;
    begin();
    assert_true(start_cache("/a/t"));
    UNTIL(told.initialized == 1);
    assert_in_range(wire.requests, 1, 4);
    wire.requests = 0;
    pass(600000);
    assert_int_equal(wire.requests, 0);
    create("/a", "");
    for (int i = 0; i < 3; i++) { /* F-87: and nobody but the writer makes it. */
        create_tree("/a/t", 1, 1);
        UNTIL(is_whole(3));
        wire.requests = 0;
        delete_node("/a/t/0/0");
        delete_node("/a/t/0");
        delete_node("/a/t");
        delete_node("/a");
        UNTIL(told.count == 0);
        pass(60000);
        assert_in_range(wire.requests, 0, 4);
        create("/a", "");
    }
    assert_int_equal(told.added, 9);
    assert_int_equal(told.removed, 9);
    end();
}

/* ---- F-88: names that are the beginnings of each other, and of the view. ---- */

static void test_f88_paths_are_compared_by_their_names(void **state)
{
    (void)state;
    static const char *const paths[] = { "/zoo", "/zoo/zoo", "/zoo/zoo/zoo", "/zoo/zoo/zo", "/zoo/zoo/zooo", "/zoo/zoo/zoo-", "/zoo/zoo/zoo/zoo",
                                         "/zoo/zo", "/zoo/zooo", "/zoo/zoo-", "/zoo/zoo!", "/zoo/zo/zoo", "/zoo/zooo/zoo", "/zo", "/zooo", "/zooo/zoo" };
    enum { COUNT = sizeof paths / sizeof *paths };
    begin_below("/zoo");
    for (size_t i = 0; i < COUNT; i++) create(paths[i], paths[i]);
    assert_true(start_cache("/zoo")); /* Of the view: /zoo/zoo. */
    UNTIL(is_whole(6));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            bool inside = strncmp(paths[i], "/zoo/zoo", 8) == 0 && (paths[i][8] == '\0' || paths[i][8] == '/');
            if (inside) assert_true(has(paths[i] + 4, round == 0 ? paths[i] : "new"));
            if (!inside && strncmp(paths[i], "/zoo/", 5) == 0) assert_null(docent_cache_get(cache, paths[i] + 4));
            if (round == 0) set(paths[i], "new");
        }
        UNTIL(told.changed == 6);
    }
    delete_node("/zoo/zoo/zo");
    create("/zoo/zooo/zo", "");
    create("/zoo/zoo/zo", "");
    UNTIL(told.removed == 1 && is_whole(6));
    end();
}

/* ---- F-90: closed is closed. ---- */

static void test_f90_nothing_follows_a_close_at_any_step(void **state)
{
    (void)state;
    bool befell = true;
    for (size_t n = 1; befell; n++) {
        begin();
        create_tree("/t", 3, 3);
        wire.at = n;
        wire.mishap = MISHAP_CLOSE;
        assert_true(start_cache("/t"));
        settle();
        befell = cache_closes;
        if (befell) {
            set("/t/1", "new");
            pass(20000);
            assert_in_range(wire.requests, wire.sent_before, wire.sent_before + 1); /* Its watch is taken back. */
            assert_int_equal(told.after_close, 0);
            assert_int_equal(told.closed, 1);
            assert_int_equal(peers[CACHING].client->core->watches.paths.count, 0);
        }
        end();
    }
}

/* ---- F-94: nothing is left of those that were closed. ---- */

static void test_f94_ten_thousand_leave_nothing(void **state)
{
    (void)state;
    begin();
    create_tree("/t", 1, 2);
    size_t outstanding = 0, timers = 0;
    for (int i = 0; i < 10000; i++) {
        if (i == 10) {
            outstanding = memory.outstanding;
            timers = peers[CACHING].client->core->heap_reserved;
        }
        docent_cache *closed = NULL;
        docent_status status = i % 3 == 0   ? docent_tree_cache_new(peers[CACHING].client, "/t", NULL, &closed)
                               : i % 3 == 1 ? docent_children_cache_new(peers[CACHING].client, "/t/0", NULL, &closed)
                                            : docent_node_cache_new(peers[CACHING].client, "/t", &closed);
        assert_int_equal(status, DOCENT_OK);
        if (i % 2 == 0) settle();
        docent_cache_close(closed, NULL, NULL);
        if (i % 5 != 0) settle();
    }
    UNTIL(memory.outstanding == outstanding);
    assert_int_equal(peers[CACHING].client->core->heap_reserved, timers);
    assert_int_equal(peers[CACHING].client->core->watches.paths.count, 0);
    end();
}

/* ---- Memory that is not there: the n-th time, of whatever is asked for. ---- */

static void memory_fails(size_t n)
{
    memory.fail_at = memory.calls + n;
}

static bool memory_failed(void)
{
    bool failed = memory.fail_at <= memory.calls;
    memory.fail_at = 0;
    return failed;
}

static void test_a_load_comes_to_its_end_whatever_memory_fails(void **state)
{
    (void)state;
    size_t n = 1;
    for (bool failed = true; failed; n++) {
        begin();
        create_tree("/t", 3, 3);
        memory_fails(n);
        bool started = start_cache("/t");
        if (started) {
            UNTIL(is_whole(13) || told.closed > 0);
            assert_int_equal(told.initialized, told.closed == 0);
        }
        failed = memory_failed();
        end();
    }
    assert_true(n > 50);
}

static void test_changes_are_found_whatever_memory_fails(void **state)
{
    (void)state;
    size_t n = 1;
    for (bool failed = true; failed; n++) {
        begin();
        create_tree("/t", 3, 3);
        assert_true(start_cache("/t"));
        UNTIL(is_whole(13));
        memory_fails(n);
        set("/t/0", "new");
        create("/t/new", "new");
        create("/t/new/new", "new");
        delete_node("/t/1/0");
        delete_node("/t/1/1");
        delete_node("/t/1/2");
        delete_node("/t/1");
        create("/t/1", "again");
        UNTIL(is_whole(12) && has("/t/0", "new") && has("/t/new/new", "new") && has("/t/1", "again"));
        failed = memory_failed();
        end();
    }
    assert_true(n > 10);
}

static void test_differences_are_found_whatever_memory_fails(void **state)
{
    (void)state;
    size_t n = 1;
    for (bool failed = true; failed; n++) {
        begin();
        create_tree("/t", 3, 3);
        assert_true(start_cache("/t"));
        UNTIL(is_whole(13));
        cut();
        set("/t/0", "new");
        create("/t/new", "new");
        create("/t/0/new", "new");
        delete_node("/t/1/0");
        delete_node("/t/2/1");
        create("/t/2/1", "again");
        memory_fails(n);
        UNTIL(is_whole(14) && has("/t/0", "new") && has("/t/0/new", "new") && has("/t/2/1", "again"));
        failed = memory_failed();
        end();
    }
    assert_true(n > 10);
}

static int group_end(void **state)
{
    (void)state;
    forget();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f80_what_goes_during_the_load_does_not_hold_it_up),
        cmocka_unit_test(test_f80_a_cut_of_any_request_ends_the_load),
        cmocka_unit_test(test_f81_an_error_of_any_request_ends_the_load),
        cmocka_unit_test(test_f82_deleted_and_made_anew_is_removed_and_added),
        cmocka_unit_test(test_f86_a_missing_root_costs_nothing_while_it_is_missing),
        cmocka_unit_test(test_f88_paths_are_compared_by_their_names),
        cmocka_unit_test(test_f90_nothing_follows_a_close_at_any_step),
        cmocka_unit_test(test_f91_an_unchanged_tree_costs_little_after_a_cut),
        cmocka_unit_test(test_f94_ten_thousand_leave_nothing),
        cmocka_unit_test(test_a_load_comes_to_its_end_whatever_memory_fails),
        cmocka_unit_test(test_changes_are_found_whatever_memory_fails),
        cmocka_unit_test(test_differences_are_found_whatever_memory_fails),
    };
    return cmocka_run_group_tests_name("cache faults", tests, NULL, group_end);
}
