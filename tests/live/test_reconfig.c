/* tests/live/test_reconfig.c - an ensemble of three Apache ZooKeeper servers that is changed while it runs, and clients that follow it; and
 * servers that stand alone, which have no ensemble to be changed. */
#include "live.h"

#include "apache.h"

enum { LONG_MS = 60000, TRIES = 64, ALL = 3 };

static struct apache *apache;
static docent_client *admin;
static atomic_int sessions, members, lost;

static void on_state(const docent_state_event *event, void *user)
{
    (void)user;
    if (event->new_session) sessions++;
    if (event->state == DOCENT_LOST) lost++;
}

static void on_ensemble(const docent_ensemble *ensemble, void *user)
{
    (void)user;
    members = (int)ensemble->member_count;
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

/* Which of the three; -1: none, at the moment. */
static int server_of(docent_client *client)
{
    struct place place = { .client = client };
    assert_ok(docent_client_post(client, place_look, &place));
    assert_soon(place.known);
    for (int i = 0; i < ALL; i++) {
        char text[64];
        snprintf(text, sizeof text, "127.0.0.1:%u", apache_port(apache, i));
        if (strcmp(text, place.server) == 0) return i;
    }
    return -1;
}

#define assert_in_time(condition) assert_within(LONG_MS, 10, condition)

/* A client with the rights to change the ensemble, connected to whom it finds. */
static docent_client *admin_start(const struct apache *servers)
{
    docent_client *client = NULL;
    assert_ok(docent_client_new(apache_connect_string(servers), NULL, &client));
    assert_ok(docent_client_add_auth(client, "digest", "super:secret", strlen("super:secret")));
    return client;
}

/* A server that was out of it is let in again when it has caught up. */
static docent_status change(const char *joining, const char *leaving, const char *all, int64_t version, docent_ensemble **ret_ensemble)
{
    docent_status status = DOCENT_ERR_NEW_CONFIG_NO_QUORUM;
    for (int waited = 0; waited < LONG_MS; waited += 100) {
        status = docent_reconfig(admin, joining, leaving, all, version, ret_ensemble);
        if (status != DOCENT_ERR_NEW_CONFIG_NO_QUORUM && status != DOCENT_ERR_RECONFIG_IN_PROGRESS) return status;
        pause_ms(100);
    }
    return status;
}

static void member_text(int at, char text[128])
{
    apache_member(apache, at, text, 128);
}

/* The list of all members but @left_out. -1: of all. */
static void members_text(int left_out, char text[512])
{
    text[0] = '\0';
    for (int i = 0; i < ALL; i++) {
        char one[128];
        member_text(i, one);
        if (i != left_out) snprintf(text + strlen(text), 512 - strlen(text), "%s%s", text[0] == '\0' ? "" : ",", one);
    }
}

static const docent_member *member(const docent_ensemble *ensemble, uint64_t number)
{
    for (size_t i = 0; i < ensemble->member_count; i++) {
        if (ensemble->members[i].number == number) return &ensemble->members[i];
    }
    return NULL;
}

static void make_app(void)
{
    docent_status status = docent_create(admin, "/app", NULL, 0, DOCENT_PERSISTENT, NULL);
    assert_true(status == DOCENT_OK || status == DOCENT_ERR_NODE_EXISTS);
}

static docent_client *follow(const char *servers, uint64_t seed)
{
    docent_client *client = NULL;
    sessions = members = lost = 0;
    docent_client_options options = {
        DOCENT_CLIENT_OPTIONS, .on_state = on_state, .follow_ensemble = true, .on_ensemble = on_ensemble, .seed = seed
    };
    assert_ok(docent_client_new(servers, &options, &client));
    assert_ok(docent_sync(client, "/"));
    assert_in_time(members == ALL);
    return client;
}

/* One that follows from server @at, below /app. It knows all of them, so the balance leaves it there. */
static docent_client *follow_at(int at)
{
    char servers[256];
    snprintf(servers, sizeof servers, "%s/app", apache_connect_string(apache));
    for (uint64_t seed = 1; seed < TRIES; seed++) {
        docent_client *client = follow(servers, seed);
        if (server_of(client) == at) return client;
        docent_client_close(client, NULL, NULL);
    }
    fail_msg("no seed begins with server %d", at);
    return NULL;
}

static void a_client_leaves_a_member_that_leaves(void **state)
{
    (void)state;
    int victim = (apache_leader(apache) + 1) % ALL;
    char number[16], spec[128];
    docent_ensemble *ensemble = NULL;
    make_app();
    docent_client *client = follow_at(victim);
    assert_ok(docent_create(client, "/e", NULL, 0, DOCENT_EPHEMERAL, NULL));

    snprintf(number, sizeof number, "%d", victim + 1);
    assert_ok(change(NULL, number, NULL, -1, &ensemble));
    assert_int_equal(ensemble->member_count, ALL - 1);
    int64_t version = ensemble->version;
    docent_ensemble_free(ensemble);
    assert_in_time(members == ALL - 1);
    int at;
    assert_in_time((at = server_of(client)) >= 0 && at != victim);
    assert_ok(docent_exists(client, "/e", NULL));
    assert_ok(docent_sync(admin, "/")); /* Of another member. */
    assert_ok(docent_exists(admin, "/app/e", NULL));

    member_text(victim, spec);
    assert_ok(change(spec, NULL, NULL, version, &ensemble));
    assert_int_equal(ensemble->member_count, ALL);
    assert_true(ensemble->version > version);
    docent_ensemble_free(ensemble);
    assert_in_time(members == ALL);
    assert_ok(docent_delete(client, "/e", DOCENT_ANY_VERSION)); /* Still below the same root, and ours. */
    assert_ok(docent_sync(admin, "/"));
    assert_status(docent_exists(admin, "/app/e", NULL), DOCENT_ERR_NO_NODE);
    assert_int_equal(sessions, 1);
    assert_int_equal(lost, 0);
    docent_client_close(client, NULL, NULL);
}

/* One server is enough to begin with. */
static void a_client_learns_of_servers_that_nobody_named(void **state)
{
    (void)state;
    char servers[64];
    int first = (apache_leader(apache) + 1) % ALL;
    make_app();
    snprintf(servers, sizeof servers, "127.0.0.1:%u/app", apache_port(apache, first));
    docent_client *client = follow(servers, 0);
    assert_ok(docent_create(client, "/e", NULL, 0, DOCENT_EPHEMERAL, NULL));
    apache_kill(apache, first);
    assert_ok(docent_exists(client, "/e", NULL));
    int at;
    assert_in_time((at = server_of(client)) >= 0 && at != first);
    apache_restart(apache, first);
    apache_wait(apache, ALL);
    assert_int_equal(sessions, 1);
    assert_int_equal(lost, 0);
    docent_client_close(client, NULL, NULL);
}

static void changes_are_made_as_they_are_asked_for(void **state)
{
    (void)state;
    char all[512], two[512], spec[128], number[16];
    docent_ensemble *ensemble = NULL;
    int one = (apache_leader(apache) + 1) % ALL;
    members_text(-1, all);
    members_text(one, two);
    member_text(one, spec);
    snprintf(number, sizeof number, "%d", one + 1);

    assert_ok(change(NULL, NULL, two, -1, &ensemble));
    assert_int_equal(ensemble->member_count, ALL - 1);
    docent_ensemble_free(ensemble);
    assert_ok(change(NULL, NULL, all, -1, &ensemble));
    assert_int_equal(ensemble->member_count, ALL);
    int64_t version = ensemble->version;
    docent_ensemble_free(ensemble);

    assert_status(change(NULL, number, NULL, version - 1, NULL), DOCENT_ERR_BAD_VERSION);
    assert_ok(change("server.9=127.0.0.1:1:2:observer;127.0.0.1:3", NULL, NULL, version, &ensemble));
    assert_int_equal(ensemble->member_count, ALL + 1);
    assert_non_null(member(ensemble, 9));
    assert_int_equal(member(ensemble, 9)->role, DOCENT_OBSERVER);
    docent_ensemble_free(ensemble);
    assert_ok(change("server.8=127.0.0.1:4:5:observer;127.0.0.1:6", "9", NULL, -1, &ensemble)); /* One for the other. */
    assert_int_equal(ensemble->member_count, ALL + 1);
    assert_non_null(member(ensemble, 8));
    docent_ensemble_free(ensemble);
    assert_ok(change(NULL, "8", NULL, -1, NULL));
}

static void changes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    docent_client *nobody = NULL;
    assert_ok(docent_client_new(apache_connect_string(apache), NULL, &nobody));
    assert_status(docent_reconfig(nobody, NULL, "3", NULL, -1, NULL), DOCENT_ERR_NO_AUTH);
    docent_client_close(nobody, NULL, NULL);
    assert_status(docent_reconfig(admin, "nonsense", NULL, NULL, -1, NULL), DOCENT_ERR_BAD_ARGUMENTS);
    assert_status(docent_reconfig(admin, NULL, NULL, NULL, -1, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    /* Four of six are a quorum; there are three. */
    assert_status(docent_reconfig(admin, "server.7=127.0.0.1:1:2;3,server.8=127.0.0.1:4:5;6,server.9=127.0.0.1:7:8;9", NULL, NULL, -1, NULL),
                  DOCENT_ERR_NEW_CONFIG_NO_QUORUM);
}

/* It goes before it has answered; whoever asked has to look. */
static void a_leader_that_leaves_answers_nothing(void **state)
{
    (void)state;
    char number[16];
    int leader = apache_leader(apache);
    snprintf(number, sizeof number, "%d", leader + 1);
    docent_status status = change(NULL, number, NULL, -1, NULL);
    assert_true(status == DOCENT_OK || status == DOCENT_ERR_UNKNOWN_OUTCOME);
    size_t count = ALL;
    for (int waited = 0; waited < LONG_MS && count == ALL; waited += 100) {
        docent_result *result = NULL;
        docent_ensemble *ensemble = NULL;
        if (docent_sync(admin, "/") == DOCENT_OK && docent_get(admin, DOCENT_CONFIG_NODE, &result) == DOCENT_OK) {
            assert_ok(docent_ensemble_parse(result->data, result->size, &ensemble));
            count = ensemble->member_count;
            docent_ensemble_free(ensemble);
        }
        docent_result_free(result);
        if (count == ALL) pause_ms(100);
    }
    assert_int_equal(count, ALL - 1);
}

static void look_at_ensemble(void *user)
{
    struct place *place = user;
    assert_null(docent_client_ensemble(place->client));
    place->known = true;
}

static void follows_nothing(const char *servers)
{
    docent_client *client = NULL;
    members = 0;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .follow_ensemble = true, .on_ensemble = on_ensemble };
    assert_ok(docent_client_new(servers, &options, &client));
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    assert_ok(docent_exists(client, "/", NULL)); /* Asked after the configuration, and so answered after it. */
    struct place place = { .client = client };
    assert_ok(docent_client_post(client, look_at_ensemble, &place));
    assert_soon(place.known);
    assert_int_equal(members, 0);
    docent_client_close(client, NULL, NULL);
}

static void a_server_alone_is_followed_nowhere(void **state)
{
    (void)state;
    follows_nothing(connect_string);
    docent_client *client = client_start(NULL);
    assert_status(docent_reconfig(client, "server.9=127.0.0.1:1:2;3", NULL, NULL, -1, NULL), DOCENT_ERR_RECONFIG_DISABLED);
    docent_client_close(client, NULL, NULL);
}

static void an_apache_server_alone_is_followed_nowhere(void **state)
{
    (void)state;
    struct apache *alone = apache_start_dynamic(1);
    follows_nothing(apache_connect_string(alone));
    docent_client *client = admin_start(alone);
    assert_status(docent_reconfig(client, "server.9=127.0.0.1:1:2;3", NULL, NULL, -1, NULL), DOCENT_ERR_UNIMPLEMENTED);
    docent_client_close(client, NULL, NULL);
    apache_stop(alone);
}

static int ensemble_start(void **state)
{
    (void)state;
    apache = apache_start_dynamic(ALL);
    admin = admin_start(apache);
    return 0;
}

static int ensemble_stop(void **state)
{
    (void)state;
    docent_client_close(admin, NULL, NULL);
    apache_stop(apache);
    return 0;
}

int main(void)
{
#define ALONE cmocka_unit_test_setup_teardown(a_server_alone_is_followed_nowhere, server_start, server_stop)
    const struct CMUnitTest alone[] = { ALONE };
    const struct CMUnitTest all[] = {
        ALONE,
        cmocka_unit_test(an_apache_server_alone_is_followed_nowhere),
        cmocka_unit_test(a_client_leaves_a_member_that_leaves),
        cmocka_unit_test(a_client_learns_of_servers_that_nobody_named),
        cmocka_unit_test(changes_that_cannot_be_are_refused),
        cmocka_unit_test(changes_are_made_as_they_are_asked_for),
        cmocka_unit_test(a_leader_that_leaves_answers_nothing),
    };
    if (!apache_available()) return cmocka_run_group_tests(alone, NULL, NULL);
    return cmocka_run_group_tests(all, ensemble_start, ensemble_stop);
}
