/* tests/live/test_claim_queue.c - the queue of claimed items against a server: claims, acknowledgements, what is given back, what is lost, guards. */
#include "one_client.h"

#include <pthread.h>

static docent_claim_queue *queue_new(docent_client *owner)
{
    docent_claim_queue *queue = NULL;
    docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    assert_ok(docent_claim_queue_new(owner, "/parent/queue", &options, &queue));
    return queue;
}

static void put(docent_claim_queue *queue, const char *text)
{
    assert_ok(docent_claim_queue_put(queue, text, strlen(text), NULL));
}

static docent_item *take(docent_claim_queue *queue, const char *text)
{
    docent_item *item = NULL;
    size_t size = 77;
    assert_ok(docent_claim_queue_take(queue, PATIENCE_MS, &item));
    const void *data = docent_item_data(item, &size);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(data, text, size);
    assert_true(docent_item_is_claimed(item));
    return item;
}

static void closed(void *user)
{
    atomic_int *told = user;
    (*told)++;
}

static void close_item(docent_item *item)
{
    atomic_int told = 0;
    docent_item_close(item, closed, &told);
    assert_soon(told == 1);
}

static void assert_empty(docent_claim_queue *queue)
{
    docent_item *item = NULL;
    assert_status(docent_claim_queue_take(queue, DOCENT_NO_WAIT, &item), DOCENT_ERR_TIMEOUT);
    assert_null(item);
}

static void an_acknowledged_item_is_gone(void **state)
{
    (void)state;
    docent_claim_queue *queue = queue_new(client);
    assert_empty(queue);
    put(queue, "one");
    put(queue, "two");
    docent_item *item = take(queue, "one");
    assert_string_equal(docent_item_path(item), "/parent/queue/entries/entry-100-0000000000");
    assert_int_equal(children_of("/parent/queue/taken"), 1);
    docent_result *claim = NULL;
    assert_ok(docent_get(client, "/parent/queue/taken/entry-100-0000000000", &claim));
    assert_int_equal(claim->size, 32);
    assert_int_not_equal(claim->stat.ephemeral_owner, 0);
    docent_result_free(claim);
    assert_ok(docent_item_acknowledge(item));
    assert_false(docent_item_is_claimed(item));
    assert_null(docent_item_hold(item));
    assert_status(docent_item_acknowledge(item), DOCENT_ERR_NOT_HELD);
    assert_int_equal(children_of("/parent/queue/taken"), 0);
    assert_int_equal(children_of("/parent/queue/entries"), 1);
    close_item(item);
    docent_claim_queue_close(queue, NULL, NULL);
}

static void f103_what_is_given_back_stands_where_it_stood(void **state)
{
    (void)state;
    docent_claim_queue *queue = queue_new(client);
    put(queue, "one");
    put(queue, "two");
    put(queue, "three");
    docent_item *one = take(queue, "one"), *two = take(queue, "two");
    close_item(two);
    close_item(one);
    assert_int_equal(children_of("/parent/queue/taken"), 0);
    one = take(queue, "one");
    two = take(queue, "two");
    assert_ok(docent_item_requeue(one));
    assert_ok(docent_item_acknowledge(two));
    docent_item *three = take(queue, "three"), *again = take(queue, "one");
    assert_string_equal(docent_item_path(again), "/parent/queue/entries/entry-100-0000000003");
    close_item(again);
    close_item(three);
    close_item(two);
    close_item(one);
    assert_int_equal(children_of("/parent/queue/entries"), 2);
    docent_claim_queue_close(queue, NULL, NULL);
}

static void what_is_claimed_is_passed_over(void **state)
{
    (void)state;
    docent_client *other = client_start(NULL);
    docent_claim_queue *first = queue_new(client), *second = queue_new(other);
    put(first, "one");
    put(first, "two");
    docent_item *one = take(first, "one"), *two = take(second, "two");
    assert_empty(first);
    assert_empty(second);
    close_item(one); /* The other one's take hears of it. */
    one = take(second, "one");
    assert_ok(docent_item_acknowledge(one));
    assert_ok(docent_item_acknowledge(two));
    close_item(one);
    close_item(two);
    docent_claim_queue_close(first, NULL, NULL);
    docent_claim_queue_close(second, NULL, NULL);
    docent_client_close(other, NULL, NULL);
}

static void an_item_of_a_client_that_goes_is_taken_again(void **state)
{
    (void)state;
    docent_client *other = client_start(NULL);
    docent_claim_queue *first = queue_new(client), *second = queue_new(other);
    put(first, "one");
    docent_item *one = take(second, "one"), *again;
    docent_client_close(other, NULL, NULL);
    assert_false(docent_item_is_claimed(one));
    assert_status(docent_item_acknowledge(one), DOCENT_ERR_CLOSING);
    docent_item_close(one, NULL, NULL);
    docent_claim_queue_close(second, NULL, NULL);
    again = take(first, "one");
    assert_ok(docent_item_acknowledge(again));
    docent_item_close(again, NULL, NULL);
    docent_claim_queue_close(first, NULL, NULL);
}

static atomic_int losses;
static docent_status lost_why;

static void on_lost(docent_item *item, docent_status why, void *user)
{
    (void)item;
    (void)user;
    lost_why = why;
    losses++;
}

static void f101_a_claim_that_was_removed_is_not_acknowledged(void **state)
{
    (void)state;
    docent_claim_queue *queue = queue_new(client);
    put(queue, "one");
    docent_item *one = take(queue, "one");
    docent_hold *hold = docent_item_hold(one);
    assert_non_null(hold);
    assert_ok(docent_delete(client, "/parent/queue/taken/entry-100-0000000000", DOCENT_ANY_VERSION));
    docent_txn *txn;
    assert_ok(docent_txn_new(client, &txn));
    assert_ok(docent_txn_guard(txn, hold));
    assert_ok(docent_txn_create(txn, "/written", NULL, 0, DOCENT_PERSISTENT));
    assert_int_not_equal(docent_txn_commit(txn, NULL, NULL), DOCENT_OK);
    docent_txn_free(txn);
    docent_hold_unref(hold);
    assert_status(docent_item_acknowledge(one), DOCENT_ERR_NOT_HELD);
    close_item(one);
    docent_item *again = take(queue, "one");
    assert_ok(docent_delete(client, "/parent/queue/entries/entry-100-0000000000", DOCENT_ANY_VERSION));
    assert_status(docent_item_acknowledge(again), DOCENT_ERR_NO_NODE);
    close_item(again);
    assert_int_equal(children_of("/parent/queue/taken"), 0);
    docent_claim_queue_close(queue, NULL, NULL);
}

static void a_loss_is_told_after_a_reconnect(void **state)
{
    (void)state;
    docent_client *other = client_start(NULL);
    docent_claim_queue *queue = NULL;
    docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .claims_path = "/claims", .on_lost = on_lost };
    losses = 0;
    assert_ok(docent_ensure_path(other, "/q", DOCENT_PARENTS_PERSISTENT, (docent_acl_list){ NULL, 0 }));
    assert_ok(docent_create(other, "/q/queue-0000000000", "\0\1\0\1\2", 5, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_claim_queue_new(client, "/q", &options, &queue));
    assert_status(docent_claim_queue_put(queue, "x", 1, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    docent_item *item = NULL;
    assert_ok(docent_claim_queue_take(queue, PATIENCE_MS, &item));
    assert_int_equal(children_of("/claims"), 1);
    assert_ok(docent_delete(other, "/claims/queue-0000000000", DOCENT_ANY_VERSION));
    drop_connections();
    assert_soon(losses == 1);
    assert_status(lost_why, DOCENT_ERR_NOT_HELD);
    assert_false(docent_item_is_claimed(item));
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_claim_queue_info(queue, &info));
    assert_int_equal(info.lost, 1);
    close_item(item);
    docent_claim_queue_close(queue, NULL, NULL);
    docent_client_close(other, NULL, NULL);
}

static void a_queue_is_closed_when_its_items_are(void **state)
{
    (void)state;
    docent_claim_queue *queue = queue_new(client);
    atomic_int told = 0;
    put(queue, "one");
    docent_item *one = take(queue, "one");
    docent_claim_queue_close(queue, closed, &told);
    assert_ok(docent_sync(client, "/"));
    assert_int_equal(told, 0);
    assert_ok(docent_item_acknowledge(one));
    docent_item_close(one, NULL, NULL);
    assert_soon(told == 1);
}

enum { MANY = 120, CONSUMERS = 3 };

static atomic_int acknowledged; /* By all of them. */

/* Some give back, requeue or lose; in the end each has been acknowledged once. Until there can be no more, or it has none for long. */
static void *consume(void *user)
{
    atomic_int *seen = user;
    docent_client *own = NULL;
    docent_claim_queue *queue = NULL;
    docent_claim_queue_options options = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO, .any_order = true };
    if (docent_client_new(connect_string, NULL, &own) != DOCENT_OK) return NULL;
    if (docent_claim_queue_new(own, "/parent/queue", &options, &queue) != DOCENT_OK) return NULL;
    for (int turn = 0, waited = 0; acknowledged < MANY && waited < PATIENCE_MS;) {
        docent_item *item = NULL;
        docent_status status = docent_claim_queue_take(queue, 100, &item);
        int number;
        if (status == DOCENT_ERR_TIMEOUT) {
            waited += 100;
            continue;
        }
        if (status != DOCENT_OK) break;
        waited = 0;
        memcpy(&number, docent_item_data(item, NULL), sizeof number);
        if (turn % 7 == 6) {
            (void)docent_item_requeue(item);
        } else if (turn % 5 != 4 && docent_item_acknowledge(item) == DOCENT_OK) {
            seen[number]++;
            acknowledged++;
        }
        turn++;
        docent_item_close(item, NULL, NULL);
    }
    docent_claim_queue_close(queue, NULL, NULL);
    docent_client_close(own, NULL, NULL);
    return NULL;
}

static void each_item_is_acknowledged_once(void **state)
{
    (void)state;
    static atomic_int seen[MANY];
    pthread_t threads[CONSUMERS];
    docent_claim_queue *queue = queue_new(client);
    for (int i = 0; i < MANY; i++) {
        seen[i] = 0;
        assert_ok(docent_claim_queue_put(queue, &i, sizeof i, NULL));
    }
    acknowledged = 0;
    for (int i = 0; i < CONSUMERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, consume, seen), 0);
    for (int i = 0; i < CONSUMERS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < MANY; i++) assert_int_equal(seen[i], 1);
    assert_int_equal(children_of("/parent/queue/entries"), 0);
    assert_int_equal(children_of("/parent/queue/taken"), 0);
    docent_claim_queue_close(queue, NULL, NULL);
}

enum { CREATE = 1, MULTI = 14 };

/* Nobody is locked out by itself. */
static void f09_f102_lost_replies(void **state)
{
    (void)state;
    docent_claim_queue *queue = queue_new(client);
    put(queue, "zero");
    put(queue, "one");
    put(queue, "two");
    docent_item *zero = take(queue, "zero"); /* The directory of claims is there. */
    assert_ok(docent_item_acknowledge(zero));
    docent_item_close(zero, NULL, NULL);
    const docent_fault_action actions[] = { DOCENT_FAULT_DROP_REPLY, DOCENT_FAULT_DROP_REQUEST };
    for (int i = 0; i < 2; i++) {
        docent_fault fault = { DOCENT_FAULT, .action = actions[i], .op = CREATE, .path = "/parent/queue/taken/*" };
        assert_ok(docent_devserver_add_fault(server, &fault));
        docent_item *item = take(queue, i == 0 ? "one" : "two");
        assert_int_equal(docent_devserver_fault_count(server), 0);
        fault.op = MULTI;
        fault.path = NULL;
        assert_ok(docent_devserver_add_fault(server, &fault));
        assert_ok(docent_item_acknowledge(item));
        assert_int_equal(docent_devserver_fault_count(server), 0);
        close_item(item);
    }
    assert_int_equal(children_of("/parent/queue/entries"), 0);
    assert_int_equal(children_of("/parent/queue/taken"), 0);
    put(queue, "three");
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = MULTI };
    assert_ok(docent_devserver_add_fault(server, &fault));
    docent_item *item = take(queue, "three");
    assert_ok(docent_item_requeue(item));
    close_item(item);
    assert_int_equal(children_of("/parent/queue/entries"), 1);
    docent_claim_queue_close(queue, NULL, NULL);
}

/* No server that is not ours can be told where to count on from. What cannot be put again stays in hand. */
static void numbers_used_up_are_an_outcome(void **state)
{
    (void)state;
    docent_claim_queue *queue = queue_new(client);
    put(queue, "one");
    docent_item *item = take(queue, "one");
    assert_ok(docent_devserver_preset_sequence(server, "/parent/queue/entries", INT32_MAX));
    put(queue, "last");
    assert_status(docent_claim_queue_put(queue, "none", 4, NULL), DOCENT_ERR_SEQUENCE_EXHAUSTED);
    assert_status(docent_item_requeue(item), DOCENT_ERR_SEQUENCE_EXHAUSTED);
    assert_ok(docent_item_acknowledge(item));
    close_item(item);
    docent_claim_queue_close(queue, NULL, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_acknowledged_item_is_gone, start, stop),
        cmocka_unit_test_setup_teardown(f103_what_is_given_back_stands_where_it_stood, start, stop),
        cmocka_unit_test_setup_teardown(what_is_claimed_is_passed_over, start, stop),
        cmocka_unit_test_setup_teardown(an_item_of_a_client_that_goes_is_taken_again, start, stop),
        cmocka_unit_test_setup_teardown(f101_a_claim_that_was_removed_is_not_acknowledged, start, stop),
        cmocka_unit_test_setup_teardown(a_loss_is_told_after_a_reconnect, start, stop),
        cmocka_unit_test_setup_teardown(a_queue_is_closed_when_its_items_are, start, stop),
        cmocka_unit_test_setup_teardown(each_item_is_acknowledged_once, start, stop),
        cmocka_unit_test_setup_teardown(numbers_used_up_are_an_outcome, start_ours, stop),
        cmocka_unit_test_setup_teardown(f09_f102_lost_replies, start_patient, stop),
    };
    return run_live(tests, argc, argv);
}
