/* tests/live/live.h - what the tests against a server share: cmocka, a server, a client, patience.
 *
 * A program that is run with the argument "apache" gets one Apache ZooKeeper for all its tests, behind a relay, and each test a chroot of
 * its own there; with "ensemble" that one is a member of an ensemble of three; else each test gets a development server of its own. */
#ifndef LIVE_H
#define LIVE_H

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <docent/devserver.h>
#include <docent/docent.h>

#include "apache.h"
#include "relay.h"
#include "test_clock.h"

enum { PATIENCE_MS = 10000 };

static docent_devserver *server; /* NULL: Apache ZooKeeper. */
static struct apache *apache_alone;
static struct relay *apache_relay;
static int apache_members __attribute__((unused)); /* 1: alone. */
static char connect_string[64];

#define assert_status(expression, status) assert_string_equal(docent_status_name(expression), docent_status_name(status))
#define assert_ok(expression) assert_status(expression, DOCENT_OK)
/* Waits for what other threads bring about, until @condition holds; it may pass, and is not looked at again. */
#define assert_within(ms, step_ms, condition)                                                                               \
    do {                                                                                                                    \
        bool come = (condition);                                                                                            \
        for (int waited = 0; waited < (ms) && !come; waited += (step_ms)) {                                                 \
            pause_ms(step_ms);                                                                                              \
            come = (condition);                                                                                             \
        }                                                                                                                   \
        _assert_true(come, #condition, __FILE__, __LINE__);                                                                 \
    } while (0)
#define assert_soon(condition) assert_within(PATIENCE_MS, 1, condition)

static inline void pause_ms(long ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&time, NULL);
}

/* What another thread is about to write there may still come. */
static inline void files_remove(const char *directory)
{
    int removed = -1;
    for (int tries = 0; tries < PATIENCE_MS && removed != 0; tries++) {
        DIR *dir = opendir(directory);
        assert_non_null(dir);
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) (void)unlinkat(dirfd(dir), entry->d_name, 0);
        closedir(dir);
        removed = rmdir(directory);
        if (removed != 0) pause_ms(1);
    }
    assert_int_equal(removed, 0);
}

static inline docent_client *client_start(const docent_client_options *options)
{
    docent_client *client = NULL;
    assert_ok(docent_client_new(connect_string, options, &client));
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    return client;
}

/* None, if there is no such node. */
static inline size_t children_count(docent_client *client, const char *path)
{
    docent_result *result = NULL;
    size_t count = docent_children(client, path, &result) == DOCENT_OK ? result->name_count : 0;
    docent_result_free(result);
    return count;
}

/* The development server, whatever the other tests of the program run against. 0: the default, which is short. */
static inline int server_start_ours(uint32_t max_session_ms)
{
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .tick_ms = 50, .max_session_ms = max_session_ms };
    if (docent_devserver_start(&options, &server) != DOCENT_OK) return -1;
    snprintf(connect_string, sizeof connect_string, "%s", docent_devserver_connect_string(server));
    return 0;
}

static inline int server_start_with(uint32_t max_session_ms)
{
    if (apache_alone == NULL) return server_start_ours(max_session_ms);
    static unsigned tests;
    char chroot[16];
    snprintf(chroot, sizeof chroot, "/test-%u", ++tests % 1000);
    relay_set(apache_relay, RELAY_PASS);
    snprintf(connect_string, sizeof connect_string, "127.0.0.1:%u", relay_port(apache_relay));
    docent_client *root = client_start(NULL);
    assert_ok(docent_create(root, chroot, NULL, 0, DOCENT_PERSISTENT, NULL));
    docent_client_close(root, NULL, NULL);
    snprintf(connect_string + strlen(connect_string), sizeof chroot, "%s", chroot);
    return 0;
}

static inline int server_start(void **state)
{
    (void)state;
    return server_start_with(0);
}

enum { PATIENT_SESSION_MS = 60000 };

/* For sessions that outlive rows of lost connections, or much work, on a machine that has other things to do. */
static inline int server_start_patient(void **state)
{
    (void)state;
    return server_start_with(PATIENT_SESSION_MS);
}

static inline int server_stop(void **state)
{
    (void)state;
    docent_devserver_stop(server);
    server = NULL;
    return 0;
}

/* Runs the tests against the server that the arguments name. */
#define run_live(tests, argc, argv)                                                                                        \
    (live_begin(argc, argv) ? live_end(cmocka_run_group_tests(tests, NULL, NULL)) : 0)

static inline bool live_begin(int argc, char **argv)
{
    bool ensemble = argc > 1 && strcmp(argv[1], "ensemble") == 0;
    if (argc < 2 || (strcmp(argv[1], "apache") != 0 && !ensemble)) return true;
    if (!apache_available()) {
        printf("1..0 # SKIP Apache ZooKeeper or Java is not installed\n");
        return false;
    }
    cmocka_set_skip_filter("*lost_replies*"); /* No real server loses them on purpose. */
    apache_members = ensemble ? 3 : 1;
    apache_alone = apache_start(apache_members);
    apache_relay = relay_new(0, apache_port(apache_alone, 0));
    return true;
}

static inline int live_end(int failed)
{
    relay_free(apache_relay);
    apache_stop(apache_alone);
    return failed;
}

static inline uint16_t server_port(void)
{
    return server != NULL ? docent_devserver_port(server) : apache_port(apache_alone, 0);
}

static inline void drop_connections(void)
{
    if (server != NULL) {
        docent_devserver_drop_connections(server);
    } else {
        relay_drop(apache_relay);
    }
}

/* No connections, until heal(). Sessions live on. */
static inline void cut(void)
{
    if (server != NULL) {
        docent_devserver_cut(server);
    } else {
        relay_set(apache_relay, RELAY_REFUSE);
    }
}

static inline void heal(void)
{
    if (server != NULL) {
        docent_devserver_heal(server);
    } else {
        relay_set(apache_relay, RELAY_PASS);
    }
}

/* How many watches the server has. */
static inline size_t watch_count(void)
{
    if (server != NULL) return docent_devserver_watch_count(server);
    char text[1024];
    const char *total = NULL;
    for (int tries = 0; total == NULL && tries < PATIENCE_MS / 1000; tries++) { /* A busy server may need more than the second it has. */
        apache_ask(apache_alone, 0, "wchs", text, sizeof text);
        total = strstr(text, "Total watches:");
    }
    assert_non_null(total);
    return strtoul(total + strlen("Total watches:"), NULL, 10);
}

struct session_parts {
    docent_client *client;
    int64_t id;
    uint8_t password[16];
    atomic_bool known;
};

static inline void session_look(void *user)
{
    struct session_parts *session = user;
    session->id = docent_client_session(session->client, session->password);
    session->known = true;
}

/* What a client of the same session needs to be given. */
static inline void session_of(docent_client *client, docent_client_options *options)
{
    struct session_parts session = { .client = client };
    assert_ok(docent_client_post(client, session_look, &session));
    assert_soon(session.known);
    options->session_id = session.id;
    memcpy(options->session_password, session.password, sizeof session.password);
}

/* How often a client with statistics has asked for that. */
static inline uint64_t times_asked(docent_client *of, docent_op_type type)
{
    docent_stats_snapshot snapshot = { DOCENT_STATS_SNAPSHOT };
    assert_ok(docent_client_stats(of, &snapshot));
    uint64_t count = 0;
    for (int i = 0; i < DOCENT_OUTCOMES; i++) count += snapshot.operations[type][i];
    return count;
}

/* Takes a session over and closes it, in one breath. Returns whose connection the server says it is: 0, nobody's, when the session is over. */
static inline int64_t close_session_of(int64_t id, const uint8_t password[16])
{
    enum { CONNECT_SIZE = 45, CLOSE = -11 };
    uint8_t ask[4 + CONNECT_SIZE + 12] = { [3] = CONNECT_SIZE }, answer[4 + 16];
    uint32_t timeout = htonl(PATIENCE_MS), password_size = htonl(16), close_frame[] = { htonl(8), htonl(1), htonl((uint32_t)CLOSE) };
    uint32_t halves[] = { htonl((uint32_t)((uint64_t)id >> 32)), htonl((uint32_t)id) };
    memcpy(ask + 16, &timeout, 4);
    memcpy(ask + 20, halves, 8);
    memcpy(ask + 28, &password_size, 4);
    memcpy(ask + 32, password, 16);
    memcpy(ask + 4 + CONNECT_SIZE, close_frame, sizeof close_frame);

    /* Of an ensemble another member: that of its owner would hang up at once, and a follower that is asked for one session by two connections
     * while it asks its leader forgets the first. */
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    address.sin_port = htons(apache_port(apache_alone, apache_members == 3 ? 1 : 0));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool told = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && send(fd, ask, sizeof ask, MSG_NOSIGNAL) == (ssize_t)sizeof ask &&
                recv(fd, answer, sizeof answer, MSG_WAITALL) == (ssize_t)sizeof answer;
    uint8_t rest[64];
    while (told && recv(fd, rest, sizeof rest, 0) > 0) {} /* The server hangs up when the session is closed. */
    close(fd);
    if (!told) return id; /* Its owner was quicker. */
    memcpy(halves, answer + 12, sizeof halves);
    return (int64_t)((uint64_t)ntohl(halves[0]) << 32 | ntohl(halves[1]));
}

/* Ends a client's session behind its back. A real server is asked until it says that there is none: its owner may take it back in between. */
static inline void expire(docent_client *client)
{
    docent_client_options options = { DOCENT_CLIENT_OPTIONS };
    session_of(client, &options);
    if (server != NULL) {
        assert_ok(docent_devserver_expire_session(server, options.session_id));
        return;
    }
    while (close_session_of(options.session_id, options.session_password) != 0) {}
}

#endif
