/* tests/live/test_descriptors.c - file descriptors: large numbers, and none for children that we do not know (F-140). And clients on the
 * application's base while it runs on a thread. */
#include "live.h"

#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>

enum { DESCRIPTORS_MAX = 4096 };

/* Which descriptors are open. */
struct descriptors {
    bool open[DESCRIPTORS_MAX];
    int count;
};

static struct descriptors look(void)
{
    struct descriptors seen = { .count = 0 };
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(folder)) continue;
        assert_true(fd < DESCRIPTORS_MAX);
        seen.open[fd] = true;
        seen.count++;
    }
    closedir(folder);
    return seen;
}

/* Every descriptor that was not there before is closed when a program is executed. At least @least are looked at. */
static void assert_close_on_exec(const struct descriptors *before, int least)
{
    struct descriptors after = look();
    int looked_at = 0;
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        if (!after.open[fd] || before->open[fd]) continue;
        int flags = fcntl(fd, F_GETFD);
        if (flags < 0) continue; /* Closed meanwhile: a probe's. */
        char name[32], what[64] = "";
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        (void)!readlink(name, what, sizeof what - 1);
        if (!(flags & FD_CLOEXEC)) fail_msg("descriptor %d stays open: %s", fd, what);
        looked_at++;
    }
    assert_true(looked_at >= least);
}

/* F-140: nothing leaks into a child. */
static void all_are_closed_on_exec(void **state)
{
    struct descriptors before = look();
    assert_int_equal(server_start(state), 0);
    assert_close_on_exec(&before, 3); /* It listens, is woken, waits. */

    char text[64];
    snprintf(text, sizeof text, "localhost:%u", docent_devserver_port(server)); /* With DNS. */
    docent_client *client = NULL;
    assert_ok(docent_client_new(text, NULL, &client));
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    assert_close_on_exec(&before, 3 + 3 + 2); /* Both ends of a connection, and a loop. */
    drop_connections();
    assert_ok(docent_exists(client, "/", NULL));
    assert_close_on_exec(&before, 3 + 3 + 2);
    docent_client_close(client, NULL, NULL);
    server_stop(state);
    assert_int_equal(look().count, before.count); /* And none is left. */
}

/* ---- An application's base. ---- */

struct app {
    struct event_base *base;
    pthread_t thread;
    docent_client *client;
    atomic_int connected, closed, answered;
    int ticks;
    docent_status outcome;
};

static void on_state(const docent_state_event *event, void *user)
{
    struct app *app = user;
    if (event->state == DOCENT_CONNECTED) app->connected++;
}

static void on_closed(void *user)
{
    ((struct app *)user)->closed++;
}

static void *app_run(void *user)
{
    struct app *app = user;
    event_base_loop(app->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static void on_answer(const docent_result *result, void *user)
{
    struct app *app = user;
    app->outcome = result->status;
    app->answered++;
}

static void ask(void *user)
{
    struct app *app = user;
    docent_status status = docent_exists_async(app->client, "/", on_answer, app);
    if (status != DOCENT_OK) app->outcome = status;
}

/* Ends the loop from one of its own callbacks: its base has no locks. */
static void app_stop(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct app *app = user;
    if (app->closed > 0 || ++app->ticks > PATIENCE_MS) event_base_loopbreak(app->base);
}

/* The base of the application runs on a thread; all else is done from another, without any lock of libevent's. */
static void client_on_a_base_is_closed_from_another_thread(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        struct app app = { .base = event_base_new() };
        struct event *tick = event_new(app.base, -1, EV_PERSIST, app_stop, &app);
        struct timeval often = { .tv_usec = 1000 };
        event_add(tick, &often);
        docent_client_options options = { DOCENT_CLIENT_OPTIONS, .base = app.base, .on_state = on_state, .user = &app };
        assert_ok(docent_client_new(connect_string, &options, &app.client));
        assert_int_equal(pthread_create(&app.thread, NULL, app_run, &app), 0);
        assert_soon(app.connected == 1); /* From its first turn on the loop's thread is known; before, it is the creator's. */
        for (int asked = 0; asked < i % 3; asked++) assert_ok(docent_client_post(app.client, ask, &app)); /* May be under way. */
        docent_client_close(app.client, on_closed, &app);
        pthread_join(app.thread, NULL); /* Ends when it was told. */
        assert_int_equal(app.closed, 1);
        assert_int_equal(app.answered, i % 3);
        event_free(tick);
        event_base_free(app.base);
    }
    assert_soon(docent_devserver_sessions(server, NULL, 0) == 0); /* It said good-bye. */
}

static void descriptors_of_an_application_s_base(void **state)
{
    (void)state;
    struct app app = { .base = event_base_new() };
    struct descriptors before = look();
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .base = app.base, .on_state = on_state, .user = &app };
    assert_ok(docent_client_new(connect_string, &options, &app.client));
    for (int i = 0; i < PATIENCE_MS && app.connected == 0; i++) {
        event_base_loop(app.base, EVLOOP_NONBLOCK);
        pause_ms(1);
    }
    assert_int_equal(app.connected, 1);
    assert_close_on_exec(&before, 3); /* Both ends of a connection, and a wake-up. */
    docent_client_close(app.client, on_closed, &app);
    for (int i = 0; i < PATIENCE_MS && app.closed == 0; i++) {
        event_base_loop(app.base, EVLOOP_NONBLOCK);
        pause_ms(1);
    }
    assert_int_equal(app.closed, 1);
    assert_soon(docent_devserver_connection_count(server) == 0);
    assert_int_equal(look().count, before.count);
    event_base_free(app.base);
}

/* ---- Large numbers: beyond what select() could take, F-140. ---- */

static void numbers_above_a_thousand(void **state)
{
    enum { LOW = 1100 };
    struct rlimit before, high;
    static int taken[LOW];
    int count = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    if (before.rlim_max < 2 * LOW) skip();
    high = before;
    if (high.rlim_cur < 2 * LOW) high.rlim_cur = 2 * LOW;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &high), 0);
    do {
        assert_true(count < LOW);
        taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(taken[count] >= 0);
    } while (taken[count++] < LOW);

    struct descriptors low = look();
    assert_int_equal(server_start(state), 0);
    docent_client *client = client_start(NULL);
    struct descriptors all = look();
    assert_true(all.count >= low.count + 3 + 3 + 2);
    docent_lock *lock = NULL;
    assert_ok(docent_lock_new(client, "/lock", NULL, &lock));
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    drop_connections();
    assert_ok(docent_exists(client, "/lock", NULL));
    docent_lock_close(lock, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    server_stop(state);
    while (count > 0) close(taken[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_closed_on_exec),
        cmocka_unit_test_setup_teardown(descriptors_of_an_application_s_base, server_start, server_stop),
        cmocka_unit_test_setup_teardown(client_on_a_base_is_closed_from_another_thread, server_start, server_stop),
        cmocka_unit_test(numbers_above_a_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
