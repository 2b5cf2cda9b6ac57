/* tests/live/test_read_only.c - a client that accepts read-only servers, on an ensemble of three Apache ZooKeeper servers of which two
 * die. */
#include "live.h"

#include "apache.h"

enum { LONG_MS = 60000 };

static struct
{
    atomic_int read_only, connected, lost;
    atomic_bool new_session;
} seen;

static void on_state(const docent_state_event *event, void *user)
{
    (void)user;
    if (event->state == DOCENT_READ_ONLY) seen.read_only++;
    if (event->state == DOCENT_LOST) seen.lost++;
    if (event->state != DOCENT_CONNECTED) return;
    seen.new_session = event->new_session;
    seen.connected++;
}

static void a_read_only_client_finds_the_server_that_writes(void **state)
{
    (void)state;
    char servers[64];
    struct apache *apache = apache_start_read_only(3);
    docent_client *client = NULL;
    assert_ok(docent_client_new(apache_connect_string(apache), NULL, &client));
    assert_ok(docent_create(client, "/kept", "x", 1, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_sync(client, "/kept"));
    docent_client_close(client, NULL, NULL);

    int left = (apache_leader(apache) + 1) % 3, back = (left + 1) % 3;
    apache_kill(apache, back);
    apache_kill(apache, (left + 2) % 3);
    char text[2048] = "";
    for (int waited = 0; waited < LONG_MS && strstr(text, "Mode: read-only") == NULL; waited += 10) {
        pause_ms(10);
        apache_ask(apache, left, "srvr", text, sizeof text);
    }
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .read_only_allowed = true, .on_state = on_state };
    snprintf(servers, sizeof servers, "127.0.0.1:%u,127.0.0.1:%u", apache_port(apache, left), apache_port(apache, back));
    assert_ok(docent_client_new(servers, &options, &client));
    assert_ok(docent_client_wait_connected(client, LONG_MS));
    assert_int_equal(docent_client_state(client), DOCENT_READ_ONLY);
    assert_ok(docent_get(client, "/kept", NULL));
    assert_status(docent_create(client, "/refused", NULL, 0, DOCENT_PERSISTENT, NULL), DOCENT_ERR_NOT_READ_ONLY);

    apache_restart_alone(apache, back); /* The other does not notice: it still misses its ensemble. */
    for (int waited = 0; waited < LONG_MS && seen.connected == 0; waited += 10) pause_ms(10);
    assert_int_equal(seen.connected, 1);
    assert_int_equal(seen.read_only, 1); /* It was not that the server let go of us. */
    assert_int_equal(seen.lost, 1);
    assert_true(seen.new_session);
    assert_ok(docent_set(client, "/kept", "y", 1, DOCENT_ANY_VERSION, NULL));
    docent_client_close(client, NULL, NULL);
    apache_stop(apache);
}

int main(void)
{
    if (!apache_available()) {
        printf("1..0 # SKIP Apache ZooKeeper or Java is not installed\n");
        return 0;
    }
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_read_only_client_finds_the_server_that_writes) };
    return cmocka_run_group_tests_name("read-only", tests, NULL, NULL);
}
