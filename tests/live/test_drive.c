/* tests/live/test_drive.c - threads, loops and processes around a client. */
#include "live.h"

#include <dirent.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "test_alloc.h"

/* The thread sanitizer knows no threads started by a forked child. */
#if defined(__SANITIZE_THREAD__)
#define CHILD_STARTS_THREADS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHILD_STARTS_THREADS 0
#endif
#endif
#ifndef CHILD_STARTS_THREADS
#define CHILD_STARTS_THREADS 1
#endif

static int count_entries(const char *folder)
{
    DIR *open = opendir(folder);
    assert_non_null(open);
    int count = 0;
    while (readdir(open) != NULL) count++;
    closedir(open);
    return count;
}

struct seen {
    docent_client *client;
    docent_status status;
    char name[16];
    sigset_t blocked;
    atomic_int runs;
    atomic_int closed;
};

static void count_closed(void *user)
{
    ((struct seen *)user)->closed++;
}

static void look_around(void *user)
{
    struct seen *seen = user;
    docent_stat stat;
    seen->status = docent_exists(seen->client, "/", &stat);
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
    seen->runs++;
}

static void own_thread(void **state)
{
    (void)state;
    int threads = count_entries("/proc/self/task");
    struct seen seen = { .client = client_start(NULL) };
    assert_int_equal(count_entries("/proc/self/task"), threads + 1);
    assert_ok(docent_client_post(seen.client, look_around, &seen));
    assert_soon(seen.runs == 1);
    assert_status(seen.status, DOCENT_ERR_WOULD_DEADLOCK);
    assert_string_equal(seen.name, "docent");
    assert_true(sigismember(&seen.blocked, SIGTERM) && sigismember(&seen.blocked, SIGCHLD));
    assert_status(docent_get_async(seen.client, "/", NULL, NULL), DOCENT_ERR_WRONG_THREAD);
    docent_client_close(seen.client, count_closed, &seen);
    assert_int_equal(seen.closed, 1);
    assert_soon(count_entries("/proc/self/task") == threads); /* A joined thread's entry goes a moment later. */
}

static void close_now(void *user)
{
    struct seen *seen = user;
    docent_client_close(seen->client, count_closed, seen);
}

static void close_on_state(const docent_state_event *event, void *user)
{
    if (event->state == DOCENT_CONNECTED) close_now(user);
}

static void close_from_callback(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct seen seen = { .runs = 0 };
        docent_client_options options = { DOCENT_CLIENT_OPTIONS, .on_state = close_on_state, .user = &seen };
        assert_ok(docent_client_new(docent_devserver_connect_string(server), &options, &seen.client));
        assert_soon(seen.closed == 1);
    }
    assert_soon(docent_devserver_sessions(server, NULL, 0) == 0);
}

/* A function that posts itself again must not keep the loop from its sockets. */
static void post_again(void *user)
{
    struct seen *seen = user;
    seen->runs++;
    if (seen->status == DOCENT_OK) seen->status = docent_client_post(seen->client, post_again, seen);
}

static void posting_starves_nobody(void **state)
{
    (void)state;
    struct seen seen = { .client = client_start(NULL) };
    assert_ok(docent_client_post(seen.client, post_again, &seen));
    docent_stat stat;
    assert_ok(docent_exists(seen.client, "/", &stat));
    docent_client_close(seen.client, count_closed, &seen);
    assert_int_equal(seen.closed, 1);
    assert_true(seen.runs > 0);
}

static void take_long(const docent_result *result, void *user)
{
    (void)result;
    uint64_t end = test_clock_ms() + *(uint32_t *)user / 5;
    while (test_clock_ms() < end) pause_ms(1);
}

struct get_later {
    docent_client *client;
    uint32_t timeout;
};

static void get_with_long_callback(void *user)
{
    struct get_later *later = user;
    later->timeout = docent_client_session_timeout_ms(later->client);
    assert_ok(docent_get_async(later->client, "/", take_long, &later->timeout));
}

static void note_slow(docent_log_level level, const char *id, const char *path, const char *text, void *user)
{
    (void)path;
    (void)text;
    if (level == DOCENT_LOG_WARNING && strcmp(id, "loop.slow") == 0) ((struct seen *)user)->runs++;
}

/* It takes a fifth of the session's time. */
static void f23_a_slow_callback_is_reported(void **state)
{
    (void)state;
    struct seen seen = { .runs = 0 };
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .on_log = note_slow, .user = &seen };
    docent_client *client = client_start(&options);
    docent_stat stat;
    assert_ok(docent_exists(client, "/", &stat));
    int before = seen.runs; /* A busy machine may have been slow by itself. */
    struct get_later later = { .client = client };
    for (int tries = 0; tries < 20 && seen.runs == before; tries++) { /* On a busy machine there may be no session just now. */
        assert_ok(docent_client_post(client, get_with_long_callback, &later));
        assert_ok(docent_exists(client, "/", &stat)); /* Behind it. */
    }
    assert_true(seen.runs > before);
    docent_client_close(client, NULL, NULL);
}

static void count_run(void *user)
{
    ((struct seen *)user)->runs++;
}

static void *post_many(void *user)
{
    struct seen *seen = user;
    for (int i = 0; i < 1000; i++) {
        while (docent_client_post(seen->client, count_run, seen) == DOCENT_ERR_BUSY) pause_ms(1);
    }
    return NULL;
}

static void posts_from_many_threads(void **state)
{
    (void)state;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .inbox_max = 16 };
    struct seen seen = { .client = client_start(&options) };
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, post_many, &seen), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    docent_client_close(seen.client, NULL, NULL);
    assert_int_equal(seen.runs, 4000); /* What was accepted has run when the client is gone. */
}

static void in_a_forked_child(void **state)
{
    (void)state;
    docent_client *client = client_start(NULL);
    pid_t child = fork();
    if (child == 0) {
        docent_stat stat;
        int wrong = docent_exists(client, "/", &stat) != DOCENT_ERR_FORKED;
        wrong |= (docent_client_post(client, count_run, NULL) != DOCENT_ERR_FORKED) << 1;
        wrong |= (docent_client_wait_connected(client, 0) != DOCENT_ERR_FORKED) << 2;
        wrong |= (docent_client_lease_ms(client) != 0) << 3;
        docent_client_close(client, NULL, NULL);
#if CHILD_STARTS_THREADS
        docent_client *own = NULL; /* A client of its own is the child's good right. */
        wrong |= (docent_client_new(docent_devserver_connect_string(server), NULL, &own) != DOCENT_OK) << 4;
        if (own != NULL) wrong |= (docent_client_wait_connected(own, PATIENCE_MS) != DOCENT_OK) << 5;
        docent_client_close(own, NULL, NULL);
#endif
        _exit(wrong);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    docent_stat stat;
    assert_ok(docent_exists(client, "/", &stat)); /* The parent's session has not suffered. */
    docent_client_close(client, NULL, NULL);
}

/* ---- Closing in a forked child. ---- */

static atomic_int told; /* What the application hears in a child, where it should hear nothing. */

static void tell_result(const docent_result *result, void *user)
{
    (void)result;
    (void)user;
    told++;
}

static void tell_watch(const docent_watch_event *event, void *user)
{
    (void)event;
    (void)user;
    told++;
}

static void tell_outcome(docent_status status, void *user)
{
    (void)status;
    (void)user;
    told++;
}

static void tell_closed(void *user)
{
    (void)user;
    told++;
}

/* A client with something of everything, whose memory is counted. */
struct laden {
    docent_client *client;
    docent_lock *held, *waiting;
    docent_watch *watch;
    docent_state_listener *listener;
    struct test_alloc alloc;
    atomic_int answers;
    atomic_int states;
    atomic_bool laden;
};

static void laden_state(const docent_state_event *event, void *user)
{
    (void)event;
    told++;
    ((struct laden *)user)->states++;
}

static void laden_answer(const docent_result *result, void *user)
{
    (void)result;
    ((struct laden *)user)->answers++;
}

static void laden_held(docent_status status, void *user)
{
    struct laden *laden = user;
    if (status != DOCENT_OK) return;
    status = docent_lock_acquire_async(laden->waiting, DOCENT_FOREVER, tell_outcome, NULL);
    laden->laden = status == DOCENT_OK;
}

static void laden_load(void *user)
{
    struct laden *laden = user;
    if (docent_client_listen(laden->client, laden_state, laden, &laden->listener) != DOCENT_OK) return;
    if (docent_watch_async(laden->client, "/", DOCENT_WATCH_RECURSIVE, tell_watch, NULL, &laden->watch) != DOCENT_OK) return;
    docent_status status = docent_lock_acquire_async(laden->held, DOCENT_FOREVER, laden_held, laden);
    if (status != DOCENT_OK) laden_held(status, laden);
}

static void laden_start(struct laden *laden, struct event_base *base)
{
    test_alloc_init(&laden->alloc, 0);
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .base = base, .allocator = &laden->alloc.allocator };
    assert_ok(docent_client_new(docent_devserver_connect_string(server), &options, &laden->client));
    assert_ok(docent_lock_new(laden->client, "/lock", NULL, &laden->held));
    assert_ok(docent_lock_new(laden->client, "/lock", NULL, &laden->waiting));
    assert_ok(docent_client_post(laden->client, laden_load, laden));
}

/* How many blocks are left in a child that closes everything, or more than there can be if anybody was told. */
static int blocks_left_in_a_child(struct laden *laden, struct event_base *base, bool lock_first, bool reinit)
{
    pid_t child = fork();
    if (child == 0) {
        int before = told;
        if (reinit && event_reinit(base) != 0) _exit(255);
        if (reinit) event_base_loop(base, EVLOOP_NONBLOCK);
        if (lock_first) docent_lock_close(laden->held, tell_closed, NULL);
        docent_client_close(laden->client, tell_closed, NULL);
        if (!lock_first) docent_lock_close(laden->held, tell_closed, NULL);
        docent_lock_close(laden->waiting, tell_closed, NULL);
        if (base != NULL) event_base_free(base);
        size_t left = laden->alloc.outstanding;
        _exit(told != before || left > 200 ? 200 : (int)left);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    return WEXITSTATUS(result);
}

static void closing_in_a_forked_child_frees(void **state)
{
    (void)state;
    struct laden laden = { .answers = 0 };
    laden_start(&laden, NULL);
    assert_soon(laden.laden);
    laden.states = 0;
    for (int i = 0; i < 4; i++) { /* A loop that is not at rest at that moment is left alone. */
        int tries = 0;
        while (blocks_left_in_a_child(&laden, NULL, i % 2 == 0, false) != 0 && ++tries < 100) pause_ms(1);
        assert_int_not_equal(tries, 100);
        docent_stat stat;
        assert_ok(docent_exists(laden.client, "/", &stat));
        assert_int_equal(laden.states, 0);
    }
    docent_lock_close(laden.held, NULL, NULL);
    docent_lock_close(laden.waiting, NULL, NULL);
    docent_client_close(laden.client, NULL, NULL);
    assert_int_equal(laden.alloc.outstanding, 0);
}

static void turn_until(struct event_base *base, atomic_int *count, int wanted)
{
    for (int i = 0; i < PATIENCE_MS && *count < wanted; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        pause_ms(1);
    }
    assert_int_equal(*count, wanted);
}

/* The child shares the parent's epoll instance, unless it calls event_reinit(). */
static void closing_in_a_child_with_the_base(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct laden laden = { .answers = 0 };
    laden_start(&laden, base);
    for (int i = 0; i < PATIENCE_MS && !laden.laden; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        pause_ms(1);
    }
    assert_true(laden.laden);
    laden.states = 0;
    for (int i = 0; i < 4; i++) {
        for (int calls = 0; calls < 3; calls++) assert_ok(docent_get_async(laden.client, "/", tell_result, NULL));
        assert_int_equal(blocks_left_in_a_child(&laden, base, i % 2 == 0, i >= 2), 0);
        assert_ok(docent_exists_async(laden.client, "/", laden_answer, &laden));
        turn_until(base, &laden.answers, i + 1); /* The parent still hears from its socket, */
        assert_int_equal(laden.states, 0);       /* which is the same as before. */
    }
    struct seen seen = { .closed = 0 };
    docent_lock_close(laden.held, NULL, NULL);
    docent_lock_close(laden.waiting, NULL, NULL);
    docent_client_close(laden.client, count_closed, &seen);
    turn_until(base, &seen.closed, 1);
    event_base_free(base);
    assert_int_equal(laden.alloc.outstanding, 0);
}

/* Accepted, and neither sent nor answered yet; the calls that are made of others among them. */
static void laden_begin(struct laden *laden)
{
    docent_op reads[] = { docent_op_get("/"), docent_op_children("/") };
    assert_ok(docent_batch_read_async(laden->client, reads, 2, NULL, tell_result, NULL));
    assert_ok(docent_lock_participants_async(laden->held, tell_result, NULL));
    assert_ok(docent_ensure_path_async(laden->client, "/made/too", DOCENT_PARENTS_PERSISTENT, docent_acl_open(), tell_result, NULL));
}

static void *laden_post(void *user)
{
    struct laden *laden = user;
    docent_lock *lock;
    assert_ok(docent_client_post(laden->client, tell_closed, NULL));
    assert_ok(docent_client_add_auth(laden->client, "digest", "ann:secret", 10));
    assert_ok(docent_client_set_servers(laden->client, docent_devserver_connect_string(server)));
    assert_ok(docent_lock_new(laden->client, "/lock", NULL, &lock));
    docent_lock_release(laden->held);
    docent_lock_close(lock, tell_closed, NULL);
    docent_cache *cache;
    assert_ok(docent_node_cache_new(laden->client, "/", &cache));
    docent_cache_close(cache, tell_closed, NULL);
    return NULL;
}

static void closing_in_a_child_frees_what_is_under_way(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct laden laden = { .answers = 0 };
    laden_start(&laden, base);
    for (int i = 0; i < PATIENCE_MS && !laden.laden; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        pause_ms(1);
    }
    assert_true(laden.laden);
    told = 0;
    laden_begin(&laden);
    pthread_t thread; /* Its stack is not the child's. */
    assert_int_equal(pthread_create(&thread, NULL, laden_post, &laden), 0);
    pthread_join(thread, NULL);
    for (int i = 0; told < 4; i++) { /* At every stage of all this, until the last of it was told. */
        assert_int_not_equal(i, PATIENCE_MS);
        assert_int_equal(blocks_left_in_a_child(&laden, base, i % 2 == 0, false), 0);
        event_base_loop(base, EVLOOP_NONBLOCK);
        pause_ms(1);
    }
    struct seen seen = { .closed = 0 };
    docent_lock_close(laden.held, NULL, NULL);
    docent_lock_close(laden.waiting, NULL, NULL);
    docent_client_close(laden.client, count_closed, &seen);
    turn_until(base, &seen.closed, 1);
    event_base_free(base);
    assert_int_equal(laden.alloc.outstanding, 0);
}

enum { CLIENTS = 20, CALLS = 5 };

static struct {
    struct event_base *base;
    docent_client *clients[CLIENTS];
    int answers, closed, closing;
} shared;

static void shared_closed(void *user)
{
    (void)user;
    shared.closed++;
}

static void shared_answer(const docent_result *result, void *user)
{
    (void)user;
    if (result->status == DOCENT_ERR_CLOSING) shared.closing++;
    shared.answers++;
}

static void shared_state(const docent_state_event *event, void *user)
{
    docent_client **client = user;
    if (event->state != DOCENT_CONNECTED) return;
    for (int i = 0; i < CALLS; i++) assert_ok(docent_get_async(*client, "/", shared_answer, NULL));
    docent_client_close(*client, shared_closed, NULL);
}

static void many_clients_on_one_base(void **state)
{
    (void)state;
    shared.base = event_base_new();
    for (int i = 0; i < CLIENTS; i++) {
        docent_client_options options = { DOCENT_CLIENT_OPTIONS, .base = shared.base, .on_state = shared_state,
                                          .user = &shared.clients[i] };
        assert_ok(docent_client_new(docent_devserver_connect_string(server), &options, &shared.clients[i]));
    }
    for (int i = 0; i < PATIENCE_MS && shared.closed < CLIENTS; i++) {
        event_base_loop(shared.base, EVLOOP_NONBLOCK);
        pause_ms(1);
    }
    assert_int_equal(shared.closed, CLIENTS);
    assert_int_equal(shared.answers, CLIENTS * CALLS); /* Each once, also those in flight at close. */
    assert_int_equal(shared.closing, CLIENTS * CALLS);
    event_base_free(shared.base);
}

static void by_name_and_past_a_dead_server(void **state)
{
    (void)state;
    char text[64];
    docent_client *client = NULL;
    snprintf(text, sizeof text, "localhost:%u", docent_devserver_port(server));
    assert_ok(docent_client_new(text, NULL, &client));
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    docent_client_close(client, NULL, NULL);
    snprintf(text, sizeof text, "127.0.0.1:1,127.0.0.1:%u", docent_devserver_port(server));
    assert_ok(docent_client_new(text, NULL, &client));
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    docent_client_close(client, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_thread, server_start, server_stop),
        cmocka_unit_test_setup_teardown(close_from_callback, server_start, server_stop),
        cmocka_unit_test_setup_teardown(posting_starves_nobody, server_start, server_stop),
        cmocka_unit_test_setup_teardown(f23_a_slow_callback_is_reported, server_start, server_stop),
        cmocka_unit_test_setup_teardown(posts_from_many_threads, server_start, server_stop),
        cmocka_unit_test_setup_teardown(in_a_forked_child, server_start, server_stop),
        cmocka_unit_test_setup_teardown(closing_in_a_forked_child_frees, server_start, server_stop),
        cmocka_unit_test_setup_teardown(closing_in_a_child_frees_what_is_under_way, server_start, server_stop),
        cmocka_unit_test_setup_teardown(closing_in_a_child_with_the_base, server_start, server_stop),
        cmocka_unit_test_setup_teardown(many_clients_on_one_base, server_start, server_stop),
        cmocka_unit_test_setup_teardown(by_name_and_past_a_dead_server, server_start, server_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
