/* tests/live/test_close.c - the end of a client: from every thread and callback, twice, in every state, with everything under way. The names
 * begin with the entry of the catalogue of failures that they are about. */
#include "live.h"

#include <dirent.h>
#include <pthread.h>

#include "test_alloc.h"

struct counts {
    docent_client *client;
    docent_lock *lock;
    atomic_int first, second; /* Closed callbacks. */
    atomic_int calls, statuses[3];
    atomic_bool go;
};

static void first_closed(void *user)
{
    ((struct counts *)user)->first++;
}

static void second_closed(void *user)
{
    ((struct counts *)user)->second++;
}

/* ---- Twice. ---- */

static void close_again_on_closed(const docent_state_event *event, void *user)
{
    struct counts *counts = user;
    if (event->state != DOCENT_CLOSED) return;
    docent_client_close(counts->client, second_closed, counts);
    counts->calls++;
}

static void close_again_on_result(const docent_result *result, void *user)
{
    struct counts *counts = user;
    if (result->status != DOCENT_ERR_CLOSING) return;
    docent_client_close(counts->client, second_closed, counts);
    counts->calls++;
}

static void load_a_call(void *user)
{
    struct counts *counts = user;
    assert_ok(docent_get_async(counts->client, "/", close_again_on_result, counts));
    counts->go = true;
}

static void f133_a_second_close_does_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct counts counts = { .first = 0 };
        docent_client_options options = { DOCENT_CLIENT_OPTIONS, .close_timeout_ms = 10, .on_state = close_again_on_closed, .user = &counts };
        counts.client = client_start(&options);
        docent_devserver_stall(server);
        assert_ok(docent_client_post(counts.client, load_a_call, &counts));
        assert_soon(counts.go);
        docent_client_close(counts.client, first_closed, &counts);
        assert_int_equal(counts.first, 1);
        assert_int_equal(counts.second, 0);
        assert_int_equal(counts.calls, 2); /* From the end of the call, and from that of the client. */
        docent_devserver_heal(server);
    }
}

/* Two threads close while a callback runs, which returns when the one of them that was second has come back. */
static void wait_for_the_second(void *user)
{
    struct counts *counts = user;
    counts->go = true;
    for (int waited = 0; waited < PATIENCE_MS && counts->calls == 0; waited++) pause_ms(1);
    counts->statuses[0] = counts->calls;
}

static void *close_elsewhere(void *user)
{
    struct counts *counts = user;
    docent_client_close(counts->client, first_closed, counts);
    counts->calls++;
    return NULL;
}

static void f133_of_two_threads_that_close_the_second_returns_at_once(void **state)
{
    (void)state;
    struct counts counts = { .first = 0 };
    counts.client = client_start(NULL);
    assert_ok(docent_client_post(counts.client, wait_for_the_second, &counts));
    assert_soon(counts.go);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, close_elsewhere, &counts), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(counts.statuses[0], 1);
    assert_int_equal(counts.first, 1);
}

/* ---- A lock, twice. ---- */

static void close_lock_again(docent_lock *lock, docent_lock_state lock_state, void *user)
{
    struct counts *counts = user;
    if (lock_state != DOCENT_LOCK_RELEASED) return;
    docent_lock_close(lock, second_closed, counts);
    counts->calls++;
}

static void f133_a_second_close_of_a_lock_does_nothing(void **state)
{
    (void)state;
    struct counts counts = { .first = 0 };
    counts.client = client_start(NULL);
    docent_lock_options options = { DOCENT_LOCK_OPTIONS, .on_state = close_lock_again, .user = &counts };
    assert_ok(docent_lock_new(counts.client, "/lock", &options, &counts.lock));
    assert_ok(docent_lock_acquire(counts.lock, PATIENCE_MS));
    docent_lock_close(counts.lock, first_closed, &counts);
    assert_soon(counts.first == 1);
    docent_client_close(counts.client, NULL, NULL);
    assert_int_equal(counts.calls, 1);
    assert_int_equal(counts.second, 0);
}

/* ---- With everything under way, in every state, from everywhere. ---- */

enum where { BEFORE, CONNECTED, STALLED, READ_ONLY, SUSPENDED, LOST, WHERES };
enum way { BY_THREAD, BY_POST, BY_STATE, BY_RESULT, BY_WATCH, BY_LOCK, WAYS };
enum { GETS = 1000, SLOTS = GETS + 8 };

struct slot { /* A callback that is owed. */
    struct load *load;
    bool owed;
    atomic_int told;
};

struct load {
    enum way way;
    docent_client *client;
    struct test_alloc alloc;
    docent_lock *lock, *brief_lock;
    docent_watch *watch, *once;
    docent_state_listener *listener;
    struct slot slots[SLOTS];
    int used;
    atomic_int state;
    atomic_int closed;
    atomic_bool loaded, armed;
};

static void load_closed(void *user)
{
    ((struct load *)user)->closed++;
}

static void load_close(struct load *load, enum way way)
{
    if (load->way == way && load->armed) docent_client_close(load->client, load_closed, load);
}

static void load_post(void *user)
{
    load_close(user, BY_POST);
}

static void load_state(const docent_state_event *event, void *user)
{
    struct load *load = user;
    load->state = (int)event->state;
    if (event->state != DOCENT_CLOSED) load_close(load, BY_STATE);
}

static void slot_state(const docent_state_event *event, void *user)
{
    if (event->state == DOCENT_CLOSED) ((struct slot *)user)->told++;
}

static void slot_result(const docent_result *result, void *user)
{
    (void)result;
    ((struct slot *)user)->told++;
}

static void slot_brief_result(const docent_result *result, void *user)
{
    slot_result(result, user);
    load_close(((struct slot *)user)->load, BY_RESULT);
}

static void slot_watch(const docent_watch_event *event, void *user)
{
    struct slot *slot = user;
    if (!event->last) return;
    slot->told++;
    load_close(slot->load, BY_WATCH);
}

static void slot_lock(docent_status status, void *user)
{
    (void)status;
    struct slot *slot = user;
    slot->told++;
    load_close(slot->load, BY_LOCK);
}

static struct slot *owe(struct load *load, docent_status status)
{
    struct slot *slot = &load->slots[load->used++];
    slot->owed = status == DOCENT_OK;
    return slot;
}

#define OWE(call) owe(load, call)
#define NEXT (&load->slots[load->used]) /* The call is made before it is known whether it will be told. */

static void load_up(void *user)
{
    struct load *load = user;
    for (int i = 0; i < SLOTS; i++) load->slots[i].load = load;
    docent_op set = docent_op_set("/", "x", 1, 0), get = docent_op_exists("/missing");
    docent_create_node_options options = { DOCENT_CREATE_NODE_OPTIONS, .protect = true, .parents = DOCENT_PARENTS_CONTAINER };
    docent_call_options watched = { DOCENT_CALL_OPTIONS, .watch = slot_watch, .watch_user = &load->slots[SLOTS - 1], .ret_watch = &load->once };
    for (int i = 0; i < GETS; i++) OWE(docent_get_async(load->client, "/", slot_result, NEXT));
    OWE(docent_multi_async(load->client, &set, 1, slot_result, NEXT));
    OWE(docent_create_node_async(load->client, "/a/b", NULL, 0, DOCENT_EPHEMERAL, &options, slot_result, NEXT));
    OWE(docent_lock_acquire_async(load->lock, DOCENT_FOREVER, slot_lock, NEXT));
    OWE(docent_client_listen(load->client, slot_state, NEXT, &load->listener));
    OWE(docent_watch_async(load->client, "/", DOCENT_WATCH_RECURSIVE, slot_watch, NEXT, &load->watch));
    OWE(docent_run_async(load->client, &get, &watched, slot_result, NEXT));
    load->slots[SLOTS - 1].owed = load->slots[load->used - 1].owed;
    load->loaded = true;
}

/* What makes a callback come, in which the client is closed. */
static void load_provoke(void *user)
{
    struct load *load = user;
    docent_op get = docent_op_get("/");
    docent_call_options brief = { DOCENT_CALL_OPTIONS, .timeout_ms = 1 };
    load->armed = true;
    if (load->way == BY_RESULT) OWE(docent_run_async(load->client, &get, &brief, slot_brief_result, NEXT));
    if (load->way == BY_WATCH) docent_watch_cancel(load->watch);
    if (load->way == BY_LOCK) OWE(docent_lock_acquire_async(load->brief_lock, 1, slot_lock, NEXT));
}

static int entries(const char *folder)
{
    DIR *open = opendir(folder);
    int count = 0;
    while (open != NULL && readdir(open) != NULL) count++;
    if (open != NULL) closedir(open);
    return count;
}

static void reach(struct load *load, enum where where)
{
    if (where == BEFORE) return;
    assert_soon(load->state == (where == READ_ONLY ? DOCENT_READ_ONLY : DOCENT_CONNECTED));
    if (where == STALLED) docent_devserver_stall(server);
    if (where == SUSPENDED || where == LOST) {
        docent_devserver_cut(server);
        assert_soon(load->state == (where == LOST ? DOCENT_LOST : DOCENT_SUSPENDED));
    }
}

static void close_loaded(enum where where, enum way way)
{
    int threads = entries("/proc/self/task"), descriptors = entries("/proc/self/fd");
    static struct load load;
    memset(&load, 0, sizeof load);
    load.way = way;
    test_alloc_init(&load.alloc, 0);
    if (where == BEFORE) docent_devserver_refuse(server);
    if (where == READ_ONLY) docent_devserver_read_only(server);
    docent_client_options options = {
        DOCENT_CLIENT_OPTIONS,
        .session_timeout_ms = where == LOST ? 300 : 1000,
        .close_timeout_ms = 20,
        .read_only_allowed = where == READ_ONLY,
        .on_state = load_state,
        .user = &load,
        .allocator = &load.alloc.allocator,
    };
    assert_ok(docent_client_new(connect_string, &options, &load.client));
    assert_ok(docent_lock_new(load.client, "/lock", NULL, &load.lock));
    assert_ok(docent_lock_new(load.client, "/lock", NULL, &load.brief_lock));
    reach(&load, where);
    assert_ok(docent_client_post(load.client, load_up, &load));
    assert_soon(load.loaded);
    assert_ok(docent_client_post(load.client, load_provoke, &load));
    assert_soon(load.armed);
    switch (way) {
    case BY_THREAD: docent_client_close(load.client, load_closed, &load); break;
    case BY_POST: assert_ok(docent_client_post(load.client, load_post, &load)); break;
    case BY_STATE:
        if (where == CONNECTED || where == READ_ONLY || where == STALLED) {
            docent_devserver_cut(server);
        } else {
            docent_devserver_heal(server);
        }
        break;
    case BY_RESULT:
    case BY_WATCH:
    case BY_LOCK:
    case WAYS: break;
    }
    assert_soon(load.closed == 1);
    docent_lock_close(load.lock, NULL, NULL);
    docent_lock_close(load.brief_lock, NULL, NULL);
    assert_soon(entries("/proc/self/task") == threads);
    for (int i = 0; i < SLOTS; i++) {
        if (load.slots[i].told != load.slots[i].owed) fail_msg("state %d, way %d: call %d told %d times", where, way, i, load.slots[i].told);
    }
    assert_int_equal(load.closed, 1);
    assert_int_equal(load.alloc.outstanding, 0);
    docent_devserver_heal(server);
    assert_soon(entries("/proc/self/fd") == descriptors); /* The server's end of a connection goes when it has seen that ours has gone. */
}

static void close_in(enum where where)
{
    for (int way = 0; way < WAYS; way++) close_loaded(where, (enum way)way);
}

static void f134_f138_f141_close_before_the_first_connection(void **state)
{
    (void)state;
    close_in(BEFORE);
}

static void f134_f138_f141_close_while_connected(void **state)
{
    (void)state;
    close_in(CONNECTED);
}

static void f134_f138_f141_close_while_the_server_is_silent(void **state)
{
    (void)state;
    close_in(STALLED);
}

static void f134_f138_f141_close_while_read_only(void **state)
{
    (void)state;
    close_in(READ_ONLY);
}

static void f134_f138_f141_close_while_suspended(void **state)
{
    (void)state;
    close_in(SUSPENDED);
}

static void f134_f138_f141_close_when_the_session_is_lost(void **state)
{
    (void)state;
    close_in(LOST);
}

/* ---- A recipe that goes while its callback is on its way; blocking calls in a callback. ---- */

static void close_the_lock(docent_status status, void *user)
{
    (void)status;
    struct counts *counts = user;
    counts->calls++;
    docent_lock_close(counts->lock, second_closed, counts);
}

static void acquire_and_close(void *user)
{
    struct counts *counts = user;
    counts->statuses[0] = docent_lock_acquire_async(counts->lock, DOCENT_FOREVER, close_the_lock, counts);
    counts->statuses[1] = docent_lock_acquire(counts->lock, 1);
    docent_lock_close(counts->lock, first_closed, counts); /* The acquire's end is queued, and the lock's close behind it. */
    counts->go = true;
}

static void f135_f137_a_lock_is_closed_while_its_callback_is_queued(void **state)
{
    (void)state;
    struct counts counts = { .first = 0 };
    counts.client = client_start(NULL);
    assert_ok(docent_lock_new(counts.client, "/lock", NULL, &counts.lock));
    assert_ok(docent_client_post(counts.client, acquire_and_close, &counts));
    assert_soon(counts.go && counts.first == 1);
    docent_client_close(counts.client, NULL, NULL);
    assert_status((docent_status)counts.statuses[0], DOCENT_OK);
    assert_status((docent_status)counts.statuses[1], DOCENT_ERR_WOULD_DEADLOCK);
    assert_int_equal(counts.calls, 1);
    assert_int_equal(counts.first, 1);
    assert_int_equal(counts.second, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, server_start, server_stop)
    const struct CMUnitTest tests[] = {
        TEST(f133_a_second_close_does_nothing),
        TEST(f133_of_two_threads_that_close_the_second_returns_at_once),
        TEST(f133_a_second_close_of_a_lock_does_nothing),
        TEST(f134_f138_f141_close_before_the_first_connection),
        TEST(f134_f138_f141_close_while_connected),
        TEST(f134_f138_f141_close_while_the_server_is_silent),
        TEST(f134_f138_f141_close_while_read_only),
        TEST(f134_f138_f141_close_while_suspended),
        TEST(f134_f138_f141_close_when_the_session_is_lost),
        TEST(f135_f137_a_lock_is_closed_while_its_callback_is_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
