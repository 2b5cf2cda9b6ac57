/* tests/unit/test_ensemble.c - dynamic configurations, and a client that follows them. */
#include "unit.h"

#include <docent/ensemble.h>

#include "tests/lib/test_alloc.h"
#include "tests/unit/peer.h"

/* ---- Texts. ---- */

static docent_ensemble *parse(const char *text)
{
    docent_ensemble *ensemble = NULL;
    char *copy = malloc(strlen(text) + 1); /* Not terminated: a tool sees who reads on. */
    memcpy(copy, text, strlen(text));
    copy = realloc(copy, strlen(text) == 0 ? 1 : strlen(text));
    assert_int_equal(docent_ensemble_parse(copy, strlen(text), &ensemble), DOCENT_OK);
    free(copy);
    return ensemble;
}

static void test_a_configuration_is_taken_apart(void **state)
{
    (void)state;
    docent_ensemble *e = parse("server.1=127.0.0.1:24011:24021:participant;127.0.0.1:24001\n"
                               "server.12=zk2.example:24012:24022:observer;0.0.0.0:24002\n"
                               "version=1a0000000f");
    assert_int_equal(e->version, 0x1a0000000f);
    assert_int_equal(e->member_count, 2);
    assert_int_equal(e->members[0].number, 1);
    assert_string_equal(e->members[0].host, "127.0.0.1");
    assert_int_equal(e->members[0].quorum_port, 24011);
    assert_int_equal(e->members[0].election_port, 24021);
    assert_int_equal(e->members[0].role, DOCENT_PARTICIPANT);
    assert_int_equal(e->members[0].client_port, 24001);
    assert_int_equal(e->members[1].number, 12);
    assert_int_equal(e->members[1].role, DOCENT_OBSERVER);
    assert_string_equal(e->members[1].client_host, "zk2.example");
    docent_ensemble_free(e);
}

static void test_what_clients_connect_to(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "" },
        { "version=0", "" },
        { "server.1=h:1:2", "" },
        { "server.1=h:1:2;", "" },
        { "server.1=h:1:2:participant", "" },
        { "server.1=h:1:2;2181", "h:2181" },
        { "server.1=h:1:2;c:2181", "c:2181" },
        { "server.1=h:1:2:PARTICIPANT;c:2181\r\nversion=1\r", "c:2181" },
        { "server.1=h:1:2;[::]:2181", "h:2181" },
        { "server.1=h:1:2;[0:0:0:0:0:0:0:0]:2181", "h:2181" },
        { "server.1=h:1:2;0.0.0.0:2181", "h:2181" },
        { "server.1=[fe80::1]:1:2:observer;0.0.0.0:2181", "[fe80::1]:2181" },
        { "server.1=h:1:2;[::1]:2181", "[::1]:2181" },
        { "server.1=0.0.0.0:1:2;0.0.0.0:2181\nserver.2=[::]:1:2;2181\nserver.3=h:1:2;2181", "h:2181" }, /* Nobody goes there. */
        { "server.1=0.0.0.0:1:2;h:2181", "h:2181" },
        { "server.1=[fe80::1]:1:2|[fe80::2]:1:2:participant;[fe80::3]:2181\nserver.2=h:1:2;;h:2281", "[fe80::3]:2181" },
        { "server.1=a:1:2|b:3:4:participant;2181", "a:2181" },
        { "server.1=a:1:2;2181;a:2281", "a:2181" },
        { "aserver.1=a:1:2;2181\nserver=b\nSERVER.1=c:1:2;3", "" },
        { "version=1\nserver.1=b:1:2:observer;2181\nserver.2=b:1:2;218", "b:218,b:2181" },
        { "server.1=b:1:2;2181\nserver.2=c:1:2\nserver.3=a:1:2;2181", "a:2181,b:2181" },
        { "group.1=1:2\nweight.1=3\nserver.1=a:1:2;2181\n\nversion=3\n", "a:2181" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        docent_ensemble *e = parse(cases[i][0]);
        assert_string_equal(e->connect_string, cases[i][1]);
        docent_ensemble_free(e);
    }
}

static void test_garbage_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "server.=a:1:2;3",        "server.1",           "server.1=",        "server.1=a",        "server.1=a:1",
        "server.1=:1:2;3",        "server.1=a:0:2;3",   "server.1=a:1:65536;3", "server.1=a:1:2:king;3", "server.1=a:1:2;b",
        "server.1=a:1:2;b:",      "server.1=a:1:2;:3",  "server.1=[a:1:2;3", "server.1=[]:1:2;3", "server.1=a:1:2;[b]3",
        "server.x=a:1:2;3",       "version=",           "version=x",        "version=11111111111111111",
        "server.99999999999999999999=a:1:2;3",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        docent_ensemble *e = NULL;
        if (docent_ensemble_parse(bad[i], strlen(bad[i]), &e) == DOCENT_OK) fail_msg("taken: %s", bad[i]);
        assert_null(e);
    }
    docent_ensemble *e = NULL;
    assert_int_equal(docent_ensemble_parse("version=1\0", 10, &e), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_ensemble_parse(NULL, 1, &e), DOCENT_ERR_INVALID_ARGUMENT);
}

/* Whatever is cut out of a good text, or put into it, is read to its end or refused. */
static void test_damaged_text_is_read_or_refused(void **state)
{
    (void)state;
    static const char good[] = "server.1=[::1]:24011:24021|h:1:2:participant;[::]:24001\r\nserver.2=h:1:2:observer;1.2.3.4:5;h:6\n"
                               "group.1=1:2\nversion=1a0000000f\n";
    static const char marks[] = ":;=[]|,.\n\r0s\xff";
    for (size_t at = 0; at < sizeof good - 1; at++) {
        for (size_t mark = 0; mark < sizeof marks + 1; mark++) {
            size_t size = mark == sizeof marks ? at : sizeof good - 1;
            char *copy = malloc(size + 1);
            memcpy(copy, good, size);
            if (mark < sizeof marks) copy[at] = marks[mark]; /* The last of them ends the text before its end. */
            copy = realloc(copy, size == 0 ? 1 : size);
            docent_ensemble *e = NULL;
            docent_status status = docent_ensemble_parse(copy, size, &e);
            free(copy);
            if (status == DOCENT_OK) {
                assert_true(e->member_count <= 3);
                assert_true(strlen(e->connect_string) < sizeof good);
                docent_ensemble_free(e);
            } else {
                assert_int_equal(status, DOCENT_ERR_INVALID_ARGUMENT);
                assert_null(e);
            }
        }
    }
}

static void test_a_large_ensemble_is_read(void **state)
{
    (void)state;
    enum { MEMBERS = 5000 };
    char *text = malloc(MEMBERS * 64), *at = text;
    for (int i = 0; i < MEMBERS; i++) at += sprintf(at, "server.%d=10.0.%d.%d:1:2;%d\n", i, i / 256, i % 256, 1 + i);
    docent_ensemble *e = parse(text);
    free(text);
    assert_int_equal(e->member_count, MEMBERS);
    const char *server = e->connect_string;
    for (int i = 1; i < MEMBERS; i++) {
        server = strchr(server, ',');
        assert_non_null(server++);
    }
    assert_null(strchr(server, ','));
    docent_ensemble_free(e);
}

/* ---- A client that follows. ---- */

static struct peer peer;
static struct peer_frame frame;
static const docent_stat stat_of_config = { .mzxid = 5 };
static unsigned told;
static int64_t told_version;

static void on_ensemble(const docent_ensemble *ensemble, void *user)
{
    (void)user;
    told++;
    told_version = ensemble->version;
    assert_ptr_equal(docent_client_ensemble(peer.client), ensemble);
}

static void follow(docent_client_options *options)
{
    options->follow_ensemble = true;
    options->on_ensemble = on_ensemble;
}

static int start(void **state)
{
    (void)state;
    told = 0;
    peer_start(&peer, 1, 6000, follow);
    peer_online(&peer, 77, 6000);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    peer_stop(&peer);
    return 0;
}

/* The client reads the node and leaves a watch; it says @text. */
static void expect_read(const char *text)
{
    static const char path[] = DOCENT_CONFIG_NODE;
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    assert_int_equal(frame.size, 4 + sizeof path - 1 + 1);
    assert_memory_equal(frame.body + 4, path, sizeof path - 1);
    assert_int_equal(frame.body[frame.size - 1], 1);
    peer_reply_data(&peer, frame.xid, 5, text, &stat_of_config);
}

/* The connection is lost, and there is another. */
static void reconnect(void)
{
    peer_pass(&peer, 500);
    peer_cut(&peer);
    peer_online(&peer, 77, 6000);
}

static void test_the_list_of_servers_is_the_ensembles(void **state)
{
    (void)state;
    expect_read("server.1=a:1:2;2181\nserver.2=b:1:2;2181\nversion=100000001");
    assert_string_equal(peer.servers, "a:2181,b:2181");
    assert_int_equal(told, 1);

    peer_notify(&peer, DOCENT_WATCH_DATA_CHANGED, DOCENT_CONFIG_NODE);
    expect_read("server.2=b:1:2;2181\nversion=100000002");
    assert_string_equal(peer.servers, "b:2181");
    assert_int_equal(told, 2);
    assert_int_equal(told_version, 0x100000002);
}

static void test_what_is_known_already_is_not_told_again(void **state)
{
    (void)state;
    expect_read("server.1=a:1:2;2181\nversion=100000001");
    reconnect();
    expect_read("server.1=a:1:2;2181\nversion=100000001");
    peer_notify(&peer, DOCENT_WATCH_DATA_CHANGED, DOCENT_CONFIG_NODE);
    expect_read("server.9=old:1:2;2181\nversion=f");
    assert_int_equal(told, 1);
    assert_int_equal(peer.servers_set, 1);
}

static void test_another_session_may_have_an_older_version(void **state)
{
    (void)state;
    expect_read("server.1=a:1:2;2181\nversion=100000001");
    peer_pass(&peer, 500);
    peer_cut(&peer);
    peer_expect_connect(&peer);
    peer_accept(&peer, 0, 0); /* Expired. */
    peer_online(&peer, 78, 6000);
    expect_read("server.1=b:1:2;2181\nversion=1");
    assert_string_equal(peer.servers, "b:2181");
}

static void test_what_cannot_be_followed_costs_one_read(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "version=0", "garbage", "server.1=nonsense", NULL };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i] != NULL) {
            expect_read(texts[i]);
        } else {
            peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
            peer_reply(&peer, frame.xid, 5, DOCENT_ERR_NO_AUTH, NULL, 0);
        }
        peer_pass(&peer, 1500);
        while (peer_take(&peer, &frame)) assert_int_equal(frame.op, WIRE_OP_PING);
        reconnect();
    }
    assert_int_equal(told, 0);
    assert_int_equal(peer.servers_set, 0);
}

/* What the application had waiting, and what it asks for when it hears that there is a connection, goes first. */
static struct outcome waiting, prompt;

static void ask_on_state(const docent_state_event *event, void *user)
{
    (void)user;
    if (event->state == DOCENT_CONNECTED) assert_int_equal(docent_get_async(peer.client, "/prompt", outcome_tell, &prompt), DOCENT_OK);
}

static void follow_and_ask(docent_client_options *options)
{
    follow(options);
    options->on_state = ask_on_state;
}

static void expect_get(const char *path)
{
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    assert_int_equal(frame.size, 4 + strlen(path) + 1);
    assert_memory_equal(frame.body + 4, path, strlen(path));
}

static void test_first_requests_do_not_wait_for_the_configuration(void **state)
{
    (void)state;
    peer_stop(&peer);
    peer_start(&peer, 1, 6000, follow_and_ask);
    assert_int_equal(docent_get_async(peer.client, "/waiting", outcome_tell, &waiting), DOCENT_OK);
    peer_online(&peer, 77, 6000);
    expect_get("/waiting");
    peer_reply_data(&peer, frame.xid, 5, "w", &stat_of_config);
    expect_get("/prompt");
    peer_reply_data(&peer, frame.xid, 5, "p", &stat_of_config);
    expect_read("server.1=a:1:2;2181\nversion=1");
    assert_string_equal(waiting.data, "w");
    assert_string_equal(prompt.data, "p");
}

/* Curator's clients lost their chroot with a new list (CURATOR-593), set the same one again and again (551), and took an empty
 * one for a list (583). */
static void test_f26_a_new_list_leaves_the_root_as_it_was(void **state)
{
    (void)state;
    peer_stop(&peer);
    peer_start_below(&peer, "/app", 2, 6000, follow);
    peer_online(&peer, 77, 6000);
    expect_read("server.1=a:1:2;2181\nserver.2=b:1:2;2181\nversion=1");
    assert_string_equal(peer.servers, "a:2181,b:2181"); /* And no root, which would be another one to say wrong. */

    struct docent_address other = { .family = 4, .ip = { 10, 0, 0, 9 }, .port = 2181 };
    docent_core_servers(peer.client, peer.now, &other, 1);
    peer_pass(&peer, 2500);
    assert_int_equal(peer.link.address.ip[3], 9);
    struct wire_connect_request request = peer_expect_connect(&peer);
    assert_int_equal(request.session_id, 77);
    peer_accept(&peer, 77, 6000);
    struct outcome outcome = { 0 };
    assert_int_equal(docent_get_async(peer.client, "/x", outcome_tell, &outcome), DOCENT_OK);
    expect_read("server.1=a:1:2;2181\nserver.2=b:1:2;2181\nversion=1");
    expect_get("/app/x");
    peer_reply_data(&peer, frame.xid, 6, "v", &stat_of_config);
    assert_string_equal(outcome.data, "v");

    peer_notify(&peer, DOCENT_WATCH_DATA_CHANGED, DOCENT_CONFIG_NODE);
    expect_read("");
    assert_int_equal(peer.servers_set, 1);
}

/* All the members that were known may be gone when the session is: then the servers that the application named count again. */
static void test_who_has_lost_its_session_tries_the_first_servers_again(void **state)
{
    (void)state;
    expect_read("server.1=a:1:2;2181\nversion=100000001");
    peer.manual = true; /* Nobody answers. */
    peer_cut(&peer);
    assert_string_equal(peer.servers, "a:2181");
    peer_pass(&peer, 7000);
    assert_int_equal(docent_client_state(peer.client), DOCENT_LOST);
    assert_string_equal(peer.servers, "first:2181,a:2181");

    peer.manual = false;
    peer_pass(&peer, 10000);
    (void)peer_expect_connect(&peer);
    peer_accept(&peer, 0, 0); /* It is over. */
    peer_online(&peer, 78, 6000);
    expect_read("server.1=a:1:2;2181\nversion=100000001");
    assert_string_equal(peer.servers, "a:2181");
    assert_int_equal(told, 1);
}

static void test_who_follows_nothing_has_nothing_to_fall_back_from(void **state)
{
    (void)state;
    expect_read("");
    peer.manual = true;
    peer_cut(&peer);
    peer_pass(&peer, 7000);
    assert_int_equal(docent_client_state(peer.client), DOCENT_LOST);
    assert_int_equal(peer.servers_set, 0);
    peer.manual = false;
}

static struct test_alloc memory;

static void follow_in_counted_memory(docent_client_options *options)
{
    follow(options);
    test_alloc_init(&memory, 0);
    options->allocator = &memory.allocator;
}

/* Whichever allocation fails, the list comes, at the latest on another connection. */
static void test_what_found_no_memory_is_done_later(void **state)
{
    (void)state;
    for (size_t fail_at = 1; fail_at < 40; fail_at++) {
        peer_stop(&peer);
        if (fail_at > 1) assert_int_equal(memory.outstanding, 0);
        told = 0;
        peer_start(&peer, 1, 6000, follow_in_counted_memory);
        memory.fail_at = memory.calls + fail_at;
        for (unsigned tries = 0; tries < 8 && told == 0; tries++) {
            peer_pass(&peer, 500);
            size_t size = peer.size;
            if (size >= 4 && peer.bytes[3] == 45) peer_online(&peer, 77, 6000); /* A handshake has no header. */
            while (peer_take(&peer, &frame)) {
                if (frame.op != WIRE_OP_GET_DATA) continue;
                peer_reply_data(&peer, frame.xid, 5, "server.1=a:1:2;2181\nversion=100000001", &stat_of_config);
            }
        }
        assert_int_equal(told, 1);
        assert_string_equal(peer.servers, "a:2181");
    }
}

/* ---- Changes. ---- */

static struct outcome changed;

static void test_a_change_is_answered_with_the_new_configuration(void **state)
{
    (void)state;
    changed = (struct outcome){ 0 };
    assert_int_equal(docent_reconfig_async(peer.client, "server.3=c:1:2;9", NULL, NULL, 42, outcome_tell, &changed), DOCENT_OK);
    expect_read("");
    peer_expect(&peer, WIRE_OP_RECONFIG, &frame);
    assert_int_equal(frame.size, 4 + 16 + 4 + 4 + 8);
    assert_memory_equal(frame.body + 4, "server.3=c:1:2;9", 16);
    assert_memory_equal(frame.body + 20, "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\x2a", 16);
    peer_reply_data(&peer, frame.xid, 6, "server.3=c:1:2;9\nversion=6", &stat_of_config);
    assert_int_equal(changed.calls, 1);
    assert_int_equal(changed.status, DOCENT_OK);
    assert_string_equal(changed.data, "server.3=c:1:2;9\nversion=6");
}

/* Nobody can tell ours from another's, nor how often it was done. */
static void test_a_change_whose_answer_was_lost_is_unknown_and_not_repeated(void **state)
{
    (void)state;
    changed = (struct outcome){ 0 };
    expect_read("");
    assert_int_equal(docent_reconfig_async(peer.client, NULL, "3", NULL, -1, outcome_tell, &changed), DOCENT_OK);
    peer_expect(&peer, WIRE_OP_RECONFIG, &frame);
    reconnect();
    expect_read("");
    peer_pass(&peer, 1500);
    while (peer_take(&peer, &frame)) assert_int_equal(frame.op, WIRE_OP_PING);
    assert_int_equal(changed.calls, 1);
    assert_int_equal(changed.status, DOCENT_ERR_UNKNOWN_OUTCOME);
}

/* It says so in the words of a server that does not know the operation. */
static void test_a_server_that_stands_alone_is_not_taken_for_an_old_one(void **state)
{
    (void)state;
    uint32_t version;
    expect_read("");
    for (int i = 0; i < 2; i++) {
        changed = (struct outcome){ 0 };
        assert_int_equal(docent_reconfig_async(peer.client, NULL, "3", NULL, -1, outcome_tell, &changed), DOCENT_OK);
        peer_expect(&peer, WIRE_OP_RECONFIG, &frame);
        peer_reply(&peer, frame.xid, 5, DOCENT_ERR_UNIMPLEMENTED, NULL, 0);
        assert_int_equal(changed.status, DOCENT_ERR_UNIMPLEMENTED);
    }
    assert_string_not_equal(docent_client_server(peer.client, &version), "");
    assert_int_equal(version, 0); /* Nothing was learnt. */
}

static void test_a_change_that_is_none_or_two_is_refused_here(void **state)
{
    (void)state;
    assert_int_equal(docent_reconfig_async(peer.client, NULL, NULL, NULL, -1, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_reconfig_async(peer.client, "a", NULL, "b", -1, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_reconfig_async(peer.client, NULL, "a", "b", -1, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_reconfig_async(NULL, "a", NULL, NULL, -1, NULL, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_reconfig(NULL, "a", NULL, NULL, -1, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    expect_read("");
    assert_false(peer_take(&peer, &frame));
}

static void test_members_without_client_addresses_are_told_but_not_followed(void **state)
{
    (void)state;
    expect_read("server.1=a:1:2\nversion=100000001");
    assert_int_equal(told, 1);
    assert_int_equal(peer.servers_set, 0);
}

static void test_a_busy_server_is_asked_again(void **state)
{
    (void)state;
    peer_expect(&peer, WIRE_OP_GET_DATA, &frame);
    peer_reply(&peer, frame.xid, 5, DOCENT_ERR_THROTTLED, NULL, 0);
    peer_pass(&peer, 1000);
    expect_read("server.1=a:1:2;2181\nversion=1");
    assert_int_equal(told, 1);
}

static void test_who_does_not_follow_asks_nothing(void **state)
{
    (void)state;
    peer_stop(&peer);
    peer_start(&peer, 1, 6000, NULL);
    peer_online(&peer, 77, 6000);
    assert_false(peer_take(&peer, &frame));
    assert_null(docent_client_ensemble(peer.client));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_configuration_is_taken_apart),
        cmocka_unit_test(test_what_clients_connect_to),
        cmocka_unit_test(test_garbage_is_refused),
        cmocka_unit_test(test_damaged_text_is_read_or_refused),
        cmocka_unit_test(test_a_large_ensemble_is_read),
        TEST(test_the_list_of_servers_is_the_ensembles),
        TEST(test_what_is_known_already_is_not_told_again),
        TEST(test_another_session_may_have_an_older_version),
        TEST(test_what_cannot_be_followed_costs_one_read),
        TEST(test_first_requests_do_not_wait_for_the_configuration),
        TEST(test_f26_a_new_list_leaves_the_root_as_it_was),
        TEST(test_who_has_lost_its_session_tries_the_first_servers_again),
        TEST(test_who_follows_nothing_has_nothing_to_fall_back_from),
        TEST(test_what_found_no_memory_is_done_later),
        TEST(test_a_change_is_answered_with_the_new_configuration),
        TEST(test_a_change_whose_answer_was_lost_is_unknown_and_not_repeated),
        TEST(test_a_server_that_stands_alone_is_not_taken_for_an_old_one),
        TEST(test_a_change_that_is_none_or_two_is_refused_here),
        TEST(test_members_without_client_addresses_are_told_but_not_followed),
        TEST(test_a_busy_server_is_asked_again),
        TEST(test_who_does_not_follow_asks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
