/* tests/live/test_poll.c - clients on a loop that is turned by the test, around poll(2). */
#include "live.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

enum { ROOM = 128 };

static docent_poll *loop;

/* An idle client does nothing by itself for far longer than the tests have patience. */
static const docent_client_options *on_the_loop(docent_client_options *options)
{
    options->poll = loop;
    if (options->session_timeout_ms == 0) options->session_timeout_ms = 60000;
    return options;
}

static uint64_t turn_until_ms;

/* Waits for what the loop says, never longer, and lets it work. A test that would have to wait longer than its patience fails. */
static void turn(void)
{
    struct pollfd fds[ROOM];
    size_t count;
    int timeout_ms;
    assert_ok(docent_poll_prepare(loop, fds, ROOM, &count, &timeout_ms));
    uint64_t now = test_clock_ms();
    assert_true(now < turn_until_ms);
    int left = (int)(turn_until_ms - now);
    bool too_long = timeout_ms < 0 || timeout_ms > left;
    int ready = poll(fds, (nfds_t)count, too_long ? left : timeout_ms);
    assert_true(ready > 0 || !too_long);
    assert_ok(docent_poll_dispatch(loop));
}

#define turn_while(condition)                                                                                               \
    do {                                                                                                                    \
        turn_until_ms = test_clock_ms() + PATIENCE_MS;                                                                      \
        while (condition) turn();                                                                                           \
    } while (0)

/* Turns until there is nothing to do: no descriptor is ready, and time is not up. */
static void settle(void)
{
    for (int turns = 0; turns < 1000; turns++) {
        struct pollfd fds[ROOM];
        size_t count;
        int timeout_ms;
        assert_ok(docent_poll_prepare(loop, fds, ROOM, &count, &timeout_ms));
        if (timeout_ms != 0 && poll(fds, (nfds_t)count, 20) == 0) return;
        assert_ok(docent_poll_dispatch(loop));
    }
    fail_msg("the loop is never at rest");
}

struct seen {
    docent_client *client;
    docent_state states[16];
    int state_count;
    docent_status statuses[16];
    int answers;
    atomic_int runs;
    int closed;
    docent_status inside[3];
};

static void see_state(const docent_state_event *event, void *user)
{
    struct seen *seen = user;
    if (seen->state_count < 16) seen->states[seen->state_count++] = event->state;
}

static void see_answer(const docent_result *result, void *user)
{
    struct seen *seen = user;
    if (seen->answers < 16) seen->statuses[seen->answers++] = result->status;
}

static void see_run(void *user)
{
    ((struct seen *)user)->runs++;
}

static void see_closed(void *user)
{
    ((struct seen *)user)->closed++;
}

static docent_state state_of(const struct seen *seen)
{
    return seen->state_count == 0 ? DOCENT_DISCONNECTED : seen->states[seen->state_count - 1];
}

static void begin(struct seen *seen)
{
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .on_state = see_state, .user = seen };
    assert_ok(docent_client_new(connect_string, on_the_loop(&options), &seen->client));
}

static void begin_connected(struct seen *seen)
{
    begin(seen);
    turn_while(state_of(seen) != DOCENT_CONNECTED);
}

static void end(struct seen *seen)
{
    docent_client_close(seen->client, see_closed, seen);
    turn_while(seen->closed == 0);
}

static int start(void **state)
{
    (void)state;
    loop = NULL;
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .tick_ms = 3000 }; /* Which allows sessions of a minute. */
    if (docent_devserver_start(&options, &server) != DOCENT_OK) return -1;
    snprintf(connect_string, sizeof connect_string, "%s", docent_devserver_connect_string(server));
    return docent_poll_new(&loop) == DOCENT_OK ? 0 : -1;
}

static int stop(void **state)
{
    return docent_poll_free(loop) != DOCENT_OK || server_stop(state) != 0 ? -1 : 0;
}

static int count_threads(void)
{
    DIR *open = opendir("/proc/self/task");
    assert_non_null(open);
    int count = 0;
    while (readdir(open) != NULL) count++;
    closedir(open);
    return count;
}

static void one_thread_does_it_all(void **state)
{
    (void)state;
    int threads = count_threads();
    struct seen seen = { .runs = 0 };
    begin(&seen);
    assert_ok(docent_create_async(seen.client, "/n", "x", 1, DOCENT_PERSISTENT, see_answer, &seen));
    assert_ok(docent_get_async(seen.client, "/n", see_answer, &seen));
    turn_while(seen.answers < 2);
    assert_ok(seen.statuses[0]);
    assert_ok(seen.statuses[1]);
    assert_int_equal(count_threads(), threads);
    end(&seen);
    assert_int_equal(docent_devserver_sessions(server, NULL, 0), 0);
}

static void a_connection_is_lost_and_found(void **state)
{
    (void)state;
    struct seen seen = { .runs = 0 };
    begin_connected(&seen);
    cut();
    turn_while(state_of(&seen) != DOCENT_SUSPENDED);
    assert_ok(docent_exists_async(seen.client, "/", see_answer, &seen));
    heal();
    turn_while(seen.answers < 1);
    assert_ok(seen.statuses[0]);
    assert_int_equal(state_of(&seen), DOCENT_CONNECTED);
    end(&seen);
    assert_int_equal(state_of(&seen), DOCENT_CLOSED);
}

/* A deadline passes though no descriptor says anything: the time-out that prepare gives is the only thing that can tell. */
static void deadlines_are_kept(void **state)
{
    (void)state;
    struct seen seen = { .runs = 0 };
    begin_connected(&seen);
    cut();
    turn_while(state_of(&seen) != DOCENT_SUSPENDED);
    docent_op op = docent_op_get("/");
    docent_call_options call = { DOCENT_CALL_OPTIONS, .timeout_ms = 30 };
    uint64_t began = test_clock_ms();
    assert_ok(docent_run_async(seen.client, &op, &call, see_answer, &seen));
    turn_while(seen.answers < 1);
    assert_status(seen.statuses[0], DOCENT_ERR_TIMEOUT);
    assert_true(test_clock_ms() - began >= 29);
    heal();
    end(&seen);
}

static void there_is_rest_between_events(void **state)
{
    (void)state;
    size_t count;
    int timeout_ms;
    assert_ok(docent_poll_prepare(loop, NULL, 0, &count, &timeout_ms));
    assert_int_equal(count, 0);
    assert_int_equal(timeout_ms, -1); /* Nothing at all. */
    struct seen seen = { .runs = 0 };
    begin_connected(&seen);
    assert_ok(docent_client_post(seen.client, see_run, &seen));
    turn_while(seen.runs == 0);
    settle(); /* Not so if what woke the loop went on being readable. */
    struct pollfd fds[ROOM];
    assert_ok(docent_poll_prepare(loop, fds, ROOM, &count, &timeout_ms));
    assert_true(timeout_ms > PATIENCE_MS && timeout_ms <= 60000); /* The heartbeat. */
    assert_ok(docent_get_async(seen.client, "/", see_answer, &seen));
    assert_ok(docent_poll_prepare(loop, fds, ROOM, &count, &timeout_ms));
    assert_int_equal(timeout_ms, 0); /* There is something to be sent. */
    end(&seen);
}

static void *post_from_a_thread(void *user)
{
    struct seen *seen = user;
    seen->inside[0] = docent_client_post(seen->client, see_run, seen);
    seen->inside[1] = docent_get_async(seen->client, "/", NULL, NULL);
    docent_stat stat;
    seen->inside[2] = docent_exists(seen->client, "/", &stat);
    if (docent_client_post(seen->client, see_run, seen) != DOCENT_OK) abort();
    return NULL;
}

static void other_threads_wake_it(void **state)
{
    (void)state;
    struct seen seen = { .runs = 0 };
    begin_connected(&seen);
    settle();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, post_from_a_thread, &seen), 0);
    turn_while(seen.runs < 2); /* No timer of the client's comes to help in that time. */
    pthread_join(thread, NULL);
    assert_ok(seen.inside[0]);
    assert_status(seen.inside[1], DOCENT_ERR_WRONG_THREAD);
    assert_ok(seen.inside[2]);
    docent_stat stat;
    assert_status(docent_exists(seen.client, "/", &stat), DOCENT_ERR_WOULD_DEADLOCK);
    end(&seen);
}

static void *close_from_a_thread(void *user)
{
    struct seen *seen = user;
    docent_client_close(seen->client, see_closed, seen);
    return NULL;
}

static void closing_from_another_thread(void **state)
{
    (void)state;
    struct seen seen = { .runs = 0 };
    begin_connected(&seen);
    settle();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, close_from_a_thread, &seen), 0);
    turn_while(seen.closed == 0);
    pthread_join(thread, NULL);
}

/* Dispatches once without anything to do: that alone makes it the loop thread. */
static void *take_over(void *user)
{
    struct seen *seen = user;
    size_t count;
    int timeout_ms;
    seen->inside[0] = docent_poll_prepare(loop, NULL, 0, &count, &timeout_ms);
    docent_poll_dispatch(loop);
    seen->inside[1] = docent_get_async(seen->client, "/", see_answer, seen);
    return NULL;
}

static void the_loop_moves_to_who_dispatches(void **state)
{
    (void)state;
    struct seen seen = { .runs = 0 };
    begin_connected(&seen);
    settle();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_over, &seen), 0);
    pthread_join(thread, NULL);
    assert_status(seen.inside[0], DOCENT_ERR_WRONG_THREAD);
    assert_ok(seen.inside[1]);
    assert_status(docent_get_async(seen.client, "/", NULL, NULL), DOCENT_ERR_WRONG_THREAD);
    docent_client *other = NULL;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .poll = loop };
    assert_status(docent_client_new(connect_string, &options, &other), DOCENT_ERR_WRONG_THREAD);
    assert_status(docent_poll_free(loop), DOCENT_ERR_WRONG_THREAD);
    assert_ok(docent_poll_dispatch(loop)); /* And back. */
    turn_while(seen.answers < 1);
    end(&seen);
}

static void call_inside(const docent_result *result, void *user)
{
    (void)result;
    struct seen *seen = user;
    size_t count;
    int timeout_ms;
    seen->inside[0] = docent_poll_prepare(loop, NULL, 0, &count, &timeout_ms);
    seen->inside[1] = docent_poll_dispatch(loop);
    seen->runs++;
}

static void free_inside(void *user)
{
    struct seen *seen = user;
    seen->inside[2] = docent_poll_free(loop);
    seen->closed++;
}

static void callbacks_cannot_turn_it(void **state)
{
    (void)state;
    struct seen seen = { .runs = 0 };
    begin_connected(&seen);
    assert_ok(docent_get_async(seen.client, "/", call_inside, &seen));
    turn_while(seen.runs == 0);
    assert_status(seen.inside[0], DOCENT_ERR_BUSY);
    assert_status(seen.inside[1], DOCENT_ERR_BUSY);
    assert_status(docent_poll_free(loop), DOCENT_ERR_BUSY);
    docent_client_close(seen.client, free_inside, &seen);
    assert_status(docent_poll_free(loop), DOCENT_ERR_BUSY);
    turn_while(seen.closed == 0);
    assert_status(seen.inside[2], DOCENT_ERR_BUSY);
}

/* A function that posts itself again must not keep dispatch from returning. */
static void post_again(void *user)
{
    struct seen *seen = user;
    seen->runs++;
    if (docent_client_post(seen->client, post_again, seen) != DOCENT_OK) seen->closed = 1;
}

static void dispatch_returns(void **state)
{
    (void)state;
    struct seen seen = { .runs = 0 };
    begin_connected(&seen);
    assert_ok(docent_client_post(seen.client, post_again, &seen));
    assert_ok(docent_get_async(seen.client, "/", see_answer, &seen));
    turn_while(seen.answers < 1);
    assert_true(seen.runs > 0);
    seen.closed = -1;
    docent_client_close(seen.client, see_closed, &seen);
    turn_while(seen.closed < 1);
}

static void many_clients_on_one_loop(void **state)
{
    (void)state;
    enum { CLIENTS = 20 };
    struct seen seen[CLIENTS] = { { .runs = 0 } };
    for (int i = 0; i < CLIENTS; i++) begin(&seen[i]);
    for (int i = 0; i < CLIENTS; i++) turn_while(state_of(&seen[i]) != DOCENT_CONNECTED);
    settle();

    struct pollfd fds[ROOM];
    size_t count = 0, needed = 0;
    int timeout_ms = 4711;
    assert_status(docent_poll_prepare(loop, fds, CLIENTS, &needed, &timeout_ms), DOCENT_ERR_TOO_LARGE);
    assert_int_equal(timeout_ms, 4711);
    assert_ok(docent_poll_prepare(loop, fds, needed, &count, &timeout_ms));
    assert_int_equal(count, needed);
    assert_int_equal(count, CLIENTS + 1); /* Their sockets, and the one by which other threads wake the loop. */
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fds[i].events, POLLIN);
        for (size_t k = 0; k < i; k++) assert_int_not_equal(fds[i].fd, fds[k].fd);
    }
    for (int i = 0; i < CLIENTS; i++) assert_ok(docent_get_async(seen[i].client, "/", see_answer, &seen[i]));
    for (int i = 0; i < CLIENTS; i++) turn_while(seen[i].answers < 1);
    for (int i = 0; i < CLIENTS; i++) docent_client_close(seen[i].client, see_closed, &seen[i]);
    for (int i = 0; i < CLIENTS; i++) turn_while(seen[i].closed == 0);
}

static void by_name(void **state)
{
    (void)state;
    struct seen seen = { .runs = 0 };
    char text[64];
    snprintf(text, sizeof text, "localhost:%u", server_port());
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .on_state = see_state, .user = &seen };
    assert_ok(docent_client_new(text, on_the_loop(&options), &seen.client));
    turn_while(state_of(&seen) != DOCENT_CONNECTED);
    end(&seen);
}

static void in_a_forked_child(void **state)
{
    (void)state;
    struct seen seen = { .runs = 0 };
    begin_connected(&seen);
    assert_ok(docent_get_async(seen.client, "/", see_answer, &seen)); /* On its way when the process forks. */
    pid_t child = fork();
    if (child == 0) {
        size_t count;
        int timeout_ms;
        docent_client *other = NULL;
        docent_client_options options = { DOCENT_CLIENT_OPTIONS, .poll = loop };
        int wrong = docent_poll_prepare(loop, NULL, 0, &count, &timeout_ms) != DOCENT_ERR_FORKED;
        wrong |= (docent_poll_dispatch(loop) != DOCENT_ERR_FORKED) << 1;
        wrong |= (docent_client_new(connect_string, &options, &other) != DOCENT_ERR_FORKED) << 2;
        wrong |= (docent_poll_free(loop) != DOCENT_ERR_BUSY) << 3;
        docent_client_close(seen.client, see_closed, &seen);
        wrong |= (docent_poll_free(loop) != DOCENT_OK) << 4;
        wrong |= (seen.closed != 0 || seen.answers != 0) << 5;
        _exit(wrong);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    turn_while(seen.answers < 1); /* The parent's has not suffered. */
    assert_ok(seen.statuses[0]);
    assert_int_equal(seen.state_count, 1);
    end(&seen);
}

static void bad_arguments(void **state)
{
    (void)state;
    size_t count;
    int timeout_ms;
    struct pollfd fd;
    docent_client *client = NULL;
    assert_status(docent_poll_new(NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_poll_prepare(NULL, &fd, 1, &count, &timeout_ms), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_poll_prepare(loop, NULL, 1, &count, &timeout_ms), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_poll_prepare(loop, &fd, 1, NULL, &timeout_ms), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_poll_prepare(loop, &fd, 1, &count, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_poll_dispatch(NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_ok(docent_poll_free(NULL));
    int no_base;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .poll = loop, .base = (struct event_base *)&no_base };
    assert_status(docent_client_new(connect_string, &options, &client), DOCENT_ERR_INVALID_ARGUMENT);
    options.base = NULL;
    assert_status(docent_client_new("no port:", &options, &client), DOCENT_ERR_INVALID_ARGUMENT); /* Leaves nothing on the loop. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_thread_does_it_all, start, stop),
        cmocka_unit_test_setup_teardown(a_connection_is_lost_and_found, start, stop),
        cmocka_unit_test_setup_teardown(deadlines_are_kept, start, stop),
        cmocka_unit_test_setup_teardown(there_is_rest_between_events, start, stop),
        cmocka_unit_test_setup_teardown(other_threads_wake_it, start, stop),
        cmocka_unit_test_setup_teardown(closing_from_another_thread, start, stop),
        cmocka_unit_test_setup_teardown(the_loop_moves_to_who_dispatches, start, stop),
        cmocka_unit_test_setup_teardown(callbacks_cannot_turn_it, start, stop),
        cmocka_unit_test_setup_teardown(dispatch_returns, start, stop),
        cmocka_unit_test_setup_teardown(many_clients_on_one_loop, start, stop),
        cmocka_unit_test_setup_teardown(by_name, start, stop),
        cmocka_unit_test_setup_teardown(in_a_forked_child, start, stop),
        cmocka_unit_test_setup_teardown(bad_arguments, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
