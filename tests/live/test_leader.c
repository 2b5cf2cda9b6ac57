/* tests/live/test_leader.c - leader latch and leader selector against a server: who leads, who is told, terms, and what happens when the
 * connection, the session, the node or the leader goes.
 *
 * The fail-overs at the end print what they took. DOCENT_LEADER_RUNS in the environment says how many there are to be, of each kind. */
#include "one_client.h"

#include <pthread.h>

static void closed(void *user)
{
    (*(atomic_int *)user)++;
}

/* ---- The latch. ---- */

struct member {
    docent_client *client;
    docent_leader_latch *latch;
    docent_leader_latch *rival;     /* Must not say that it leads when we begin to. */
    atomic_int gained, lost, overlaps;
    _Atomic int64_t token;          /* Told last. */
    _Atomic docent_status why;
    _Atomic uint64_t gained_us, lost_us;
    atomic_int closed;
};

static void on_change(docent_leader_latch *latch, const docent_leadership *now, void *user)
{
    struct member *m = user;
    if (now->leads && m->rival != NULL && docent_leader_latch_has_leadership(m->rival)) m->overlaps++;
    if (now->leads && docent_leader_latch_token(latch) != now->token && docent_leader_latch_token(latch) != -1) m->overlaps += 100;
    m->token = now->token;
    if (now->leads) {
        m->gained_us = test_clock_us();
        m->gained++;
    } else {
        m->why = now->why;
        m->lost_us = test_clock_us();
        m->lost++;
    }
}

static void member_open_with(struct member *m, docent_client *owner, docent_leader_latch_options options)
{
    m->client = owner;
    m->token = -1;
    options.on_change = on_change;
    options.user = m;
    assert_ok(docent_leader_latch_new(owner, "/leader", &options, &m->latch));
    assert_ok(docent_leader_latch_start(m->latch));
}

static void member_open(struct member *m, docent_client *owner, const char *id)
{
    docent_leader_latch_options options = { DOCENT_LEADER_LATCH_OPTIONS, .id = id };
    member_open_with(m, owner, options);
}

static void member_close(struct member *m)
{
    docent_leader_latch_close(m->latch, closed, &m->closed);
    assert_soon(m->closed == 1);
}

static void participants_are(docent_leader_latch *latch, const char *const *ids, size_t count)
{
    docent_result *result = NULL;
    assert_ok(docent_leader_latch_participants(latch, &result));
    assert_int_equal(result->name_count, count);
    for (size_t i = 0; i < count; i++) assert_string_equal(result->names[i], ids[i]);
    docent_result_free(result);
}

static void latches_lead_in_order(void **state)
{
    (void)state;
    static const char *const ids[] = { "one", "two", "three" };
    struct member members[3] = { 0 };
    for (size_t i = 0; i < 3; i++) {
        member_open(&members[i], client, ids[i]);
        assert_soon(children_of("/leader") == i + 1);
    }
    assert_ok(docent_leader_latch_await(members[0].latch, PATIENCE_MS));
    assert_status(docent_leader_latch_await(members[1].latch, 20), DOCENT_ERR_TIMEOUT);
    assert_status(docent_leader_latch_await(members[1].latch, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(docent_leader_latch_start(members[1].latch), DOCENT_ERR_BUSY);
    participants_are(members[2].latch, ids, 3);
    docent_result *result = NULL;
    assert_ok(docent_leader_latch_leader(members[2].latch, &result));
    assert_int_equal(result->name_count, 1);
    assert_string_equal(result->names[0], "one");
    assert_non_null(strstr(result->results[0].path, "-latch-"));
    docent_result_free(result);

    int64_t last = -1;
    for (size_t i = 0; i < 3; i++) {
        assert_ok(docent_leader_latch_await(members[i].latch, PATIENCE_MS));
        assert_true(docent_leader_latch_has_leadership(members[i].latch));
        assert_true(docent_leader_latch_token(members[i].latch) > last);
        last = docent_leader_latch_token(members[i].latch);
        for (size_t j = i + 1; j < 3; j++) assert_false(docent_leader_latch_has_leadership(members[j].latch));
        docent_hold *hold = docent_leader_latch_hold(members[i].latch);
        assert_int_equal(docent_hold_czxid(hold), last);
        docent_hold_unref(hold);
        assert_soon(members[i].gained == 1);
        member_close(&members[i]);
        assert_int_equal(members[i].lost, 0); /* Silent. */
    }
    assert_int_equal(children_of("/leader"), 0);
}

static void latch_arguments(void **state)
{
    (void)state;
    static const char *const paths[] = { NULL, "", "/", "a", "/a/", "/../a" };
    docent_leader_latch *none = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_status(docent_leader_latch_new(client, paths[i], NULL, &none), DOCENT_ERR_INVALID_ARGUMENT);
    }
    docent_leader_latch_options options = { DOCENT_LEADER_LATCH_OPTIONS, .dialect = (docent_dialect)77 };
    assert_status(docent_leader_latch_new(client, "/a", &options, &none), DOCENT_ERR_INVALID_ARGUMENT);
    options = (docent_leader_latch_options){ DOCENT_LEADER_LATCH_OPTIONS, .close_mode = (docent_latch_close)7 };
    assert_status(docent_leader_latch_new(client, "/a", &options, &none), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(none);
    assert_status(docent_leader_latch_start(NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_false(docent_leader_latch_has_leadership(NULL));
    docent_leader_latch_close(NULL, NULL, NULL);
}

static void waiting_ends_with_the_latch(void **state)
{
    (void)state;
    struct member leader = { 0 };
    member_open(&leader, client, "");
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    docent_leader_latch *idle = NULL;
    assert_ok(docent_leader_latch_new(client, "/leader", NULL, &idle)); /* Not started. */
    assert_status(docent_leader_latch_await(idle, 10), DOCENT_ERR_TIMEOUT);
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_leader_latch_info(idle, &info));
    assert_string_equal(info.state, "NEW");
    docent_leader_latch_close(idle, NULL, NULL);
    assert_ok(docent_leader_latch_info(leader.latch, &info));
    assert_string_equal(info.state, "LEADING");
    assert_int_equal(info.succeeded, 1);
    member_close(&leader);
}

struct await_call {
    docent_leader_latch *latch;
    atomic_int told;
    _Atomic docent_status outcome, accepted;
};

static void awaited(docent_status status, void *user)
{
    struct await_call *call = user;
    call->outcome = status;
    call->told++;
}

static void await_now(void *user)
{
    struct await_call *call = user;
    call->accepted = docent_leader_latch_await_async(call->latch, DOCENT_FOREVER, awaited, call);
}

static void closing_tells_who_waits_and_who_listens(void **state)
{
    (void)state;
    struct member leader = { 0 }, second = { 0 };
    docent_leader_latch_options options = { DOCENT_LEADER_LATCH_OPTIONS, .close_mode = DOCENT_LATCH_CLOSE_NOTIFY };
    member_open_with(&leader, client, options);
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    member_open(&second, client, "second");
    struct await_call call = { .latch = second.latch };
    assert_ok(docent_client_post(client, await_now, &call));
    assert_soon(call.accepted == DOCENT_OK && children_of("/leader") == 2);
    member_close(&second);
    assert_int_equal(call.told, 1);
    assert_status(call.outcome, DOCENT_ERR_CLOSING);
    assert_int_equal(leader.lost, 0);
    member_close(&leader);
    assert_int_equal(leader.lost, 1);
    assert_status(leader.why, DOCENT_ERR_CLOSING);
}

static void listeners_hear_every_change(void **state)
{
    (void)state;
    struct member leader = { 0 }, early = { 0 }, late = { 0 }, quiet = { 0 };
    docent_leader_latch_listener *first, *second, *third;
    assert_ok(docent_leader_latch_new(client, "/leader", NULL, &leader.latch));
    assert_ok(docent_leader_latch_listen(leader.latch, true, on_change, &early, &first));
    assert_soon(early.lost == 1); /* That we do not lead. */
    assert_status(early.why, DOCENT_OK);
    assert_ok(docent_leader_latch_start(leader.latch));
    assert_soon(early.gained == 1);
    assert_ok(docent_leader_latch_listen(leader.latch, true, on_change, &late, &second));
    assert_ok(docent_leader_latch_listen(leader.latch, false, on_change, &quiet, &third));
    assert_soon(late.gained == 1);
    assert_true(late.token == docent_leader_latch_token(leader.latch));
    assert_ok(docent_leader_latch_unlisten(leader.latch, first));

    cut();
    assert_soon(late.lost == 1 && quiet.lost == 1);
    assert_status(late.why, DOCENT_ERR_CONNECTION_LOSS);
    assert_int_equal(early.lost, 1);
    assert_int_equal(quiet.gained, 0);
    heal();
    assert_soon(late.gained == 2 && quiet.gained == 1);
    member_close(&leader);
}

static void suspension_ends_it_and_the_same_node_leads_again(void **state)
{
    (void)state;
    struct member leader = { 0 };
    member_open(&leader, client, "me");
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    int64_t token = docent_leader_latch_token(leader.latch);
    cut();
    assert_soon(leader.lost == 1);
    assert_false(docent_leader_latch_has_leadership(leader.latch));
    assert_null(docent_leader_latch_hold(leader.latch));
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_leader_latch_info(leader.latch, &info));
    assert_string_equal(info.state, "SUSPENDED");
    assert_status(info.reason, DOCENT_ERR_CONNECTION_LOSS);
    heal();
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    assert_int_equal(docent_leader_latch_token(leader.latch), token);
    assert_int_equal(children_of("/leader"), 1);
    member_close(&leader);
}

static void by_the_other_policy_it_outlives_a_suspension(void **state)
{
    (void)state;
    struct member leader = { 0 };
    docent_leader_latch_options options = { DOCENT_LEADER_LATCH_OPTIONS, .error_policy = DOCENT_ERROR_POLICY_LOST };
    member_open_with(&leader, client, options);
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    int64_t token = docent_leader_latch_token(leader.latch);
    cut();
    assert_soon(docent_client_state(client) == DOCENT_SUSPENDED);
    assert_int_equal(docent_leader_latch_token(leader.latch), token);
    heal();
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    expire(client);
    assert_soon(leader.lost == 1);
    assert_status(leader.why, DOCENT_ERR_SESSION_EXPIRED);
    assert_soon(leader.gained == 2); /* With a new node, in the new session. */
    assert_true(docent_leader_latch_token(leader.latch) > token);
    member_close(&leader);
}

static bool state_is(docent_leader_latch *latch, const char *state)
{
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_leader_latch_info(latch, &info));
    return strcmp(info.state, state) == 0;
}

/* The damping outlives the test: whatever is told meanwhile is told too early. */
static void f78_flaps_are_damped(void **state)
{
    (void)state;
    enum { FLAPS = 3, DAMPING_MS = 3600000 };
    struct member leader = { 0 };
    docent_leader_latch_options options = { DOCENT_LEADER_LATCH_OPTIONS, .damping_ms = DAMPING_MS };
    member_open_with(&leader, client, options);
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    int64_t token = docent_leader_latch_token(leader.latch);
    for (int i = 0; i < FLAPS; i++) {
        cut();
        assert_soon(state_is(leader.latch, "SUSPENDED"));
        heal();
        assert_soon(state_is(leader.latch, "DAMPED")); /* In its place, and not told. */
        assert_false(docent_leader_latch_has_leadership(leader.latch));
        assert_null(docent_leader_latch_hold(leader.latch));
    }
    assert_int_equal(leader.gained, 1);
    assert_int_equal(leader.lost, 1); /* Of so many flaps. */
    expire(client);
    assert_soon(leader.gained == 2); /* With a new node: not damped. */
    assert_true(docent_leader_latch_token(leader.latch) > token);
    member_close(&leader);
}

static void f78_what_is_damped_is_told_in_the_end(void **state)
{
    (void)state;
    enum { DAMPING_MS = 200 };
    struct member leader = { 0 };
    docent_leader_latch_options options = { DOCENT_LEADER_LATCH_OPTIONS, .damping_ms = DAMPING_MS };
    member_open_with(&leader, client, options);
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    int64_t token = docent_leader_latch_token(leader.latch);
    cut();
    assert_soon(leader.lost == 1);
    uint64_t healed_ms = test_clock_ms();
    heal();
    assert_soon(leader.gained == 2);
    assert_true(test_clock_ms() - healed_ms >= DAMPING_MS);
    assert_int_equal(docent_leader_latch_token(leader.latch), token);
    assert_int_equal(leader.lost, 1);
    member_close(&leader);
}

static void who_deletes_our_node_takes_the_leadership(void **state)
{
    (void)state;
    struct member leader = { 0 };
    member_open(&leader, client, "me");
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    docent_hold *hold = docent_leader_latch_hold(leader.latch);
    assert_non_null(hold);
    assert_ok(docent_delete(client, docent_hold_path(hold), DOCENT_ANY_VERSION));
    docent_hold_unref(hold);
    assert_soon(leader.lost == 1 && leader.gained == 2);
    assert_status(leader.why, DOCENT_ERR_NO_NODE);
    member_close(&leader);
}

static void f74_who_is_refused_tries_again(void **state)
{
    (void)state;
    struct member leader = { 0 };
    assert_ok(docent_create(client, "/leader", NULL, 0, DOCENT_PERSISTENT, NULL));
    docent_op closed_to_all = docent_op_set_acl("/leader", docent_acl_read_only(), DOCENT_ANY_VERSION);
    assert_ok(docent_run(client, &closed_to_all, NULL, NULL));
    member_open(&leader, client, "me");
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    for (int waited = 0; waited < PATIENCE_MS && info.reason != DOCENT_ERR_NO_AUTH; waited++) {
        assert_ok(docent_leader_latch_info(leader.latch, &info));
        pause_ms(1);
    }
    assert_status(info.reason, DOCENT_ERR_NO_AUTH);
    assert_ok(docent_delete(client, "/leader", DOCENT_ANY_VERSION)); /* Mended. */
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    member_close(&leader);
}

/* All that the servers had is gone, or at least all that the election has made; nobody who takes part hears of it meanwhile. */
static void wipe(void)
{
    if (server != NULL) {
        assert_ok(docent_devserver_restart_empty(server, false));
        return;
    }
    const char *chroot = strchr(connect_string, '/');
    char around[64]; /* The relay. */
    docent_client *other = NULL;
    docent_delete_node_options options = { DOCENT_DELETE_NODE_OPTIONS, .recursive = true };
    cut();
    snprintf(around, sizeof around, "127.0.0.1:%u%s", apache_port(apache_alone, 0), chroot);
    assert_ok(docent_client_new(around, NULL, &other));
    assert_ok(docent_delete_node(other, "/leader", DOCENT_ANY_VERSION, &options));
    docent_client_close(other, NULL, NULL);
    heal();
}

static void f73_the_directory_of_the_election_has_gone(void **state)
{
    (void)state;
    docent_client *second = client_start(NULL);
    struct member one = { 0 }, two = { 0 };
    member_open(&one, client, "one");
    assert_ok(docent_leader_latch_await(one.latch, PATIENCE_MS));
    member_open(&two, second, "two");
    assert_soon(children_of("/leader") == 2);
    wipe();
    assert_soon(one.lost > 0);
    assert_soon(docent_leader_latch_has_leadership(one.latch) || docent_leader_latch_has_leadership(two.latch));
    bool first = docent_leader_latch_has_leadership(one.latch);
    member_close(first ? &one : &two);
    assert_ok(docent_leader_latch_await(first ? two.latch : one.latch, PATIENCE_MS)); /* Who waited waits there, too. */
    member_close(first ? &two : &one);
    docent_client_close(second, NULL, NULL);
}

static void a_latch_in_the_dialect_of_kazoo(void **state)
{
    (void)state;
    struct member leader = { 0 };
    docent_leader_latch_options options = { DOCENT_LEADER_LATCH_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO, .id = "me" };
    member_open_with(&leader, client, options);
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    docent_lock_options as_lock = { DOCENT_LOCK_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    docent_lock *lock = NULL; /* As kazoo's Election would. */
    assert_ok(docent_lock_new(client, "/leader", &as_lock, &lock));
    assert_status(docent_lock_acquire(lock, 50), DOCENT_ERR_TIMEOUT);
    member_close(&leader);
    assert_ok(docent_lock_acquire(lock, PATIENCE_MS));
    docent_lock_close(lock, NULL, NULL);
}

/* ---- The selector. ---- */

struct worker {
    docent_leader_selector *selector;
    atomic_int terms, interrupts, closed, overlaps;
    _Atomic int64_t number, token; /* Of the last term. */
    _Atomic docent_status why;
    atomic_bool at_once; /* Relinquishes from inside the callback. */
};

static void on_leadership(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    struct worker *w = user;
    if (term->hold == NULL || docent_hold_czxid(term->hold) != term->token || term->token <= w->token) w->overlaps++;
    w->number = term->number;
    w->token = term->token;
    w->terms++;
    if (w->at_once) docent_leader_selector_relinquish(selector, term->number);
}

static void on_interrupt(docent_leader_selector *selector, const docent_leader_term *term, docent_status why, void *user)
{
    struct worker *w = user;
    (void)selector;
    if (term->number != w->number) w->overlaps++;
    w->why = why;
    w->interrupts++;
}

static void worker_open(struct worker *w, docent_leader_selector_options options)
{
    options.on_leadership = on_leadership;
    options.on_interrupt = on_interrupt;
    options.user = w;
    assert_ok(docent_leader_selector_new(client, "/select", &options, &w->selector));
    assert_ok(docent_leader_selector_start(w->selector));
}

static void worker_close(struct worker *w)
{
    docent_leader_selector_close(w->selector, closed, &w->closed);
    assert_soon(w->closed == 1);
    assert_int_equal(w->overlaps, 0);
}

static void terms_begin_and_end(void **state)
{
    (void)state;
    struct worker first = { .token = -1 }, second = { .token = -1 };
    docent_leader_selector_options options = { DOCENT_LEADER_SELECTOR_OPTIONS, .id = "first" };
    worker_open(&first, options);
    assert_soon(first.terms == 1);
    assert_status(docent_leader_selector_start(first.selector), DOCENT_ERR_BUSY);
    options.id = "second";
    worker_open(&second, options);
    assert_soon(children_of("/select") == 2);
    docent_result *result = NULL;
    assert_ok(docent_leader_selector_participants(second.selector, &result));
    assert_int_equal(result->name_count, 2);
    assert_string_equal(result->names[0], "first");
    assert_string_equal(result->names[1], "second");
    docent_result_free(result);
    assert_ok(docent_leader_selector_leader(second.selector, &result));
    assert_string_equal(result->names[0], "first");
    assert_non_null(strstr(result->results[0].path, "-lock-"));
    docent_result_free(result);

    docent_leader_selector_relinquish(first.selector, first.number + 1); /* Not yet. */
    assert_true(docent_leader_selector_has_leadership(first.selector));
    docent_leader_selector_relinquish(first.selector, first.number);
    assert_false(docent_leader_selector_has_leadership(first.selector)); /* From the return on. */
    assert_soon(second.terms == 1);
    assert_true(second.token > first.token);
    assert_soon(children_of("/select") == 1); /* One term for one start. */

    assert_ok(docent_leader_selector_requeue(first.selector));
    assert_ok(docent_leader_selector_requeue(first.selector));
    docent_leader_selector_relinquish(first.selector, first.number); /* Again: ended long ago. */
    assert_ok(docent_leader_selector_requeue(second.selector));      /* After this term. */
    docent_leader_selector_relinquish(second.selector, second.number);
    assert_soon(first.terms == 2);
    docent_leader_selector_relinquish(first.selector, first.number);
    assert_soon(second.terms == 2);
    worker_close(&first);
    worker_close(&second);
}

static void terms_follow_each_other_by_themselves(void **state)
{
    (void)state;
    struct worker workers[2] = { { .token = -1, .at_once = true }, { .token = -1, .at_once = true } };
    docent_leader_selector_options options = { DOCENT_LEADER_SELECTOR_OPTIONS, .auto_requeue = true };
    for (int i = 0; i < 2; i++) worker_open(&workers[i], options);
    assert_soon(workers[0].terms >= 10 && workers[1].terms >= 10);
    for (int i = 0; i < 2; i++) worker_close(&workers[i]);
    assert_soon(children_of("/select") == 0);
}

static void a_term_that_is_lost_is_ended_by_the_application(void **state)
{
    (void)state;
    struct worker worker = { .token = -1 };
    docent_leader_selector_options options = { DOCENT_LEADER_SELECTOR_OPTIONS, .auto_requeue = true };
    worker_open(&worker, options);
    assert_soon(worker.terms == 1);
    cut();
    assert_soon(worker.interrupts == 1);
    assert_status(worker.why, DOCENT_ERR_CONNECTION_LOSS);
    assert_false(docent_leader_selector_has_leadership(worker.selector));
    heal();
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_leader_selector_info(worker.selector, &info));
    assert_string_equal(info.state, "LOST");
    assert_int_equal(children_of("/select"), 1); /* It stays where it is. */
    assert_int_equal(worker.terms, 1);
    docent_leader_selector_relinquish(worker.selector, worker.number);
    assert_soon(worker.terms == 2);

    expire(client); /* Which begins with the loss of the connection. */
    assert_soon(worker.interrupts == 2);
    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    assert_int_equal(children_of("/select"), 0); /* Nobody waits for one who has not ended. */
    docent_leader_selector_relinquish(worker.selector, worker.number);
    assert_soon(worker.terms == 3);

    assert_ok(docent_leader_selector_interrupt(worker.selector));
    assert_soon(worker.interrupts == 3);
    assert_status(worker.why, DOCENT_ERR_CANCELLED);
    assert_true(docent_leader_selector_has_leadership(worker.selector));
    docent_leader_selector_relinquish(worker.selector, worker.number);
    assert_soon(worker.terms == 4);
    worker_close(&worker);
}

struct job {
    docent_leader_selector *selector;
    uint32_t timeout_ms;
    atomic_int ran, interrupted, closed;
    atomic_bool goes_on;
    _Atomic docent_status outcome;
    atomic_bool over;
    bool led;
};

static void work(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    struct job *job = user;
    job->led = docent_leader_selector_token(selector) == term->token && docent_hold_czxid(term->hold) == term->token;
    job->ran++;
    while (job->goes_on) pause_ms(1);
}

static void *run(void *user)
{
    struct job *job = user;
    job->outcome = docent_leader_selector_run(job->selector, job->timeout_ms, work, job);
    job->over = true;
    return NULL;
}

static void on_job_interrupt(docent_leader_selector *selector, const docent_leader_term *term, docent_status why, void *user)
{
    struct job *job = user;
    (void)selector;
    (void)term;
    (void)why;
    job->interrupted++;
    job->goes_on = false;
}

static pthread_t job_start(struct job *job)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, job), 0);
    return thread;
}

static void a_term_is_run_in_the_calling_thread(void **state)
{
    (void)state;
    struct job job = { .timeout_ms = PATIENCE_MS };
    docent_leader_selector_options options = { DOCENT_LEADER_SELECTOR_OPTIONS, .on_interrupt = on_job_interrupt, .user = &job,
                                               .error_policy = DOCENT_ERROR_POLICY_LOST };
    assert_ok(docent_leader_selector_new(client, "/select", &options, &job.selector));
    assert_status(docent_leader_selector_start(job.selector), DOCENT_ERR_INVALID_ARGUMENT);
    run(&job);
    assert_ok(job.outcome);
    assert_int_equal(job.ran, 1);
    assert_true(job.led);
    assert_false(docent_leader_selector_has_leadership(job.selector));

    docent_leader_selector *other = NULL; /* Has it meanwhile. */
    struct job busy = { .timeout_ms = PATIENCE_MS, .goes_on = true };
    assert_ok(docent_leader_selector_new(client, "/select", NULL, &other));
    busy.selector = other;
    pthread_t thread = job_start(&busy);
    assert_soon(busy.ran == 1);
    assert_status(docent_leader_selector_run(other, 10, work, &busy), DOCENT_ERR_BUSY);
    job.timeout_ms = 50;
    run(&job);
    assert_status(job.outcome, DOCENT_ERR_TIMEOUT);
    assert_soon(children_of("/select") == 1); /* It has left the queue. */
    busy.goes_on = false;
    pthread_join(thread, NULL);
    assert_ok(busy.outcome);

    job.timeout_ms = PATIENCE_MS;
    job.goes_on = true; /* Until it is interrupted. */
    thread = job_start(&job);
    assert_soon(job.ran == 2);
    expire(client);
    pthread_join(thread, NULL);
    assert_status(job.outcome, DOCENT_ERR_SESSION_EXPIRED);
    assert_int_equal(job.interrupted, 1);

    assert_ok(docent_client_wait_connected(client, PATIENCE_MS));
    job.goes_on = true;
    thread = job_start(&job);
    assert_soon(job.ran == 3);
    docent_leader_selector_close(job.selector, closed, &job.closed); /* While it runs. */
    pthread_join(thread, NULL);
    assert_soon(job.closed == 1);
    assert_int_equal(job.interrupted, 2);
    docent_leader_selector_close(other, NULL, NULL);
    assert_soon(children_of("/select") == 0);
}

static void the_client_closes_first(void **state)
{
    (void)state;
    docent_client *own = client_start(NULL);
    struct member leader = { 0 };
    member_open(&leader, own, "me");
    assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
    struct job job = { .timeout_ms = PATIENCE_MS, .goes_on = true };
    docent_leader_selector_options options = { DOCENT_LEADER_SELECTOR_OPTIONS, .on_interrupt = on_job_interrupt, .user = &job };
    assert_ok(docent_leader_selector_new(own, "/select", &options, &job.selector));
    pthread_t thread = job_start(&job);
    assert_soon(job.ran == 1);
    docent_client_close(own, NULL, NULL);
    pthread_join(thread, NULL);
    assert_status(job.outcome, DOCENT_ERR_CLOSING);
    assert_soon(leader.lost == 1);
    assert_false(docent_leader_latch_has_leadership(leader.latch));
    assert_status(docent_leader_latch_start(leader.latch), DOCENT_ERR_CLOSING);
    member_close(&leader);
    docent_leader_selector_close(job.selector, NULL, NULL);
}

/* ---- Fail-over. ---- */

static unsigned runs_wanted(void)
{
    const char *text = getenv("DOCENT_LEADER_RUNS");
    return text == NULL ? 1 : (unsigned)strtoul(text, NULL, 10);
}

static uint64_t round_trip_us(docent_client *through)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 50; i++) {
        uint64_t begun = test_clock_us();
        assert_ok(docent_exists(through, "/leader", NULL));
        uint64_t took = test_clock_us() - begun;
        if (took < best) best = took;
    }
    return best;
}

static void a_leader_closes(void **state)
{
    (void)state;
    uint64_t sum = 0, runs = 20;
    uint64_t round_trip = 0;
    for (uint64_t i = 0; i < runs; i++) {
        struct member leader = { 0 }, next = { 0 };
        member_open(&leader, client, "leader");
        assert_ok(docent_leader_latch_await(leader.latch, PATIENCE_MS));
        member_open(&next, client, "next");
        assert_soon(children_of("/leader") == 2);
        if (i == 0) round_trip = round_trip_us(client);
        uint64_t begun = test_clock_us();
        docent_leader_latch_close(leader.latch, closed, &leader.closed);
        assert_soon(next.gained == 1 && leader.closed == 1);
        sum += next.gained_us - begun;
        member_close(&next);
    }
    printf("# closed: the next one leads after %.2f ms, a round trip is %.2f ms\n", (double)sum / (double)runs / 1000,
           (double)round_trip / 1000);
}

static struct relay *between; /* The leader and its server. */

static void strike_kill(void)
{
    relay_set(between, RELAY_REFUSE);
}

static void strike_pull(void)
{
    relay_set(between, RELAY_HOLD);
}

/* The first member serves on without its leader, and answers what it can. */
static void strike_member(void)
{
    apache_cut_first(apache_alone);
}

static void mend_member(void)
{
    apache_heal_first(apache_alone);
    apache_wait(apache_alone, 3);
}

/* The leader's session ends at the servers; it must say so before the next one can. Returns whether that one has come in time. */
static bool fails_over(const char *how, docent_error_policy policy, void (*strike)(void), docent_client *other)
{
    uint32_t session_ms = server != NULL ? 500 : 2000, tick_ms = server != NULL ? 50 : 500;
    struct member old = { 0 }, next = { 0 };
    char through[64];
    const char *chroot = strchr(connect_string, '/');
    between = relay_new(0, server_port());
    snprintf(through, sizeof through, "127.0.0.1:%u%s", relay_port(between), chroot == NULL ? "" : chroot);
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .session_timeout_ms = session_ms };
    docent_leader_latch_options latch = { DOCENT_LEADER_LATCH_OPTIONS, .error_policy = policy };
    docent_client *cut_off = NULL;
    assert_ok(docent_client_new(through, &options, &cut_off));
    member_open_with(&old, cut_off, latch);
    assert_ok(docent_leader_latch_await(old.latch, PATIENCE_MS));
    next.rival = old.latch;
    member_open(&next, other, "next");
    assert_soon(children_of("/leader") == 2);
    pause_ms(session_ms / 2); /* So that heartbeats are what keeps it. */

    uint64_t begun = test_clock_us();
    strike();
    for (int waited = 0; waited < 3 * PATIENCE_MS && next.gained == 0; waited++) pause_ms(1);
    assert_int_equal(next.gained, 1);
    assert_int_equal(next.overlaps, 0);
    assert_false(docent_leader_latch_has_leadership(old.latch));
    assert_soon(old.lost == old.gained); /* More than once if it had to wait for the processor. */
    uint64_t took = next.gained_us - begun;
    printf("# %s: the old one says no after %.1f ms, the next one leads after %.1f ms (session %u ms, tick %u ms)\n", how,
           ((double)old.lost_us - (double)begun) / 1000, (double)took / 1000, session_ms, tick_ms);
    uint64_t ticks = apache_members == 3 ? 2 : 1, slack_ms = 400; /* For a machine that has other things to do. */

    member_close(&next);
    docent_leader_latch_close(old.latch, NULL, NULL);
    docent_client_close(cut_off, NULL, NULL);
    relay_free(between);
    return took <= (session_ms + ticks * tick_ms + slack_ms) * 1000;
}

/* Once, it may be the machine that is late. @mend: before the next try; may be NULL. */
static void fail_over(const char *how, docent_error_policy policy, void (*strike)(void), void (*mend)(void), docent_client *other)
{
    enum { TRIES = 5 };
    for (int tries = 1; !fails_over(how, policy, strike, other); tries++) {
        assert_true(tries < TRIES);
        if (mend != NULL) mend();
    }
}

static void f69_a_leader_is_killed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < runs_wanted(); i++) fail_over("killed", DOCENT_ERROR_POLICY_DEFAULT, strike_kill, NULL, client);
}

static void f79_a_leader_is_cut_off_by_either_policy(void **state)
{
    (void)state;
    for (unsigned i = 0; i < runs_wanted(); i++) {
        fail_over("cut off, suspended", DOCENT_ERROR_POLICY_SUSPENDED, strike_pull, NULL, client);
        fail_over("cut off, lost", DOCENT_ERROR_POLICY_LOST, strike_pull, NULL, client);
    }
}

static void f69_a_leader_on_a_member_that_is_cut_off(void **state)
{
    (void)state;
    while (apache_leader(apache_alone) == 0) { /* See apache.c: what makes the first one the victim. */
        apache_kill(apache_alone, 0);
        apache_wait(apache_alone, 2);
        apache_restart(apache_alone, 0);
        apache_wait(apache_alone, 3);
    }
    const char *chroot = strchr(connect_string, '/');
    char servers[96];
    snprintf(servers, sizeof servers, "127.0.0.1:%u,127.0.0.1:%u%s", apache_port(apache_alone, 1), apache_port(apache_alone, 2),
             chroot == NULL ? "" : chroot);
    for (unsigned i = 0; i < runs_wanted(); i++) {
        docent_client *elsewhere = NULL;
        assert_ok(docent_client_new(servers, NULL, &elsewhere));
        assert_ok(docent_client_wait_connected(elsewhere, PATIENCE_MS));
        fail_over("on a member that is cut off", i % 2 == 0 ? DOCENT_ERROR_POLICY_LOST : DOCENT_ERROR_POLICY_SUSPENDED, strike_member, mend_member,
                  elsewhere);
        docent_client_close(elsewhere, NULL, NULL);
        mend_member();
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(latches_lead_in_order, start, stop),
        cmocka_unit_test_setup_teardown(latch_arguments, start, stop),
        cmocka_unit_test_setup_teardown(waiting_ends_with_the_latch, start, stop),
        cmocka_unit_test_setup_teardown(closing_tells_who_waits_and_who_listens, start, stop),
        cmocka_unit_test_setup_teardown(listeners_hear_every_change, start, stop),
        cmocka_unit_test_setup_teardown(suspension_ends_it_and_the_same_node_leads_again, start, stop),
        cmocka_unit_test_setup_teardown(by_the_other_policy_it_outlives_a_suspension, start, stop),
        cmocka_unit_test_setup_teardown(f78_flaps_are_damped, start_patient, stop),
        cmocka_unit_test_setup_teardown(f78_what_is_damped_is_told_in_the_end, start_patient, stop),
        cmocka_unit_test_setup_teardown(who_deletes_our_node_takes_the_leadership, start, stop),
        cmocka_unit_test_setup_teardown(f74_who_is_refused_tries_again, start, stop),
        cmocka_unit_test_setup_teardown(f73_the_directory_of_the_election_has_gone, start, stop),
        cmocka_unit_test_setup_teardown(a_latch_in_the_dialect_of_kazoo, start, stop),
        cmocka_unit_test_setup_teardown(terms_begin_and_end, start, stop),
        cmocka_unit_test_setup_teardown(terms_follow_each_other_by_themselves, start, stop),
        cmocka_unit_test_setup_teardown(a_term_that_is_lost_is_ended_by_the_application, start, stop),
        cmocka_unit_test_setup_teardown(a_term_is_run_in_the_calling_thread, start, stop),
        cmocka_unit_test_setup_teardown(the_client_closes_first, start, stop),
        cmocka_unit_test_setup_teardown(a_leader_closes, start, stop),
        cmocka_unit_test_setup_teardown(f69_a_leader_is_killed, start, stop),
        cmocka_unit_test_setup_teardown(f79_a_leader_is_cut_off_by_either_policy, start, stop),
        cmocka_unit_test_setup_teardown(f69_a_leader_on_a_member_that_is_cut_off, start, stop), /* Last: an ensemble only has members. */
    };
    if (!live_begin(argc, argv)) return 0;
    size_t count = sizeof tests / sizeof tests[0] - (apache_members == 3 ? 0 : 1);
    return live_end(_cmocka_run_group_tests("tests", tests, count, NULL, NULL));
}
