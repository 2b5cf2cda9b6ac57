/* tests/live/live.h - what the tests against a server share: cmocka, a server, a client, patience. */
#ifndef LIVE_H
#define LIVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <docent/devserver.h>
#include <docent/docent.h>

enum { PATIENCE_MS = 10000 };

static docent_devserver *server;

#define assert_status(expression, status) assert_string_equal(docent_status_name(expression), docent_status_name(status))
#define assert_ok(expression) assert_status(expression, DOCENT_OK)
/* Waits for what other threads bring about. */
#define assert_soon(condition)                                                                                              \
    do {                                                                                                                    \
        for (int waited = 0; waited < PATIENCE_MS && !(condition); waited++) pause_ms(1);                                     \
        assert_true(condition);                                                                                             \
    } while (0)

static inline void pause_ms(long ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&time, NULL);
}

static inline int server_start(void **state)
{
    (void)state;
    docent_devserver_options options = { DOCENT_DEVSERVER_OPTIONS, .tick_ms = 50 };
    return docent_devserver_start(&options, &server) == DOCENT_OK ? 0 : -1;
}

static inline int server_stop(void **state)
{
    (void)state;
    docent_devserver_stop(server);
    server = NULL;
    return 0;
}

static inline docent_client *client_start(const docent_client_options *options)
{
    docent_client *client = NULL;
    assert_ok(docent_client_new(docent_devserver_connect_string(server), options, &client));
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    return client;
}

#endif
