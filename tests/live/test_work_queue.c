/* tests/live/test_work_queue.c - work queues against a server: names and frames on the wire, order, both promises, answers that come late, what
 * is malformed, bounds, and large directories. */
#include "flow.h"
#include "one_client.h"

/* ---- A consumer that writes down what it gets. ---- */

enum { SEEN_MAX = 64, TEXT_MAX = 64 };

struct seen {
    pthread_mutex_t mutex;
    char text[SEEN_MAX][TEXT_MAX]; /* Elements, joined with "+". */
    char name[SEEN_MAX][TEXT_MAX];
    atomic_int count;
    docent_work_item *items[SEEN_MAX]; /* If they are kept. */
    bool keeps;                        /* Answered later, by the test. */
    int fail;                          /* So many are answered FAILED. */
    atomic_int troubles;
    docent_status trouble;
    char troubled[TEXT_MAX];
    char trouble_data[TEXT_MAX];
    atomic_int puts;
    char put[TEXT_MAX];
};

static void on_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    (void)queue;
    struct seen *seen = user;
    size_t count, at = 0;
    int index = seen->count;
    const docent_work_element *elements = docent_work_item_elements(item, &count);
    if (index >= SEEN_MAX) return;
    char *text = seen->text[index];
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        at += (size_t)snprintf(text + at, TEXT_MAX - at, "%s%.*s", i == 0 ? "" : "+", (int)elements[i].size, (const char *)elements[i].data);
    }
    snprintf(seen->name[index], TEXT_MAX, "%s", docent_work_item_name(item));
    if (seen->keeps) {
        seen->items[index] = item;
    } else {
        docent_work_item_done(item, seen->fail-- > 0 ? DOCENT_WORK_FAILED : DOCENT_WORK_DONE);
    }
    seen->count++;
}

static void on_trouble(docent_work_queue *queue, const docent_work_trouble *trouble, void *user)
{
    (void)queue;
    struct seen *seen = user;
    seen->trouble = trouble->status;
    snprintf(seen->troubled, TEXT_MAX, "%s", trouble->name);
    snprintf(seen->trouble_data, TEXT_MAX, "%.*s", (int)trouble->size, trouble->data == NULL ? "" : (const char *)trouble->data);
    seen->troubles++;
}

static void on_put(docent_work_queue *queue, const char *name, void *user)
{
    (void)queue;
    struct seen *seen = user;
    snprintf(seen->put, TEXT_MAX, "%s", name);
    seen->puts++;
}

static docent_work_queue *queue_new(docent_client *owner, docent_work_queue_options *options, struct seen *seen)
{
    docent_work_queue *queue = NULL;
    if (seen != NULL) {
        options->on_trouble = on_trouble;
        options->on_put = on_put;
        options->user = seen;
    }
    assert_ok(docent_work_queue_new(owner, "/app/jobs", options, &queue));
    return queue;
}

static void closed(void *user)
{
    atomic_bool *over = user;
    *over = true;
}

static void queue_close(docent_work_queue *queue)
{
    atomic_bool over = false;
    docent_work_queue_close(queue, closed, &over);
    assert_soon(over);
}

static docent_status put_text(docent_work_queue *queue, const char *text, const docent_work_put *like)
{
    docent_work_element element = { text, strlen(text) };
    docent_work_put put = { DOCENT_WORK_PUT };
    if (like != NULL) put = *like;
    put.elements = &element;
    put.count = 1;
    return docent_work_queue_put(queue, &put, PATIENCE_MS);
}

static size_t children(const char *path)
{
    docent_result *result = NULL;
    docent_status status = docent_children(client, path, &result);
    size_t count = status == DOCENT_OK ? result->name_count : 0;
    docent_result_free(result);
    return count;
}

static void assert_seen(const struct seen *seen, const char *const *texts, int count)
{
    assert_soon(seen->count >= count);
    for (int i = 0; i < count; i++) assert_string_equal(seen->text[i], texts[i]);
}

/* ---- Puts. ---- */

static void names_and_frames_are_the_peers(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/app/locks" };
    docent_work_queue *queue = queue_new(client, &options, &seen);
    const docent_work_element elements[] = { { "x", 1 }, { "yy", 2 } };
    docent_work_put put = { DOCENT_WORK_PUT, .elements = elements, .count = 2 };
    assert_ok(docent_work_queue_put(queue, &put, PATIENCE_MS));
    assert_string_equal(seen.put, "queue-0000000000");
    docent_result *result;
    assert_ok(docent_get(client, "/app/jobs/queue-0000000000", &result));
    static const uint8_t frame[] = { 0, 1, 0, 1, 1, 0, 0, 0, 1, 'x', 1, 0, 0, 0, 2, 'y', 'y', 2 };
    assert_int_equal(result->size, sizeof frame);
    assert_memory_equal(result->data, frame, sizeof frame);
    docent_result_free(result);
    docent_stat stat;
    assert_ok(docent_exists(client, "/app/locks", &stat)); /* Peers make it when they start, and so do we. */
    queue_close(queue);
}

static void bad_puts_are_refused(void **state)
{
    (void)state;
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .kind = DOCENT_WORK_QUEUE_ID };
    docent_work_queue *queue = NULL;
    assert_ok(docent_work_queue_new(client, "/app/ids", &options, &queue));
    docent_work_put bad[] = { { DOCENT_WORK_PUT }, { DOCENT_WORK_PUT, .id = "a\tb" }, { DOCENT_WORK_PUT, .id = "a", .priority = 1 },
                              { DOCENT_WORK_PUT, .id = "a", .due_ms = 1 }, { DOCENT_WORK_PUT, .id = "a", .count = 1 } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_status(docent_work_queue_put(queue, &bad[i], PATIENCE_MS), DOCENT_ERR_INVALID_ARGUMENT);
    }
    static char huge[2 << 20];
    docent_work_element element = { huge, sizeof huge };
    docent_work_put large = { DOCENT_WORK_PUT, .id = "a", .elements = &element, .count = 1 };
    assert_status(docent_work_queue_put(queue, &large, PATIENCE_MS), DOCENT_ERR_TOO_LARGE);
    assert_ok(docent_work_queue_put(queue, &(docent_work_put){ DOCENT_WORK_PUT, .id = "a" }, PATIENCE_MS)); /* It stands in nobody's way. */
    queue_close(queue);
    options.kind = (docent_work_queue_kind)9;
    assert_status(docent_work_queue_new(client, "/app/ids", &options, &queue), DOCENT_ERR_INVALID_ARGUMENT);
}

static void a_full_queue_makes_puts_wait(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .max_items = 2 };
    docent_work_queue *producer = queue_new(client, &options, &seen);
    docent_work_put put = { DOCENT_WORK_PUT };
    assert_ok(docent_work_queue_put(producer, &put, PATIENCE_MS));
    assert_ok(docent_work_queue_put(producer, &put, PATIENCE_MS));
    assert_status(docent_work_queue_put(producer, &put, 50), DOCENT_ERR_TIMEOUT);
    assert_status(docent_work_queue_put(producer, &put, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_int_equal(children("/app/jobs"), 2);
    assert_int_equal(docent_work_queue_last_count(producer), 2);
    docent_work_queue_options consuming = { DOCENT_WORK_QUEUE_OPTIONS, .on_item = on_item };
    docent_work_queue *consumer = queue_new(client, &consuming, &seen);
    for (int i = 0; i < 10; i++) assert_ok(docent_work_queue_put(producer, &put, PATIENCE_MS));
    assert_soon(seen.count == 12);
    queue_close(producer);
    queue_close(consumer);
}

static void count_outcome(docent_status status, void *user)
{
    atomic_int *counts = user;
    if (status == DOCENT_OK) {
        counts[0]++;
    } else {
        counts[1]++;
    }
}

struct burst {
    docent_work_queue *queue;
    atomic_int counts[2], accepted;
};

static void burst(void *user)
{
    struct burst *b = user;
    for (int i = 0; i < 1000; i++) {
        docent_work_element element = { &i, sizeof i };
        docent_work_put put = { DOCENT_WORK_PUT, .elements = &element, .count = 1 };
        b->accepted += docent_work_queue_put_async(b->queue, &put, DOCENT_FOREVER, count_outcome, b->counts) == DOCENT_OK;
    }
}

static void flushing_waits_for_every_outcome(void **state)
{
    (void)state;
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS };
    struct burst b = { .queue = queue_new(client, &options, NULL) };
    assert_ok(docent_work_queue_flush(b.queue, PATIENCE_MS)); /* Of nothing. */
    assert_ok(docent_client_post(client, burst, &b));
    assert_soon(b.accepted == 1000);
    drop_connections(); /* Some fail, perhaps: that is an outcome, too. */
    assert_ok(docent_work_queue_flush(b.queue, PATIENCE_MS));
    assert_int_equal(b.counts[0] + b.counts[1], 1000);
    assert_true(children("/app/jobs") >= (size_t)b.counts[0]);
    cut();
    assert_ok(docent_client_post(client, burst, &b));
    assert_soon(b.accepted == 2000);
    assert_status(docent_work_queue_flush(b.queue, 20), DOCENT_ERR_TIMEOUT);
    heal();
    assert_ok(docent_work_queue_flush(b.queue, PATIENCE_MS));
    assert_int_equal(b.counts[0] + b.counts[1], 2000);
    queue_close(b.queue);
}

static void f107_lost_replies_of_puts_are_found_out_by_the_receipt(void **state)
{
    (void)state;
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .receipt_path = "/app/receipts" };
    docent_work_queue *queue = queue_new(client, &options, NULL);
    assert_ok(put_text(queue, "0", NULL));
    size_t copies = 1;
    for (int action = DOCENT_FAULT_DROP_REQUEST; action <= DOCENT_FAULT_DROP_REPLY; action++) {
        docent_fault fault = { DOCENT_FAULT, .action = (docent_fault_action)action, .op = 14 /* multi */ };
        assert_ok(docent_devserver_add_fault(server, &fault));
        assert_ok(put_text(queue, "1", NULL));
        assert_int_equal(docent_devserver_fault_count(server), 0);
        assert_int_equal(children("/app/jobs"), ++copies);
    }
    assert_int_equal(children("/app/receipts"), 1);
    queue_close(queue);
    assert_int_equal(children("/app/receipts"), 0);
    options.receipt_path = NULL; /* Without, nobody knows, and nothing is put twice. */
    queue = queue_new(client, &options, NULL);
    assert_ok(put_text(queue, "2", NULL));
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = DOCENT_FAULT_ANY_OP, .path = "/app/jobs/queue-" };
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_status(put_text(queue, "3", NULL), DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_int_equal(children("/app/jobs"), copies + 2);
    queue_close(queue);
}

/* A receipt that was never made is not waited for when the queue closes, though the server will not say that there is none. */
static void a_refused_receipt_does_not_keep_the_queue(void **state)
{
    (void)state;
    create_for_anyone("/receipts", DOCENT_PERM_ADMIN);
    static struct seen seen;
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .receipt_path = "/receipts" };
    docent_work_queue *queue = queue_new(client, &options, &seen);
    assert_status(put_text(queue, "a", NULL), DOCENT_ERR_NO_AUTH);
    queue_close(queue);
}

static void numbers_used_up_are_an_outcome(void **state)
{
    (void)state;
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS };
    docent_work_queue *queue = queue_new(client, &options, NULL);
    assert_ok(put_text(queue, "a", NULL));
    assert_ok(docent_devserver_preset_sequence(server, "/app/jobs", INT32_MAX));
    assert_ok(put_text(queue, "b", NULL));
    assert_status(put_text(queue, "c", NULL), DOCENT_ERR_SEQUENCE_EXHAUSTED);
    assert_int_equal(children("/app/jobs"), 2);
    queue_close(queue);
}

/* ---- Order. ---- */

static void smaller_priorities_come_first_and_late_ones_too(void **state)
{
    (void)state;
    struct seen seen = { .keeps = true };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .kind = DOCENT_WORK_QUEUE_PRIORITY, .lock_path = "/app/locks" };
    docent_work_queue *producer = queue_new(client, &options, NULL);
    static const int32_t priorities[] = { 5, 999, 0, -1, INT32_MIN, INT32_MAX, 9, 10 };
    static const char *const names[] = { "5", "999", "0", "-1", "min", "max", "9", "10" };
    for (size_t i = 0; i < 8; i++) assert_ok(put_text(producer, names[i], &(docent_work_put){ DOCENT_WORK_PUT, .priority = priorities[i] }));
    options.on_item = on_item;
    docent_work_queue *consumer = queue_new(client, &options, &seen);
    static const char *const order[] = { "min", "-1", "0", "5", "late", "9", "10", "999", "max" };
    for (int i = 0; i < 9; i++) {
        assert_soon(seen.count == i + 1);
        if (i == 3) { /* Seen before the next is handed out: it is in the queue before this one is answered. */
            assert_ok(put_text(producer, "late", &(docent_work_put){ DOCENT_WORK_PUT, .priority = 6 }));
            assert_ok(docent_sync(client, "/app/jobs"));
        }
        docent_work_item_done(seen.items[i], DOCENT_WORK_DONE);
    }
    assert_seen(&seen, order, 9);
    queue_close(consumer);
    queue_close(producer);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nothing_is_handed_out_before_its_time(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .kind = DOCENT_WORK_QUEUE_DELAY, .on_item = on_item };
    docent_work_queue *queue = queue_new(client, &options, &seen);
    int64_t now = wall_ms();
    assert_ok(put_text(queue, "never", &(docent_work_put){ DOCENT_WORK_PUT, .due_ms = now + 3600 * 1000 }));
    assert_ok(put_text(queue, "later", &(docent_work_put){ DOCENT_WORK_PUT, .due_ms = now + 400 }));
    assert_ok(put_text(queue, "sooner", &(docent_work_put){ DOCENT_WORK_PUT, .due_ms = now + 200 }));
    assert_ok(put_text(queue, "now", &(docent_work_put){ DOCENT_WORK_PUT, .due_ms = 1 }));
    assert_soon(seen.count == 3);
    assert_true(wall_ms() >= now + 400);
    static const char *const order[] = { "now", "sooner", "later" };
    assert_seen(&seen, order, 3);
    assert_int_equal(children("/app/jobs"), 1);
    queue_close(queue);
}

static void items_are_removed_by_their_id(void **state)
{
    (void)state;
    for (int locked = 0; locked < 2; locked++) {
        docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .kind = DOCENT_WORK_QUEUE_ID, .lock_path = locked ? "/app/locks" : NULL };
        docent_work_queue *queue = queue_new(client, &options, NULL);
        for (int i = 0; i < 3; i++) assert_ok(put_text(queue, "x", &(docent_work_put){ DOCENT_WORK_PUT, .id = "a/b|c" }));
        assert_ok(put_text(queue, "y", &(docent_work_put){ DOCENT_WORK_PUT, .id = "other" }));
        size_t count = 99;
        assert_ok(docent_work_queue_remove(queue, "none", PATIENCE_MS, &count));
        assert_int_equal(count, 0);
        assert_ok(docent_work_queue_remove(queue, "a/b|c", PATIENCE_MS, &count));
        assert_int_equal(count, 3);
        assert_int_equal(children("/app/jobs"), 1);
        assert_int_equal(children("/app/locks"), 0);
        assert_ok(docent_work_queue_remove(queue, "other", PATIENCE_MS, NULL));
        queue_close(queue);
    }
}

static void what_is_worked_on_is_not_removed(void **state)
{
    (void)state;
    struct seen seen = { .keeps = true };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .kind = DOCENT_WORK_QUEUE_ID, .lock_path = "/app/locks", .on_item = on_item };
    docent_work_queue *queue = queue_new(client, &options, &seen);
    assert_ok(put_text(queue, "x", &(docent_work_put){ DOCENT_WORK_PUT, .id = "a" }));
    assert_soon(seen.count == 1);
    assert_ok(put_text(queue, "y", &(docent_work_put){ DOCENT_WORK_PUT, .id = "a" }));
    size_t count = 99;
    assert_ok(docent_work_queue_remove(queue, "a", PATIENCE_MS, &count));
    assert_int_equal(count, 1);
    docent_work_item_done(seen.items[0], DOCENT_WORK_DONE);
    assert_soon(children("/app/jobs") == 0);
    queue_close(queue);
}

/* ---- Answers. ---- */

static void f103_failed_work_keeps_its_name(void **state)
{
    (void)state;
    static const struct {
        docent_work_queue_kind kind;
        docent_work_put put;
        const char *prefix;
    } cases[] = {
        { DOCENT_WORK_QUEUE_PLAIN, { DOCENT_WORK_PUT }, "queue-" },
        { DOCENT_WORK_QUEUE_ID, { DOCENT_WORK_PUT, .id = "i" }, "queue-|i|" },
        { DOCENT_WORK_QUEUE_PRIORITY, { DOCENT_WORK_PUT, .priority = 7 }, "queue-100000007" },
        { DOCENT_WORK_QUEUE_DELAY, { DOCENT_WORK_PUT, .due_ms = 1 }, "queue-|00000001|" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = { .fail = 20 };
        docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .kind = cases[i].kind, .lock_path = "/app/locks", .on_item = on_item };
        docent_work_queue *queue = queue_new(client, &options, &seen);
        assert_ok(put_text(queue, "again", &cases[i].put));
        assert_soon(seen.count == 21);
        for (int n = 0; n < 21; n++) {
            assert_string_equal(seen.text[n], "again");
            assert_int_equal(strlen(seen.name[n]), strlen(cases[i].prefix) + 10);
            assert_memory_equal(seen.name[n], cases[i].prefix, strlen(cases[i].prefix));
            if (n > 0) assert_string_not_equal(seen.name[n], seen.name[n - 1]);
        }
        assert_soon(children("/app/jobs") == 0);
        assert_soon(children("/app/locks") == 0);
        docent_recipe_info info = { DOCENT_RECIPE_INFO };
        assert_ok(docent_work_queue_info(queue, &info));
        assert_int_equal(info.begun, 21);
        assert_int_equal(info.succeeded, 21);
        queue_close(queue);
    }
}

static void failed_work_may_be_given_up(void **state)
{
    (void)state;
    struct seen seen = { .fail = 1 };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/app/locks", .on_item = on_item, .on_failure = DOCENT_WORK_DELETE };
    docent_work_queue *queue = queue_new(client, &options, &seen);
    assert_ok(put_text(queue, "once", NULL));
    assert_soon(seen.count == 1);
    assert_soon(children("/app/jobs") == 0);
    queue_close(queue);
    assert_int_equal(seen.count, 1);
}

static void f101_a_late_answer_comes_to_nothing(void **state)
{
    (void)state;
    struct seen first = { .keeps = true }, second = { 0 };
    docent_client *other = client_start(NULL);
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/app/locks", .on_item = on_item };
    docent_work_queue *a = queue_new(other, &options, &first);
    assert_ok(put_text(a, "work", NULL));
    assert_soon(first.count == 1);
    docent_work_queue *b = queue_new(client, &options, &second);
    expire(other);
    assert_soon(second.count == 1);
    assert_string_equal(second.text[0], "work");
    assert_string_equal(second.name[0], first.name[0]);
    docent_work_item_done(first.items[0], DOCENT_WORK_DONE);
    assert_soon(first.troubles == 1);
    assert_status(first.trouble, DOCENT_ERR_NOT_HELD);
    assert_string_equal(first.troubled, first.name[0]);
    assert_soon(children("/app/jobs") == 0);
    queue_close(a);
    queue_close(b);
    docent_client_close(other, NULL, NULL);
}

static void a_lost_connection_is_waited_out(void **state)
{
    (void)state;
    struct seen seen = { .keeps = true };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/app/locks", .on_item = on_item };
    docent_work_queue *queue = queue_new(client, &options, &seen);
    assert_ok(put_text(queue, "a", NULL));
    assert_ok(put_text(queue, "b", NULL));
    assert_soon(seen.count == 1);
    cut();
    docent_work_item_done(seen.items[0], DOCENT_WORK_DONE);
    heal();
    assert_soon(seen.count == 2);
    assert_string_equal(seen.text[1], "b");
    drop_connections();
    docent_work_item_done(seen.items[1], DOCENT_WORK_DONE);
    assert_soon(children("/app/jobs") == 0);
    assert_int_equal(seen.troubles, 0);
    queue_close(queue);
}

static void f100_lost_replies_of_takes_are_told(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .on_item = on_item };
    docent_work_queue *queue = queue_new(client, &options, &seen);
    assert_ok(put_text(queue, "a", NULL));
    assert_soon(seen.count == 1);
    docent_fault fault = { DOCENT_FAULT, .action = DOCENT_FAULT_DROP_REPLY, .op = 2 /* delete */ };
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_ok(put_text(queue, "b", NULL));
    assert_soon(seen.troubles == 1);
    assert_status(seen.trouble, DOCENT_ERR_UNKNOWN_OUTCOME);
    assert_int_equal(seen.count, 1);
    fault.action = DOCENT_FAULT_DROP_REQUEST; /* Not applied, and that is found out. */
    assert_ok(docent_devserver_add_fault(server, &fault));
    assert_ok(put_text(queue, "c", NULL));
    assert_soon(seen.count == 2);
    assert_string_equal(seen.text[1], "c");
    assert_int_equal(seen.troubles, 1);
    queue_close(queue);
}

/* ---- What is not an item, or none that can be read. ---- */

struct repeated {
    atomic_int count;
    _Atomic uint64_t fifth_ms;
};

static void on_repeated(docent_work_queue *queue, docent_work_item *item, void *user)
{
    (void)queue;
    struct repeated *repeated = user;
    if (repeated->count == 4) repeated->fifth_ms = test_clock_ms();
    repeated->count++;
    docent_work_item_done(item, DOCENT_WORK_DONE);
}

/* Giving up its claim changes the claims, and is no reason to look at it again; what is, a change of the queue or a lost connection, comes less often. */
static void what_may_not_be_deleted_is_not_worked_on_without_a_pause(void **state)
{
    (void)state;
    assert_ok(docent_create(client, "/app", NULL, 0, DOCENT_PERSISTENT, NULL));
    create_for_anyone("/app/jobs", DOCENT_PERM_ALL & ~DOCENT_PERM_DELETE);
    static struct repeated repeated;
    repeated.count = 0;
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/app/locks", .on_item = on_repeated, .user = &repeated };
    uint64_t begun_ms = test_clock_ms();
    docent_work_queue *queue = queue_new(client, &options, NULL);
    assert_ok(put_text(queue, "a", NULL));
    assert_soon(repeated.count >= 5);
    assert_true(repeated.fifth_ms - begun_ms >= 1000);
    queue_close(queue);
}

static void malformed_items_go_to_quarantine(void **state)
{
    (void)state;
    for (int locked = 0; locked < 2; locked++) {
        struct seen seen = { 0 };
        docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = locked ? "/app/locks" : NULL };
        docent_work_queue *producer = queue_new(client, &options, NULL);
        assert_ok(docent_work_queue_flush(producer, PATIENCE_MS));
        assert_ok(put_text(producer, "before", NULL));
        assert_ok(docent_create(client, "/app/jobs/queue-", "nonsense", 8, DOCENT_PERSISTENT_SEQUENTIAL, NULL));
        assert_ok(docent_create(client, "/app/jobs/queue-", NULL, 0, DOCENT_PERSISTENT_SEQUENTIAL, NULL));
        if (!locked) assert_ok(docent_create(client, "/app/jobs/foreign-1", "x", 1, DOCENT_PERSISTENT, NULL));
        assert_ok(put_text(producer, "after", NULL));
        options.on_item = on_item;
        docent_work_queue *consumer = queue_new(client, &options, &seen);
        static const char *const order[] = { "before", "after" };
        assert_soon(seen.count == 2 && seen.troubles == 2);
        assert_seen(&seen, order, 2);
        assert_status(seen.trouble, DOCENT_ERR_CORRUPT_DATA);
        docent_result *result;
        assert_soon(children("/app/jobs") == 1); /* The foreign one. */
        assert_ok(docent_children(client, "/app/jobs-quarantine", &result));
        assert_int_equal(result->name_count, locked ? 4 : 2);
        assert_memory_equal(result->names[0], "queue-", 6);
        docent_result_free(result);
        queue_close(consumer);
        queue_close(producer);
    }
}

/* ---- Threads, and ends. ---- */

enum { WORKERS = 4, ITEMS = 200 };

struct pool {
    pthread_mutex_t mutex;
    docent_work_item *items[ITEMS];
    size_t count, taken;
    atomic_int done;
    atomic_int out, most;
};

static void pool_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    (void)queue;
    struct pool *pool = user;
    int out = ++pool->out;
    if (out > pool->most) pool->most = out;
    pthread_mutex_lock(&pool->mutex);
    pool->items[pool->count++ % ITEMS] = item;
    pthread_mutex_unlock(&pool->mutex);
}

static void *pool_work(void *user)
{
    struct pool *pool = user;
    while (pool->done < ITEMS) {
        pthread_mutex_lock(&pool->mutex);
        docent_work_item *item = pool->taken < pool->count ? pool->items[pool->taken++ % ITEMS] : NULL;
        pthread_mutex_unlock(&pool->mutex);
        if (item == NULL) {
            pause_ms(1);
            continue;
        }
        pool->out--;
        pool->done++;
        docent_work_item_done(item, DOCENT_WORK_DONE);
    }
    return NULL;
}

static void workers_answer_from_their_threads(void **state)
{
    (void)state;
    struct pool pool = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/app/locks", .on_item = pool_item, .parallel = WORKERS, .user = &pool };
    docent_work_queue *queue = queue_new(client, &options, NULL);
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, pool_work, &pool), 0);
    for (int i = 0; i < ITEMS; i++) assert_ok(put_text(queue, "x", NULL));
    for (int i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
    assert_soon(children("/app/jobs") == 0);
    assert_int_equal(pool.count, ITEMS);
    assert_true(pool.most <= WORKERS);
    queue_close(queue);
}

static void closing_waits_for_what_is_out(void **state)
{
    (void)state;
    struct seen seen = { .keeps = true };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/app/locks", .on_item = on_item };
    docent_work_queue *queue = queue_new(client, &options, &seen);
    assert_ok(put_text(queue, "a", NULL));
    assert_ok(put_text(queue, "b", NULL));
    assert_soon(seen.count == 1);
    atomic_bool over = false;
    docent_work_queue_close(queue, closed, &over);
    assert_ok(docent_sync(client, "/"));
    assert_false(over);
    docent_work_item_done(seen.items[0], DOCENT_WORK_DONE);
    assert_soon(over);
    assert_int_equal(children("/app/jobs"), 1);
    assert_int_equal(children("/app/locks"), 0);
    assert_int_equal(seen.count, 1);
}

static void items_outlive_their_client(void **state)
{
    (void)state;
    struct seen seen = { .keeps = true };
    docent_client *other = client_start(NULL);
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/app/locks", .on_item = on_item, .parallel = 2 };
    docent_work_queue *queue = queue_new(other, &options, &seen);
    assert_ok(put_text(queue, "a", NULL));
    assert_ok(put_text(queue, "b", NULL));
    assert_soon(seen.count == 2);
    docent_client_close(other, NULL, NULL);
    size_t count;
    assert_int_equal(docent_work_item_elements(seen.items[0], &count)->size, 1); /* Still the application's. */
    docent_work_item_done(seen.items[0], DOCENT_WORK_DONE);
    docent_work_queue_close(queue, NULL, NULL);
    docent_work_item_done(seen.items[1], DOCENT_WORK_FAILED);
    assert_soon(children("/app/locks") == 0);
    assert_int_equal(children("/app/jobs"), 2);
}

/* ---- Large directories. ---- */

static atomic_int large_seen;
static atomic_int large_disorder;
static int large_last;

static void large_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    (void)queue;
    (void)user;
    size_t count;
    int number;
    memcpy(&number, docent_work_item_elements(item, &count)->data, sizeof number);
    if (number != large_last++) large_disorder++;
    docent_work_item_done(item, DOCENT_WORK_DONE);
    large_seen++;
}

struct flood {
    docent_work_queue *queue;
    int count;
    atomic_int accepted;
    docent_work_queue_kind kind;
};

static void flood(void *user)
{
    struct flood *f = user;
    for (int i = 0; i < f->count; i++) {
        docent_work_element element = { &i, sizeof i };
        docent_work_put put = { DOCENT_WORK_PUT, .elements = &element, .count = 1 };
        if (f->kind == DOCENT_WORK_QUEUE_PRIORITY) put.priority = i;
        f->accepted += docent_work_queue_put_async(f->queue, &put, DOCENT_FOREVER, NULL, NULL) == DOCENT_OK;
    }
}

static void f105_listings_do_not_grow_with_what_is_taken(void **state)
{
    (void)state;
    const char *many = getenv("DOCENT_WORK_ITEMS");
    int count = many != NULL ? atoi(many) : 2000;
    docent_stats *stats;
    assert_ok(docent_stats_new(NULL, &stats));
    docent_client_options own = { DOCENT_CLIENT_OPTIONS, .stats = stats, .pending_max = 1 << 20 };
    for (int priority = 0; priority < 2; priority++) {
        docent_client *consumer = client_start(&own);
        large_seen = large_disorder = 0;
        large_last = 0;
        docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS };
        if (priority) options.kind = DOCENT_WORK_QUEUE_PRIORITY;
        struct flood f = { .count = count, .kind = options.kind, .queue = queue_new(consumer, &options, NULL) };
        assert_ok(docent_client_post(consumer, flood, &f));
        for (int waited = 0; f.accepted < count && waited < 60000; waited++) pause_ms(1);
        assert_int_equal(f.accepted, count);
        assert_ok(docent_work_queue_flush(f.queue, DOCENT_FOREVER));
        assert_int_equal(children("/app/jobs"), count);
        uint64_t listings = times_asked(consumer, DOCENT_OP_CHILDREN);
        options.on_item = large_item;
        docent_work_queue *queue = queue_new(consumer, &options, NULL);
        for (int waited = 0; large_seen < count && waited < 600000; waited++) pause_ms(1);
        assert_int_equal(large_seen, count);
        assert_int_equal(large_disorder, 0);
        listings = times_asked(consumer, DOCENT_OP_CHILDREN) - listings;
        if (many != NULL) print_message("# %d items, %llu listings\n", count, (unsigned long long)listings);
        assert_true(listings <= 5 + (uint64_t)count / 1000);
        queue_close(queue);
        queue_close(f.queue);
        docent_client_close(consumer, NULL, NULL);
    }
    docent_stats_unref(stats);
}

/* ---- Ensembles. ---- */

static void *flow_open(docent_client *owner, const docent_work_queue_options *options)
{
    docent_work_queue *queue = NULL;
    assert_ok(docent_work_queue_new(owner, "/flow/jobs", options, &queue));
    return queue;
}

/* Items and claims, or 1 when nobody can say. */
static size_t flow_left(docent_client *owner)
{
    docent_stat jobs, locks;
    if (docent_exists(owner, "/flow/jobs", &jobs) != DOCENT_OK || docent_exists(owner, FLOW_LOCKS, &locks) != DOCENT_OK) return 1;
    return (size_t)jobs.num_children + (size_t)locks.num_children;
}

FLOW_THROUGH(docent_work_queue)

static void a_worker_has_its_hold_until_it_answers(void **state)
{
    (void)state;
    struct seen seen = { .keeps = true };
    atomic_bool over = false;
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .on_item = on_item, .lock_path = "/app/locks" };
    docent_work_queue *queue = queue_new(client, &options, &seen);
    assert_ok(put_text(queue, "a", NULL));
    assert_soon(seen.count == 1);
    docent_hold *hold = docent_work_item_hold(seen.items[0]); /* On the worker's own thread. */
    assert_non_null(hold);
    assert_memory_equal(docent_hold_path(hold), "/app/locks/queue-", strlen("/app/locks/queue-"));
    docent_hold_unref(hold);
    docent_work_queue_close(queue, closed, &over);
    hold = docent_work_item_hold(seen.items[0]); /* Its work is not over. */
    assert_non_null(hold);
    docent_hold_unref(hold);
    assert_false(over);
    docent_work_item_done(seen.items[0], DOCENT_WORK_DONE);
    assert_soon(over);
    assert_int_equal(children("/app/jobs"), 0);
}

struct lost {
    docent_work_item *item;
    docent_status why;
    atomic_int count;
};

static struct lost lost;

static void on_lost(docent_work_queue *queue, docent_work_item *item, docent_status why, void *user)
{
    (void)queue;
    (void)user;
    lost.item = item;
    lost.why = why;
    lost.count++;
}

static void a_worker_is_told_that_its_claim_is_lost(void **state)
{
    (void)state;
    struct seen seen = { .keeps = true };
    docent_work_queue_options options = { DOCENT_WORK_QUEUE_OPTIONS, .on_item = on_item, .on_lost = on_lost, .lock_path = "/app/locks" };
    docent_client *own = client_start(NULL);
    docent_work_queue *queue = queue_new(own, &options, &seen);
    lost = (struct lost){ .item = NULL };
    assert_ok(put_text(queue, "a", NULL));
    assert_soon(seen.count == 1);
    expire(own);
    assert_soon(lost.count == 1);
    assert_ptr_equal(lost.item, seen.items[0]);
    assert_status(lost.why, DOCENT_ERR_SESSION_EXPIRED);
    assert_null(docent_work_item_hold(seen.items[0]));
    assert_int_equal(seen.troubles, 0); /* That comes with the answer. */
    docent_work_item_done(seen.items[0], DOCENT_WORK_DONE);
    assert_soon(seen.troubles == 1);
    assert_status(seen.trouble, DOCENT_ERR_NOT_HELD);
    assert_soon(seen.count == 2); /* It is handed out again. */
    docent_work_item_done(seen.items[1], DOCENT_WORK_DONE);
    queue_close(queue);
    docent_client_close(own, NULL, NULL);
    assert_int_equal(lost.count, 1);
    assert_int_equal(children("/app/jobs"), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_and_frames_are_the_peers, start, stop),
        cmocka_unit_test_setup_teardown(bad_puts_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_full_queue_makes_puts_wait, start, stop),
        cmocka_unit_test_setup_teardown(flushing_waits_for_every_outcome, start, stop),
        cmocka_unit_test_setup_teardown(f107_lost_replies_of_puts_are_found_out_by_the_receipt, start, stop),
        cmocka_unit_test_setup_teardown(a_refused_receipt_does_not_keep_the_queue, start, stop),
        cmocka_unit_test_setup_teardown(numbers_used_up_are_an_outcome, start_ours, stop),
        cmocka_unit_test_setup_teardown(smaller_priorities_come_first_and_late_ones_too, start, stop),
        cmocka_unit_test_setup_teardown(nothing_is_handed_out_before_its_time, start, stop),
        cmocka_unit_test_setup_teardown(items_are_removed_by_their_id, start, stop),
        cmocka_unit_test_setup_teardown(what_is_worked_on_is_not_removed, start, stop),
        cmocka_unit_test_setup_teardown(f103_failed_work_keeps_its_name, start, stop),
        cmocka_unit_test_setup_teardown(a_worker_has_its_hold_until_it_answers, start_patient, stop),
        cmocka_unit_test_setup_teardown(a_worker_is_told_that_its_claim_is_lost, start_patient, stop),
        cmocka_unit_test_setup_teardown(failed_work_may_be_given_up, start, stop),
        cmocka_unit_test_setup_teardown(f101_a_late_answer_comes_to_nothing, start, stop),
        cmocka_unit_test_setup_teardown(a_lost_connection_is_waited_out, start, stop),
        cmocka_unit_test_setup_teardown(f100_lost_replies_of_takes_are_told, start, stop),
        cmocka_unit_test_setup_teardown(what_may_not_be_deleted_is_not_worked_on_without_a_pause, start, stop),
        cmocka_unit_test_setup_teardown(malformed_items_go_to_quarantine, start, stop),
        cmocka_unit_test_setup_teardown(workers_answer_from_their_threads, start, stop),
        cmocka_unit_test_setup_teardown(closing_waits_for_what_is_out, start, stop),
        cmocka_unit_test_setup_teardown(items_outlive_their_client, start, stop),
        cmocka_unit_test_setup_teardown(f105_listings_do_not_grow_with_what_is_taken, start, stop),
        cmocka_unit_test_setup_teardown(nothing_is_lost_while_members_fail, start, stop), /* Last: an ensemble only has members. */
    };
    if (!live_begin(argc, argv)) return 0;
    size_t count = sizeof tests / sizeof tests[0] - (apache_members == 3 ? 0 : 1);
    return live_end(_cmocka_run_group_tests("tests", tests, count, NULL, NULL));
}
