/* tests/live/test_devserver.c - the development server as a library: what it does on purpose, and what it must not do by itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define SESSION_MS 300
#include "one_client.h"

enum { EXISTS = 3, GET = 4 };

static int64_t session_id(void)
{
    int64_t id = 0;
    assert_int_equal(docent_devserver_sessions(server, &id, 1), 1);
    return id;
}

/* A connection without a session. What comes back from it: -1, nothing yet; 0, it was closed or reset; else bytes. */
static int plain_connection(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(docent_devserver_port(server)) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    struct timeval patience = { .tv_usec = 100000 };
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    /* Who resets at once may do so before we have returned. */
    assert_true(connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == ECONNRESET);
    return fd;
}

static ssize_t said_to_ruok(int fd)
{
    char text[16];
    (void)send(fd, "ruok", 4, MSG_NOSIGNAL);
    ssize_t got = recv(fd, text, sizeof text, 0);
    if (got < 0 && (errno == ECONNRESET || errno == ENOTCONN)) return 0;
    return got;
}

/* Nothing but pings for five time-outs. To look in between would wake the server, and hide that it does not wake by itself. */
static void idle_session_lives_on(void **state)
{
    (void)state;
    int64_t id = session_id();
    pause_ms(1500);
    assert_int_equal(session_id(), id);
}

static void delayed_answer_to_a_read_is_in_time(void **state)
{
    (void)state;
    docent_devserver *idle;
    docent_client *reader = NULL;
    assert_ok(docent_devserver_start(NULL, &idle)); /* With slow ticks: nothing else wakes it for seconds. */
    assert_ok(docent_client_new(docent_devserver_connect_string(idle), NULL, &reader));
    assert_ok(docent_client_wait_connected(reader, PATIENCE_MS));
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DELAY_REPLY, .op = EXISTS, .delay_ms = 100 };
    assert_ok(docent_devserver_add_fault(idle, &fault));
    uint64_t begin = test_clock_ms();
    assert_ok(docent_exists(reader, "/", NULL));
    uint64_t took = test_clock_ms() - begin;
    assert_in_range(took, 99, 1500);
    docent_client_close(reader, NULL, NULL);
    docent_devserver_stop(idle);
}

static void expired_session_takes_its_nodes(void **state)
{
    (void)state;
    size_t nodes = docent_devserver_node_count(server);
    int64_t id = session_id();
    assert_ok(docent_create(client, "/e", NULL, 0, DOCENT_EPHEMERAL, NULL));
    assert_int_equal(docent_devserver_node_count(server), nodes + 1);
    assert_ok(docent_devserver_expire_session(server, id));
    assert_int_equal(docent_devserver_node_count(server), nodes);
    assert_status(docent_devserver_expire_session(server, id), DOCENT_ERR_SESSION_EXPIRED);
    assert_soon(docent_devserver_sessions(server, NULL, 0) == 1); /* The client comes back with another. */
    assert_int_not_equal(session_id(), id);
}

static void on_answer(const docent_result *result, void *user)
{
    (void)result;
    atomic_fetch_add((atomic_int *)user, 1);
}

static void ask_twice(void *user)
{
    assert_ok(docent_exists_async(client, "/", on_answer, user));
    assert_ok(docent_get_async(client, "/", on_answer, user));
}

/* Held back, with what is behind it; and nothing is told until the rules go. */
static void held_answer_comes_when_the_rules_go(void **state)
{
    (void)state;
    static atomic_int answers;
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_HOLD_REPLY, .op = EXISTS, .path = "/" };
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_ok(docent_client_post(client, ask_twice, &answers));
    assert_soon(docent_devserver_held(server) == 1);
    pause_ms(20);
    assert_int_equal(atomic_load(&answers), 0);
    docent_devserver_clear_faults(server);
    assert_int_equal(docent_devserver_held(server), 0);
    assert_soon(atomic_load(&answers) == 2);
}

static void rules_have_a_bound_and_wrong_ones_are_refused(void **state)
{
    (void)state;
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = GET, .path = "/never" };
    for (int i = 0; i < 32; i++) assert_ok(docent_devserver_add_fault(server, &fault));
    assert_status(docent_devserver_add_fault(server, &fault), DOCENT_ERR_BUSY);
    docent_devserver_clear_faults(server);
    assert_ok(docent_devserver_add_fault(server, &fault));
    fault.action = (docent_fault_action)77;
    assert_status(docent_devserver_add_fault(server, &fault), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_devserver_add_fault(server, NULL), DOCENT_ERR_INVALID_ARGUMENT);
}

static void cut_closes_and_refuses_until_healed(void **state)
{
    (void)state;
    int64_t id = session_id();
    docent_devserver_cut(server);
    assert_int_equal(docent_devserver_connection_count(server), 0);
    int fd = plain_connection();
    assert_soon(said_to_ruok(fd) == 0);
    close(fd);
    assert_int_equal(session_id(), id); /* The session did not notice. */
    docent_devserver_heal(server);
    fd = plain_connection();
    assert_soon(said_to_ruok(fd) == 4);
    close(fd);
    assert_soon(docent_devserver_connection_count(server) == 1);
}

static void refusing_leaves_what_is_connected(void **state)
{
    (void)state;
    docent_devserver_refuse(server);
    int fd = plain_connection();
    assert_soon(said_to_ruok(fd) == 0);
    close(fd);
    assert_ok(docent_exists(client, "/", NULL));
    docent_devserver_heal(server);
}

static void stalled_server_says_nothing_and_then_drops_who_asked(void **state)
{
    (void)state;
    docent_devserver_stall(server);
    int fd = plain_connection();
    assert_int_equal(said_to_ruok(fd), -1);
    docent_devserver_heal(server);
    assert_soon(said_to_ruok(fd) == 0);
    close(fd);
    fd = plain_connection();
    assert_soon(said_to_ruok(fd) == 4);
    close(fd);
}

/* Numbers go on, so a client that has seen the old ones is let in. */
static void read_only_server_serves_who_accepts_it(void **state)
{
    (void)state;
    docent_client *reader = NULL;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .read_only_allowed = true };
    assert_ok(docent_create(client, "/a", "x", 1, DOCENT_PERSISTENT, NULL));
    docent_devserver_read_only(server);
    assert_ok(docent_client_new(docent_devserver_connect_string(server), &options, &reader));
    assert_ok(docent_client_wait_connected(reader, PATIENCE_MS));
    assert_int_equal(docent_client_state(reader), DOCENT_READ_ONLY);
    assert_ok(docent_get(reader, "/a", NULL));
    assert_status(docent_set(reader, "/a", "y", 1, -1, NULL), DOCENT_ERR_NOT_READ_ONLY);
    assert_status(docent_sync(reader, "/a"), DOCENT_ERR_NOT_READ_ONLY);
    assert_status(docent_client_wait_connected(client, 200), DOCENT_ERR_TIMEOUT); /* It does not. */
    docent_devserver_heal(server);
    assert_ok(docent_set(client, "/a", "z", 1, -1, NULL));
    assert_soon(docent_client_state(reader) == DOCENT_CONNECTED);
    docent_client_close(reader, NULL, NULL);
}

static void restart_forgets_all(void **state)
{
    (void)state;
    docent_stat before, after;
    size_t nodes = docent_devserver_node_count(server);
    assert_ok(docent_create(client, "/gone", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_exists(client, "/gone", &before));
    assert_ok(docent_devserver_restart_empty(server, false));
    assert_int_equal(docent_devserver_node_count(server), nodes);
    assert_status(docent_exists(client, "/gone", NULL), DOCENT_ERR_NO_NODE);
    assert_ok(docent_create(client, "/gone", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_exists(client, "/gone", &after));
    assert_true(after.czxid > before.czxid);
}

/* The client does not even notice that its session was without a server. */
static void restart_keeps_nodes_and_sessions(void **state)
{
    (void)state;
    docent_stat before, after;
    int64_t id = session_id();
    assert_ok(docent_create(client, "/here", "data", 4, DOCENT_EPHEMERAL, NULL));
    assert_ok(docent_exists(client, "/here", &before));
    assert_ok(docent_devserver_restart(server));
    assert_ok(docent_exists(client, "/here", &after));
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(session_id(), id);
    assert_ok(docent_create(client, "/more", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_exists(client, "/more", &after));
    assert_true(after.czxid > before.czxid);
}

static char reported[512];

static void on_report(void *user, const char *text)
{
    (void)user;
    snprintf(reported, sizeof reported, "%s", text);
}

/* Of a server with a directory, by a client of its own: is there a node, and if not, make it. */
static bool was_there(docent_devserver *with_directory, const char *path)
{
    docent_client *other = NULL;
    assert_ok(docent_client_new(docent_devserver_connect_string(with_directory), NULL, &other));
    docent_status status = docent_create(other, path, NULL, 0, DOCENT_PERSISTENT, NULL);
    docent_client_close(other, NULL, NULL);
    assert_true(status == DOCENT_OK || status == DOCENT_ERR_NODE_EXISTS);
    return status == DOCENT_ERR_NODE_EXISTS;
}

static void directory_is_kept_until_it_is_emptied(void **state)
{
    (void)state;
    char directory[] = "/tmp/docent-data-XXXXXX";
    assert_non_null(mkdtemp(directory));
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .data_dir = directory, .report = on_report };
    docent_devserver *first, *second = NULL;
    assert_ok(docent_devserver_start(&options, &first));
    assert_false(was_there(first, "/a"));
    assert_ok(docent_devserver_restart(first));
    assert_true(was_there(first, "/a"));

    assert_status(docent_devserver_start(&options, &second), DOCENT_ERR_IO);
    assert_int_equal(errno, EWOULDBLOCK);
    assert_non_null(strstr(reported, "another server"));
    docent_devserver_stop(first);
    assert_ok(docent_devserver_start(&options, &second));
    assert_true(was_there(second, "/a"));

    assert_ok(docent_devserver_restart_empty(second, false));
    assert_false(was_there(second, "/a"));
    docent_devserver_stop(second);
    assert_ok(docent_devserver_start(&options, &second));
    assert_true(was_there(second, "/a"));
    docent_devserver_stop(second);
    files_remove(directory);
}

static void report_is_told_of_a_quota_that_is_exceeded(void **state)
{
    (void)state;
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .report = on_report };
    docent_devserver *own;
    docent_client *user = NULL;
    assert_ok(docent_devserver_start(&options, &own));
    assert_ok(docent_client_new(docent_devserver_connect_string(own), NULL, &user));
    const char limits[] = "count=2,bytes=-1=;byteHardLimit=5";
    assert_ok(docent_create(user, "/zookeeper/quota/q", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(user, "/q", "12345", 5, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(user, "/zookeeper/quota/q/zookeeper_limits", limits, sizeof limits - 1, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(user, "/zookeeper/quota/q/zookeeper_stats", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(user, "/q/a", NULL, 0, DOCENT_PERSISTENT, NULL));
    reported[0] = '\0';
    assert_ok(docent_create(user, "/q/b", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_string_equal(reported, "warning: the quota of /q is exceeded: 3 nodes, count=2");
    assert_ok(docent_set(user, "/q/b", "x", 1, DOCENT_ANY_VERSION, NULL));
    assert_string_equal(reported, "warning: the quota of /q is exceeded: 6 bytes, byteHardLimit=5");
    docent_client_close(user, NULL, NULL);
    docent_devserver_stop(own);
}

/* It answers nobody, and is as good as new when what was wrong is mended. */
static void server_that_cannot_read_its_directory_resets_everybody(void **state)
{
    (void)state;
    char directory[] = "/tmp/docent-data-XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .data_dir = directory, .report = on_report };
    docent_devserver *broken, *own = server;
    assert_ok(docent_devserver_start(&options, &broken));
    assert_false(was_there(broken, "/a"));
    snprintf(path, sizeof path, "%s/version-2", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_status(docent_devserver_restart(broken), DOCENT_ERR_IO);
    assert_non_null(strstr(reported, "version-2"));
    server = broken; /* For plain_connection(). */
    int fd = plain_connection();
    assert_soon(said_to_ruok(fd) == 0);
    close(fd);
    server = own;
    assert_int_equal(rmdir(path), 0);
    assert_ok(docent_devserver_restart(broken));
    assert_true(was_there(broken, "/a"));
    docent_devserver_stop(broken);
    files_remove(directory);
}

static void on_watch(const docent_watch_event *event, void *user)
{
    (void)event;
    atomic_fetch_add((atomic_int *)user, 1);
}

static void watches_are_counted_until_they_fire(void **state)
{
    (void)state;
    static atomic_int told;
    docent_call_options call = { DOCENT_CALL_OPTIONS, .watch = on_watch, .watch_user = &told };
    docent_op op = docent_op_exists("/awaited");
    assert_int_equal(docent_devserver_watch_count(server), 0);
    assert_status(docent_run(client, &op, &call, NULL), DOCENT_ERR_NO_NODE);
    assert_int_equal(docent_devserver_watch_count(server), 1);
    assert_ok(docent_create(client, "/awaited", NULL, 0, DOCENT_PERSISTENT, NULL));
    assert_int_equal(docent_devserver_watch_count(server), 0);
    assert_soon(atomic_load(&told) == 1);
}

/* A server of its own with these options; what it says to a word. */
static void said_by(const docent_devserver_options *options, const char *word, char *text, size_t size)
{
    docent_devserver *other, *usual = server;
    assert_ok(docent_devserver_start(options, &other));
    server = other;
    int fd = plain_connection();
    server = usual;
    size_t total = 0;
    assert_int_equal(send(fd, word, 4, MSG_NOSIGNAL), 4);
    for (ssize_t got; total + 1 < size && (got = recv(fd, text + total, size - total - 1, 0)) > 0;) total += (size_t)got;
    text[total] = '\0';
    close(fd);
    docent_devserver_stop(other);
}

static void words_are_as_the_options_say(void **state)
{
    (void)state;
    char text[4096], list[] = "srvr,conf";
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .words = list, .max_connections_per_address = 3, .tick_ms = 70 };
    said_by(&options, "ruok", text, sizeof text);
    assert_string_equal(text, "ruok is not executed because it is not in the whitelist.\n");
    said_by(&options, "conf", text, sizeof text);
    assert_non_null(strstr(text, "\ntickTime=70\nmaxClientCnxns=3\n"));
    said_by(NULL, "ruok", text, sizeof text);
    assert_string_equal(text, "imok");
}

static void state_is_there_over_http(void **state)
{
    (void)state;
    char text[4096] = "";
    docent_devserver *told;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .admin_port = ntohs(address.sin_port), .tick_ms = 70 };
    assert_status(docent_devserver_start(&options, &told), DOCENT_ERR_IO);
    assert_int_equal(errno, EADDRINUSE);
    close(fd);
    assert_ok(docent_devserver_start(&options, &told));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    static const char request[] = "GET /commands/conf HTTP/1.0\r\n\r\n";
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    size_t total = 0;
    for (ssize_t got; total + 1 < sizeof text && (got = recv(fd, text + total, sizeof text - total - 1, 0)) > 0;) total += (size_t)got;
    close(fd);
    docent_devserver_stop(told);
    assert_non_null(strstr(text, "\"tick_time\": 70"));
}

static void super_user_may_read_what_nobody_may(void **state)
{
    (void)state;
    docent_devserver *guarded;
    docent_client *root;
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .super = "root:secret" };
    docent_acl nobody = { DOCENT_PERM_READ, "digest", "nobody:x" };
    assert_ok(docent_devserver_start(&options, &guarded));
    assert_ok(docent_client_new(docent_devserver_connect_string(guarded), NULL, &root));
    assert_ok(docent_client_wait_connected(root, PATIENCE_MS));
    assert_ok(docent_client_add_auth(root, "digest", "root:secret", 11));
    docent_op op = docent_op_set_acl("/", (docent_acl_list){ &nobody, 1 }, -1);
    assert_ok(docent_run(root, &op, NULL, NULL));
    docent_client *other;
    assert_ok(docent_client_new(docent_devserver_connect_string(guarded), NULL, &other));
    assert_ok(docent_client_wait_connected(other, PATIENCE_MS));
    op = docent_op_get("/");
    assert_status(docent_run(other, &op, NULL, NULL), DOCENT_ERR_NO_AUTH);
    assert_ok(docent_run(root, &op, NULL, NULL));
    docent_client_close(other, NULL, NULL);
    docent_client_close(root, NULL, NULL);
    docent_devserver_stop(guarded);
    options.super = "without a colon";
    assert_status(docent_devserver_start(&options, &guarded), DOCENT_ERR_INVALID_ARGUMENT);
}

static void nodes_go_by_themselves(void **state)
{
    (void)state;
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .container_check_ms = 20, .ttl_nodes = true };
    docent_devserver *own;
    docent_client *user = NULL;
    assert_ok(docent_devserver_start(&options, &own));
    assert_ok(docent_client_new(docent_devserver_connect_string(own), NULL, &user));
    size_t nodes = docent_devserver_node_count(own);
    docent_op op = docent_op_create("/ttl", NULL, 0, DOCENT_PERSISTENT_TTL);
    op.ttl_ms = 50;
    assert_ok(docent_run(user, &op, NULL, NULL));
    assert_ok(docent_create(user, "/box", NULL, 0, DOCENT_CONTAINER, NULL));
    assert_ok(docent_create(user, "/box/child", NULL, 0, DOCENT_EPHEMERAL, NULL));
    docent_client_close(user, NULL, NULL); /* Takes the child with it. */
    assert_soon(docent_devserver_node_count(own) == nodes);
    docent_devserver_stop(own);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(idle_session_lives_on),
        TEST(delayed_answer_to_a_read_is_in_time),
        TEST(expired_session_takes_its_nodes),
        TEST(held_answer_comes_when_the_rules_go),
        TEST(rules_have_a_bound_and_wrong_ones_are_refused),
        TEST(cut_closes_and_refuses_until_healed),
        TEST(refusing_leaves_what_is_connected),
        TEST(stalled_server_says_nothing_and_then_drops_who_asked),
        TEST(read_only_server_serves_who_accepts_it),
        TEST(restart_forgets_all),
        TEST(restart_keeps_nodes_and_sessions),
        TEST(directory_is_kept_until_it_is_emptied),
        TEST(report_is_told_of_a_quota_that_is_exceeded),
        TEST(server_that_cannot_read_its_directory_resets_everybody),
        TEST(watches_are_counted_until_they_fire),
        TEST(words_are_as_the_options_say),
        TEST(super_user_may_read_what_nobody_may),
        TEST(state_is_there_over_http),
        TEST(nodes_go_by_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
