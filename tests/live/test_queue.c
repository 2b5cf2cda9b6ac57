/* tests/live/test_queue.c - the simple queue against a server: order, many at a time, time-outs, names of the dialects, replies that are lost. */
#include "one_client.h"

#include <pthread.h>

static docent_queue *queue_new(docent_client *owner, const docent_queue_options *options)
{
    docent_queue *queue = NULL;
    assert_ok(docent_queue_new(owner, "/parent/queue", options, &queue));
    return queue;
}

static void put(docent_queue *queue, const char *text)
{
    assert_ok(docent_queue_put(queue, text, strlen(text), NULL));
}

#define assert_bytes(result, text)                                                                                              \
    do {                                                                                                                        \
        assert_int_equal((result)->size, strlen(text));                                                                         \
        assert_memory_equal((result)->data, text, (result)->size);                                                              \
    } while (0)

static void take(docent_queue *queue, const char *text)
{
    docent_result *result = NULL;
    assert_ok(docent_queue_take(queue, PATIENCE_MS, &result));
    assert_bytes(result, text);
    docent_result_free(result);
}

static void assert_size(docent_queue *queue, uint32_t expected)
{
    uint32_t size = 77;
    assert_ok(docent_queue_size(queue, &size));
    assert_int_equal(size, expected);
}

static void assert_empty(docent_queue *queue)
{
    docent_result *result = NULL;
    assert_status(docent_queue_take(queue, DOCENT_NO_WAIT, &result), DOCENT_ERR_TIMEOUT);
    docent_result_free(result);
}

static void first_in_first_out(void **state)
{
    (void)state;
    docent_queue *queue = queue_new(client, NULL);
    docent_result *result = NULL;
    assert_size(queue, 0);
    assert_empty(queue);
    assert_status(docent_queue_peek(queue, &result), DOCENT_ERR_NO_NODE);
    docent_result_free(result);
    put(queue, "one");
    put(queue, "");
    const docent_queue_bytes more[] = { { "three", 5 }, { "four", 4 } };
    assert_ok(docent_queue_put_many(queue, more, 2, &result));
    assert_int_equal(result->result_count, 2);
    assert_string_equal(result->results[1].path, "/parent/queue/qn-0000000003");
    docent_result_free(result);
    assert_size(queue, 4);
    assert_ok(docent_queue_peek(queue, &result));
    assert_bytes(result, "one");
    assert_string_equal(result->path, "/parent/queue/qn-0000000000");
    docent_result_free(result);
    take(queue, "one");
    take(queue, "");
    take(queue, "three");
    take(queue, "four");
    assert_empty(queue);
    assert_size(queue, 0);
    docent_queue_close(queue, NULL, NULL);
}

static void *put_later(void *user)
{
    docent_queue *queue = user;
    pause_ms(50);
    return docent_queue_put(queue, "late", 4, NULL) == DOCENT_OK ? user : NULL;
}

static void a_take_waits_for_a_put(void **state)
{
    (void)state;
    docent_queue *queue = queue_new(client, NULL), *other = queue_new(client, NULL);
    docent_result *result = NULL;
    assert_status(docent_queue_take(queue, 20, &result), DOCENT_ERR_TIMEOUT);
    docent_result_free(result);
    pthread_t thread;
    void *put_well = NULL;
    assert_int_equal(pthread_create(&thread, NULL, put_later, other), 0);
    take(queue, "late");
    pthread_join(thread, &put_well);
    assert_non_null(put_well);
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_queue_info(queue, &info));
    assert_string_equal(info.state, "IDLE");
    assert_int_equal(info.begun, 2);
    assert_int_equal(info.timed_out, 1);
    assert_int_equal(info.succeeded, 1);
    docent_queue_close(queue, NULL, NULL);
    docent_queue_close(other, NULL, NULL);
}

enum { MANY = 300 };

struct tally {
    atomic_int taken, ended, disorder;
    int last;
};

static void count_taken(const docent_result *result, void *user)
{
    struct tally *tally = user;
    int number = -1;
    if (result->status == DOCENT_OK && result->size == sizeof number) {
        memcpy(&number, result->data, sizeof number);
        if (number <= tally->last) tally->disorder++;
        tally->last = number;
        tally->taken++;
    }
    tally->ended++;
}

struct many_call {
    docent_queue *queue;
    struct tally *tally;
};

static void put_all(void *user)
{
    struct many_call *call = user;
    for (int i = 0; i < MANY; i++) {
        if (docent_queue_put_async(call->queue, &i, sizeof i, NULL, NULL) != DOCENT_OK) call->tally->disorder++;
    }
}

static void take_all(void *user)
{
    struct many_call *call = user;
    for (int i = 0; i < MANY + 5; i++) {
        if (docent_queue_take_async(call->queue, DOCENT_FOREVER, count_taken, call->tally) != DOCENT_OK) call->tally->disorder++;
    }
}

static void closed(void *user)
{
    atomic_int *told = user;
    (*told)++;
}

static void many_takes_wait_and_items_come_in_order(void **state)
{
    (void)state;
    docent_queue *queue = queue_new(client, NULL);
    struct tally tally = { .last = -1 };
    struct many_call call = { queue, &tally };
    atomic_int is_closed = 0;
    put(queue, "x"); /* The path is there: puts get their places in the order of their calls. */
    take(queue, "x");
    assert_ok(docent_client_post(client, put_all, &call));
    assert_ok(docent_client_post(client, take_all, &call));
    assert_soon(tally.taken == MANY);
    assert_int_equal(tally.disorder, 0);
    assert_int_equal(tally.ended, MANY);
    docent_queue_close(queue, closed, &is_closed); /* Five takes wait. */
    assert_soon(is_closed == 1);
    assert_int_equal(tally.ended, MANY + 5);
    assert_int_equal(tally.taken, MANY);
}

enum { CONSUMERS = 4 };

static atomic_int consumed; /* By all of them. */

/* Until there can be no more, or it has none for long. */
static void *consume(void *user)
{
    atomic_int *seen = user;
    docent_client *own = NULL;
    docent_queue *queue = NULL;
    if (docent_client_new(connect_string, NULL, &own) != DOCENT_OK || docent_queue_new(own, "/parent/queue", NULL, &queue) != DOCENT_OK) return NULL;
    for (int waited = 0; consumed < MANY && waited < PATIENCE_MS; waited += 100) {
        docent_result *result = NULL;
        docent_status status = docent_queue_take(queue, 100, &result);
        int number;
        if (status == DOCENT_OK) {
            memcpy(&number, result->data, sizeof number);
            seen[number]++;
            consumed++;
            waited = 0;
        }
        docent_result_free(result);
        if (status != DOCENT_OK && status != DOCENT_ERR_TIMEOUT) break;
    }
    docent_queue_close(queue, NULL, NULL);
    docent_client_close(own, NULL, NULL);
    return NULL;
}

static void each_item_goes_to_one_consumer(void **state)
{
    (void)state;
    static atomic_int seen[MANY];
    pthread_t threads[CONSUMERS];
    docent_queue *queue = queue_new(client, NULL);
    struct tally tally = { .last = -1 };
    struct many_call call = { queue, &tally };
    put(queue, "x");
    take(queue, "x");
    for (int i = 0; i < MANY; i++) seen[i] = 0;
    consumed = 0;
    assert_ok(docent_client_post(client, put_all, &call));
    for (int i = 0; i < CONSUMERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, consume, seen), 0);
    for (int i = 0; i < CONSUMERS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < MANY; i++) assert_int_equal(seen[i], 1);
    docent_queue_close(queue, NULL, NULL);
}

static void other_names_are_left_alone(void **state)
{
    (void)state;
    docent_queue *queue = queue_new(client, NULL);
    put(queue, "ours");
    assert_ok(docent_create(client, "/parent/queue/qn-x", "foreign", 7, DOCENT_PERSISTENT, NULL));
    assert_ok(docent_create(client, "/parent/queue/a", "foreign", 7, DOCENT_PERSISTENT, NULL));
    take(queue, "ours");
    assert_empty(queue);
    assert_size(queue, 2);
    docent_queue_close(queue, NULL, NULL);
}

static void f106_kazoo_takes_the_smaller_priority_first(void **state)
{
    (void)state;
    docent_queue_options options = { DOCENT_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO, .fresh_ms = 1 };
    docent_queue *plain = queue_new(client, &options), *urgent;
    options.priority = 9;
    urgent = queue_new(client, &options);
    docent_result *result = NULL;
    put(plain, "plain 1");
    put(plain, "plain 2");
    assert_ok(docent_queue_put(urgent, "urgent", 6, &result));
    assert_string_equal(result->path, "/parent/queue/entry-009-0000000002");
    docent_result_free(result);
    take(plain, "urgent");
    take(plain, "plain 1");
    for (int i = 3; i < 40; i++) put(plain, "plain");
    put(urgent, "urgent 2"); /* In front of a window that was read. */
    int before = 0;
    for (bool urgent_taken = false; !urgent_taken; before++) {
        assert_ok(docent_queue_take(plain, PATIENCE_MS, &result));
        urgent_taken = result->size == 8 && memcmp(result->data, "urgent 2", 8) == 0;
        docent_result_free(result);
        pause_ms(1); /* For which it need not look again: fresh_ms. */
    }
    assert_in_range(before, 1, 20);
    docent_queue_close(plain, NULL, NULL);
    docent_queue_close(urgent, NULL, NULL);
}

enum { WINDOW = 256 };

struct stream { /* Puts or takes, so many under way at a time. */
    docent_queue *queue;
    int items, begun, ended;
    bool takes;
    atomic_bool over, bad;
};

static void stream_begin(struct stream *stream);

static void stream_step(const docent_result *result, void *user)
{
    struct stream *stream = user;
    bool good = result->status == DOCENT_OK;
    if (good && stream->takes) good = result->size == sizeof stream->ended && memcmp(result->data, &stream->ended, sizeof stream->ended) == 0;
    if (!good) stream->bad = true;
    stream->ended++;
    if (stream->begun < stream->items && good) stream_begin(stream);
    if (stream->ended == stream->begun) stream->over = true;
}

static void stream_begin(struct stream *stream)
{
    docent_status status = stream->takes ? docent_queue_take_async(stream->queue, PATIENCE_MS, stream_step, stream)
                                         : docent_queue_put_async(stream->queue, &stream->begun, sizeof stream->begun, stream_step, stream);
    stream->begun++;
    if (status == DOCENT_OK) return;
    stream->bad = true;
    stream->ended++;
}

static void stream_start(void *user)
{
    struct stream *stream = user;
    for (int i = 0; i < WINDOW && i < stream->items; i++) stream_begin(stream);
}

static void stream_run(docent_client *owner, docent_queue *queue, int items, bool takes)
{
    struct stream stream = { .queue = queue, .items = items, .takes = takes };
    assert_ok(docent_client_post(owner, stream_start, &stream));
    assert_within(600000, 1, stream.over);
    assert_false(stream.bad);
    assert_int_equal(stream.ended, items);
}

static void f105_one_listing_serves_all_takes(void **state)
{
    (void)state;
    const char *many = getenv("DOCENT_WORK_ITEMS");
    int count = many != NULL ? atoi(many) : server != NULL ? 100000 : 2000;
    docent_stats *stats;
    assert_ok(docent_stats_new(NULL, &stats));
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .stats = stats, .session_timeout_ms = PATIENT_SESSION_MS };
    docent_client *own = client_start(&options);
    docent_queue *queue = queue_new(own, NULL);
    put(queue, "x"); /* The path is there: puts get their places in the order of their calls. */
    take(queue, "x");
    stream_run(own, queue, count, false);
    assert_size(queue, (uint32_t)count);
    uint64_t listings = times_asked(own, DOCENT_OP_CHILDREN);
    stream_run(own, queue, count, true);
    listings = times_asked(own, DOCENT_OP_CHILDREN) - listings;
    assert_size(queue, 0);
    if (many != NULL) print_message("# %d items, %llu listings\n", count, (unsigned long long)listings);
    assert_int_equal(listings, 1);
    docent_queue_close(queue, NULL, NULL);
    docent_client_close(own, NULL, NULL);
    docent_stats_unref(stats);
}

static void f105_too_many_for_one_listing_is_an_outcome(void **state)
{
    (void)state;
    docent_client_options options = { DOCENT_CLIENT_OPTIONS, .reply_max_bytes = 2000 };
    docent_client *narrow = client_start(&options);
    docent_queue *queue = queue_new(client, NULL), *seen = queue_new(narrow, NULL);
    docent_queue_bytes many[200];
    docent_result *result = NULL;
    for (int i = 0; i < 200; i++) many[i] = (docent_queue_bytes){ "x", 1 };
    put(queue, "first");
    assert_ok(docent_queue_put_many(queue, many, 200, NULL));
    assert_status(docent_queue_take(seen, PATIENCE_MS, &result), DOCENT_ERR_TOO_LARGE);
    docent_result_free(result);
    take(queue, "first");
    for (int i = 0; i < 190; i++) take(queue, "x");
    take(seen, "x"); /* It has looked again by itself. */
    docent_queue_close(seen, NULL, NULL);
    docent_queue_close(queue, NULL, NULL);
    docent_client_close(narrow, NULL, NULL);
}

static void bad_arguments(void **state)
{
    (void)state;
    docent_queue *queue = NULL;
    docent_queue_options options = { DOCENT_QUEUE_OPTIONS, .priority = 1000 };
    assert_status(docent_queue_new(client, "/", NULL, &queue), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_queue_new(client, "queue", NULL, &queue), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_queue_new(client, "/queue", &options, &queue), DOCENT_ERR_INVALID_ARGUMENT);
    queue = queue_new(client, NULL);
    char *large = calloc(1, 2 << 20);
    assert_status(docent_queue_put(queue, large, 2 << 20, NULL), DOCENT_ERR_TOO_LARGE);
    free(large);
    assert_status(docent_queue_put(queue, NULL, 1, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_queue_put_many(queue, NULL, 1, NULL), DOCENT_ERR_INVALID_ARGUMENT);
    docent_queue_close(queue, NULL, NULL);
    docent_queue_close(NULL, NULL, NULL);
}

static void a_take_waits_through_a_cut(void **state)
{
    (void)state;
    docent_queue *queue = queue_new(client, NULL);
    struct tally tally = { .last = -1 };
    struct many_call call = { queue, &tally };
    put(queue, "x");
    take(queue, "x");
    assert_ok(docent_client_post(client, take_all, &call));
    drop_connections();
    docent_client *other = client_start(NULL);
    docent_queue *producer = queue_new(other, NULL);
    int number = 7;
    assert_ok(docent_queue_put(producer, &number, sizeof number, NULL));
    assert_soon(tally.taken == 1);
    docent_queue_close(producer, NULL, NULL);
    docent_client_close(other, NULL, NULL);
    docent_queue_close(queue, NULL, NULL);
}

static void refusal_is_an_outcome(void **state)
{
    (void)state;
    docent_op op = docent_op_create("/parent", NULL, 0, DOCENT_PERSISTENT);
    assert_ok(docent_run(client, &op, NULL, NULL));
    op = docent_op_create("/parent/queue", NULL, 0, DOCENT_PERSISTENT);
    op.acl = docent_acl_read_only();
    assert_ok(docent_run(client, &op, NULL, NULL));
    docent_queue *queue = queue_new(client, NULL);
    assert_status(docent_queue_put(queue, "x", 1, NULL), DOCENT_ERR_NO_AUTH);
    docent_queue_close(queue, NULL, NULL);
}

enum { DELETE = 2, CREATE2 = 15 };

static void f100_f107_lost_replies(void **state)
{
    (void)state;
    docent_queue *queue = queue_new(client, NULL);
    docent_result *result = NULL;
    put(queue, "A");
    put(queue, "B");
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = DELETE, .path = "/parent/queue/*" };
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_status(docent_queue_take(queue, PATIENCE_MS, &result), DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_bytes(result, "A");
    docent_result_free(result);
    take(queue, "B");
    fault.action = DOCENT_FAULT_DROP_REQUEST;
    put(queue, "C");
    assert_ok(docent_devserver_add_fault(server, &fault));
    take(queue, "C");
    fault = (docent_fault){ DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = CREATE2, .path = "/parent/queue/*" };
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_status(docent_queue_put(queue, "D", 1, NULL), DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_size(queue, 1);
    docent_queue_options options = { DOCENT_QUEUE_OPTIONS, .put_again = true };
    docent_queue *stubborn = queue_new(client, &options);
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_ok(docent_queue_put(stubborn, "E", 1, NULL));
    assert_size(queue, 3);
    fault.action = DOCENT_FAULT_DROP_REQUEST;
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_status(docent_queue_put(queue, "F", 1, NULL), DOCENT_ERR_UNKNOWN_OUTCOME); /* Whether it got there cannot be seen either. */
    assert_size(queue, 3);
    docent_queue_close(stubborn, NULL, NULL);
    docent_queue_close(queue, NULL, NULL);
}

static void numbers_used_up_are_an_outcome(void **state)
{
    (void)state;
    docent_queue *queue = queue_new(client, NULL);
    const docent_queue_bytes more[] = { { "two", 3 }, { "three", 5 } };
    docent_result *result = NULL;
    put(queue, "one");
    take(queue, "one");
    assert_ok(docent_devserver_preset_sequence(server, "/parent/queue", INT32_MAX));
    assert_status(docent_queue_put_many(queue, more, 2, &result), DOCENT_ERR_SEQUENCE_EXHAUSTED);
    docent_result_free(result);
    put(queue, "last");
    assert_status(docent_queue_put(queue, "none", 4, NULL), DOCENT_ERR_SEQUENCE_EXHAUSTED);
    assert_size(queue, 1);
    take(queue, "last");
    docent_queue_close(queue, NULL, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_in_first_out, start, stop),
        cmocka_unit_test_setup_teardown(a_take_waits_for_a_put, start, stop),
        cmocka_unit_test_setup_teardown(many_takes_wait_and_items_come_in_order, start, stop),
        cmocka_unit_test_setup_teardown(each_item_goes_to_one_consumer, start, stop),
        cmocka_unit_test_setup_teardown(other_names_are_left_alone, start, stop),
        cmocka_unit_test_setup_teardown(f106_kazoo_takes_the_smaller_priority_first, start, stop),
        cmocka_unit_test_setup_teardown(f105_one_listing_serves_all_takes, start_patient, stop),
        cmocka_unit_test_setup_teardown(f105_too_many_for_one_listing_is_an_outcome, start, stop),
        cmocka_unit_test_setup_teardown(bad_arguments, start, stop),
        cmocka_unit_test_setup_teardown(a_take_waits_through_a_cut, start, stop),
        cmocka_unit_test_setup_teardown(refusal_is_an_outcome, start, stop),
        cmocka_unit_test_setup_teardown(numbers_used_up_are_an_outcome, start_ours, stop),
        cmocka_unit_test_setup_teardown(f100_f107_lost_replies, start, stop),
    };
    return run_live(tests, argc, argv);
}
