/* tests/live/test_servers.c - other servers for a client that runs. Several relays in front of one server are several servers of one
 * ensemble, as far as a client can tell. */
#include "live.h"

static struct relay *relays[3];
static atomic_int news;

static int relays_start(void **state)
{
    if (server_start(state) != 0) return -1;
    for (int i = 0; i < 3; i++) relays[i] = relay_new(0, server_port());
    atomic_store(&news, 0);
    return 0;
}

static int relays_stop(void **state)
{
    for (int i = 0; i < 3; i++) relay_free(relays[i]);
    return server_stop(state);
}

static void servers_text(const char *host, int relay, const char *chroot, char text[64])
{
    snprintf(text, 64, "%s:%u%s", host, relay_port(relays[relay]), chroot);
}

static void count_new_sessions(const docent_state_event *event, void *user)
{
    (void)user;
    if (event->new_session || event->state == DOCENT_LOST) atomic_fetch_add(&news, 1);
}

struct place {
    docent_client *client;
    char server[64];
    atomic_bool known;
};

static void place_look(void *user)
{
    struct place *place = user;
    snprintf(place->server, sizeof place->server, "%s", docent_client_server(place->client, NULL));
    place->known = true;
}

static bool is_at(docent_client *client, int relay)
{
    char wanted[64];
    struct place place = { .client = client };
    servers_text("127.0.0.1", relay, "", wanted);
    assert_ok(docent_client_post(client, place_look, &place));
    assert_soon(place.known);
    return strcmp(place.server, wanted) == 0;
}

static docent_client *start_at(int relay, docent_client_options *options)
{
    char text[64];
    docent_client *root = client_start(NULL), *client = NULL;
    docent_status made = docent_create(root, "/app", NULL, 0, DOCENT_PERSISTENT, NULL);
    assert_true(made == DOCENT_OK || made == DOCENT_ERR_NODE_EXISTS);
    docent_client_close(root, NULL, NULL);
    servers_text("127.0.0.1", relay, "/app", text);
    options->on_state = count_new_sessions;
    assert_ok(docent_client_new(text, options, &client));
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    return client;
}

static void goes_to_the_new_servers_with_its_session_and_chroot(void **state)
{
    (void)state;
    char text[64];
    docent_client_options options = { DOCENT_CLIENT_OPTIONS };
    docent_client *client = start_at(0, &options);
    assert_ok(docent_create(client, "/e", NULL, 0, DOCENT_EPHEMERAL, NULL));

    servers_text("127.0.0.1", 1, "/app", text);
    assert_ok(docent_client_set_servers(client, text));
    assert_soon(is_at(client, 1));
    assert_ok(docent_exists(client, "/e", NULL));
    servers_text("localhost", 2, "", text); /* A name; and no chroot is the chroot that there is. */
    assert_ok(docent_client_set_servers(client, text));
    assert_soon(is_at(client, 2));
    assert_ok(docent_exists(client, "/e", NULL));
    assert_int_equal(atomic_load(&news), 1);
    docent_client_close(client, NULL, NULL);
}

static void refuses_lists_that_are_none_and_other_chroots(void **state)
{
    (void)state;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS };
    docent_client *client = start_at(0, &options);
    static const char *const bad[] = { "", "/app", "127.0.0.1:0", "127.0.0.1:2181,", "127.0.0.1:2181/other", "127.0.0.1:2181/app/b" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_status(docent_client_set_servers(client, bad[i]), DOCENT_ERR_INVALID_ARGUMENT);
    }
    assert_status(docent_client_set_servers(client, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_client_set_servers(NULL, "127.0.0.1"), DOCENT_ERR_INVALID_ARGUMENT);
    assert_true(is_at(client, 0));
    docent_client_close(client, NULL, NULL);
}

struct setter {
    docent_client *client;
    char text[64];
};

static void set_from_callback(const docent_result *result, void *user)
{
    (void)result;
    struct setter *setter = user;
    assert_ok(docent_client_set_servers(setter->client, setter->text));
}

static void set_on_loop(void *user)
{
    struct setter *setter = user;
    assert_ok(docent_get_async(setter->client, "/", set_from_callback, setter));
}

static void may_be_told_from_a_callback(void **state)
{
    (void)state;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS };
    struct setter setter = { .client = start_at(0, &options) };
    servers_text("127.0.0.1", 1, "", setter.text);
    assert_ok(docent_client_post(setter.client, set_on_loop, &setter));
    assert_soon(is_at(setter.client, 1));
    docent_client_close(setter.client, NULL, NULL);
}

static void a_list_of_names_that_nobody_knows_is_survived(void **state)
{
    (void)state;
    char text[64];
    docent_client_options options = { DOCENT_CLIENT_OPTIONS };
    docent_client *client = start_at(0, &options);
    assert_ok(docent_client_set_servers(client, "no-such-name.invalid:2181"));
    assert_ok(docent_exists(client, "/", NULL));
    servers_text("127.0.0.1", 1, "", text);
    assert_ok(docent_client_set_servers(client, text));
    assert_soon(is_at(client, 1));
    docent_client_close(client, NULL, NULL);
}

/* ---- Lists that are kept elsewhere. ---- */

static atomic_int wanted_relay, asked;

static bool tell_servers(char *text, size_t size, void *user)
{
    (void)user;
    atomic_fetch_add(&asked, 1);
    int relay = atomic_load(&wanted_relay);
    if (relay < 0) return false;
    if (relay == 99) {
        memset(text, 'x', size); /* Not terminated, and no list either. */
    } else {
        snprintf(text, size, "127.0.0.1:%u", relay_port(relays[relay]));
    }
    return true;
}

static void asks_for_the_list_before_each_sweep(void **state)
{
    (void)state;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .servers_from = tell_servers };
    atomic_store(&wanted_relay, 1);
    docent_client *client = start_at(0, &options);
    assert_true(is_at(client, 1));

    atomic_store(&wanted_relay, 2);
    relay_set(relays[1], RELAY_REFUSE);
    assert_soon(is_at(client, 2));
    int before = atomic_load(&asked);
    atomic_store(&wanted_relay, -1); /* Nothing new: the last list stays. */
    relay_drop(relays[2]);
    relay_set(relays[2], RELAY_REFUSE);
    assert_soon(atomic_load(&asked) > before);
    before = atomic_load(&asked);
    atomic_store(&wanted_relay, 99);
    assert_soon(atomic_load(&asked) > before);
    relay_set(relays[2], RELAY_PASS);
    assert_soon(is_at(client, 2)); /* Perhaps with another session: it was away for some time. */
    docent_client_close(client, NULL, NULL);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, relays_start, relays_stop)
    const struct CMUnitTest tests[] = {
        TEST(goes_to_the_new_servers_with_its_session_and_chroot),
        TEST(refuses_lists_that_are_none_and_other_chroots),
        TEST(may_be_told_from_a_callback),
        TEST(a_list_of_names_that_nobody_knows_is_survived),
        TEST(asks_for_the_list_before_each_sweep),
    };
    return run_live(tests, argc, argv);
}
