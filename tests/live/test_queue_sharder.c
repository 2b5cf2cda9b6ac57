/* tests/live/test_queue_sharder.c - sharders of queues against a server: who adds shards and when, where puts go, and what consumers get. */
#include "flow.h"
#include "one_client.h"

#define SHARDS "/app/shards"
#define LEADER "/app/leader"

enum { THRESHOLD = 4, CHECK_MS = 20, NEVER_MS = 3600000, ITEMS_MAX = 64 };

/* ---- Helpers. ---- */

static docent_queue_sharder *sharder_new(docent_client *owner, const docent_queue_sharder_options *like)
{
    docent_queue_sharder *sharder = NULL;
    docent_queue_sharder_options options = { DOCENT_QUEUE_SHARDER_OPTIONS };
    if (like != NULL) options = *like;
    if (options.threshold == 0) options.threshold = THRESHOLD;
    if (options.check_ms == 0) options.check_ms = CHECK_MS;
    assert_ok(docent_queue_sharder_new(owner, SHARDS, LEADER, &options, &sharder));
    return sharder;
}

static docent_queue_sharder *sharder_start(docent_client *owner, const docent_queue_sharder_options *like)
{
    docent_queue_sharder *sharder = sharder_new(owner, like);
    assert_ok(docent_queue_sharder_start(sharder));
    return sharder;
}

static void closed(void *user)
{
    atomic_bool *over = user;
    *over = true;
}

static void sharder_close(docent_queue_sharder *sharder)
{
    atomic_bool over = false;
    docent_queue_sharder_close(sharder, closed, &over);
    assert_soon(over);
}

static docent_status put_within(docent_queue_sharder *sharder, const char *text, uint32_t timeout_ms)
{
    docent_work_element element = { text, strlen(text) };
    return docent_queue_sharder_put(sharder, &(docent_work_put){ DOCENT_WORK_PUT, .elements = &element, .count = 1 }, timeout_ms);
}

static void put(docent_queue_sharder *sharder, int count)
{
    for (int i = 0; i < count; i++) assert_ok(put_within(sharder, "item", PATIENCE_MS));
}

static docent_result *list(const char *path)
{
    docent_result *result = NULL;
    docent_status status = docent_children(client, path, &result);
    if (status == DOCENT_OK) return result;
    assert_status(status, DOCENT_ERR_NO_NODE);
    docent_result_free(result);
    return NULL;
}

static size_t children(const char *path)
{
    docent_result *result = list(path);
    size_t count = result == NULL ? 0 : result->name_count;
    docent_result_free(result);
    return count;
}

/* The path of the shard with the most items (or the fewest), and how many they are. */
static size_t shard_with(bool most, char path[128])
{
    docent_result *result = list(SHARDS);
    size_t found = most ? 0 : SIZE_MAX;
    assert_non_null(result);
    for (size_t i = 0; i < result->name_count; i++) {
        char at[128];
        snprintf(at, sizeof at, SHARDS "/%s", result->names[i]);
        size_t count = children(at);
        if (most ? count < found : count >= found) continue;
        found = count;
        strcpy(path, at);
    }
    docent_result_free(result);
    return found;
}

/* ---- Shards. ---- */

static void the_leader_makes_the_first_shard(void **state)
{
    (void)state;
    docent_queue_sharder *sharder = sharder_new(client, &(docent_queue_sharder_options){ DOCENT_QUEUE_SHARDER_OPTIONS, .check_ms = NEVER_MS });
    assert_int_equal(docent_queue_sharder_shard_count(sharder), -1);
    assert_ok(docent_queue_sharder_start(sharder));
    assert_status(docent_queue_sharder_start(sharder), DOCENT_ERR_BUSY);
    put(sharder, 1);
    assert_int_equal(docent_queue_sharder_shard_count(sharder), 1);

    docent_result *shards = list(SHARDS), *node = NULL;
    assert_int_equal(shards->name_count, 1);
    assert_int_equal(strlen(shards->names[0]), strlen("queue-") + 36);
    assert_memory_equal(shards->names[0], "queue-", 6);
    docent_result_free(shards);
    char path[128];
    assert_int_equal(shard_with(true, path), 1);

    docent_result *latches = list(LEADER);
    assert_int_equal(latches->name_count, 1);
    assert_non_null(strstr(latches->names[0], "-latch-"));
    snprintf(path, sizeof path, LEADER "/%s", latches->names[0]);
    docent_result_free(latches);
    assert_ok(docent_get(client, path, &node));
    assert_int_equal(node->size, 0);
    docent_result_free(node);

    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_queue_sharder_info(sharder, &info));
    assert_string_equal(info.state, "WORKING");
    assert_int_equal(info.begun, 1);
    assert_int_equal(info.succeeded, 1);
    sharder_close(sharder);
    assert_int_equal(children(LEADER), 0);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    docent_queue_sharder *sharder = NULL;
    static const char *const within[] = { SHARDS, SHARDS "/below", "/", "relative", "/ends/" };
    for (size_t i = 0; i < sizeof within / sizeof within[0]; i++) {
        docent_work_queue_options queue = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = within[i] };
        docent_queue_sharder_options options = { DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &queue };
        assert_status(docent_queue_sharder_new(client, SHARDS, within[i], NULL, &sharder), DOCENT_ERR_INVALID_ARGUMENT);
        assert_status(docent_queue_sharder_new(client, SHARDS, LEADER, &options, &sharder), DOCENT_ERR_INVALID_ARGUMENT);
        queue = (docent_work_queue_options){ DOCENT_WORK_QUEUE_OPTIONS, .quarantine_path = within[i] };
        assert_status(docent_queue_sharder_new(client, SHARDS, LEADER, &options, &sharder), DOCENT_ERR_INVALID_ARGUMENT);
    }
    docent_work_queue_options queue = { DOCENT_WORK_QUEUE_OPTIONS, .kind = (docent_work_queue_kind)9 };
    docent_queue_sharder_options options = { DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &queue };
    assert_status(docent_queue_sharder_new(client, SHARDS, LEADER, &options, &sharder), DOCENT_ERR_INVALID_ARGUMENT);

    /* What is wrong with a put is said at once, also when there is no shard to look at it. */
    queue = (docent_work_queue_options){ DOCENT_WORK_QUEUE_OPTIONS, .kind = DOCENT_WORK_QUEUE_ID };
    sharder = sharder_new(client, &options);
    assert_status(put_within(sharder, "no id", PATIENCE_MS), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_queue_sharder_put(sharder, &(docent_work_put){ DOCENT_WORK_PUT, .id = "\xff" }, PATIENCE_MS), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_queue_sharder_put(sharder, &(docent_work_put){ DOCENT_WORK_PUT, .id = "good" }, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    sharder_close(sharder);
}

static void a_full_shard_makes_another(void **state)
{
    (void)state;
    docent_queue_sharder *sharder = sharder_start(client, &(docent_queue_sharder_options){ DOCENT_QUEUE_SHARDER_OPTIONS, .shards_max = 2 });
    char first[128], path[128];
    put(sharder, THRESHOLD);
    assert_int_equal(shard_with(true, first), THRESHOLD);
    assert_soon(docent_queue_sharder_shard_count(sharder) == 2);

    /* The new one is preferred, and alone. */
    put(sharder, THRESHOLD - 1);
    assert_int_equal(children(first), THRESHOLD);
    assert_int_equal(shard_with(false, path), THRESHOLD - 1);

    /* Puts do not wait while all are full. With half or less it is preferred again: by then all were counted, and there is no third. */
    put(sharder, 2);
    docent_result *items = list(first);
    for (size_t i = 0; i + 1 < items->name_count; i++) {
        char item[192];
        snprintf(item, sizeof item, "%s/%s", first, items->names[i]);
        assert_ok(docent_delete(client, item, -1));
    }
    docent_result_free(items);
    assert_soon(put_within(sharder, "item", PATIENCE_MS) == DOCENT_OK && children(first) > 1);
    assert_int_equal(children(SHARDS), 2);
    sharder_close(sharder);
}

/* ---- Several. ---- */

static void sharders_of_two_clients_agree(void **state)
{
    (void)state;
    docent_client *other = client_start(NULL);
    docent_queue_sharder *first = sharder_start(client, NULL), *second;
    put(first, 1);
    second = sharder_start(other, NULL);
    assert_soon(docent_queue_sharder_shard_count(second) == 1);
    put(second, THRESHOLD - 1);
    assert_soon(docent_queue_sharder_shard_count(first) == 2);
    assert_soon(docent_queue_sharder_shard_count(second) == 2);
    assert_int_equal(children(SHARDS), 2);

    /* Its leader dies, and the next one adds. */
    docent_client_close(client, NULL, NULL);
    client = client_start(NULL);
    docent_queue_sharder_close(first, NULL, NULL);
    put(second, THRESHOLD);
    assert_soon(docent_queue_sharder_shard_count(second) >= 3);
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    assert_ok(docent_queue_sharder_info(second, &info));
    assert_true(info.succeeded >= 1);
    sharder_close(second);
    docent_client_close(other, NULL, NULL);
}

static void puts_wait_for_the_first_shard(void **state)
{
    (void)state;
    docent_client *other = client_start(NULL);
    docent_leader_latch *latch = NULL; /* Of a leader that adds nothing. */
    assert_ok(docent_leader_latch_new(other, LEADER, NULL, &latch));
    assert_ok(docent_leader_latch_start(latch));
    assert_ok(docent_leader_latch_await(latch, PATIENCE_MS));
    docent_queue_sharder *sharder = sharder_start(client, &(docent_queue_sharder_options){ DOCENT_QUEUE_SHARDER_OPTIONS, .check_ms = NEVER_MS });
    assert_soon(docent_queue_sharder_shard_count(sharder) == 0);
    assert_status(put_within(sharder, "late", 30), DOCENT_ERR_TIMEOUT);
    assert_status(put_within(sharder, "at once", DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_int_equal(children(SHARDS), 0);

    /* One that counts adds the first all the same. */
    docent_queue_sharder *counting = sharder_start(client, NULL);
    put(sharder, 1);
    assert_int_equal(children(SHARDS), 1);
    char path[128];
    assert_int_equal(shard_with(true, path), 1);
    sharder_close(counting);
    sharder_close(sharder);
    docent_leader_latch_close(latch, NULL, NULL);
    docent_client_close(other, NULL, NULL);
}

static void waiting(docent_status status, void *user)
{
    atomic_int *outcome = user;
    *outcome = (int)status;
}

struct early_put {
    docent_queue_sharder *sharder;
    atomic_int outcome, returned;
};

static void put_early(void *user)
{
    struct early_put *early = user;
    docent_work_element element = { "early", 5 };
    early->returned = (int)docent_queue_sharder_put_async(early->sharder, &(docent_work_put){ DOCENT_WORK_PUT, .elements = &element, .count = 1 },
                                                          DOCENT_FOREVER, waiting, &early->outcome);
}

static void waiting_puts_end_with_the_sharder(void **state)
{
    (void)state;
    for (int by_client = 0; by_client < 2; by_client++) {
        struct early_put early = { .sharder = sharder_new(client, NULL), .outcome = -1, .returned = -1 };
        assert_ok(docent_client_post(client, put_early, &early));
        assert_soon(early.returned != -1);
        assert_status((docent_status)early.returned, DOCENT_OK);
        assert_int_equal(early.outcome, -1);
        if (by_client) {
            docent_client_close(client, NULL, NULL);
            client = client_start(NULL);
        }
        docent_queue_sharder_close(early.sharder, NULL, NULL);
        assert_soon(early.outcome != -1);
        assert_status((docent_status)early.outcome, DOCENT_ERR_CLOSING);
    }
}

/* ---- Consumers. ---- */

struct seen {
    atomic_int items, shards;
    atomic_int times[ITEMS_MAX];
};

static void on_item(docent_work_queue *queue, docent_work_item *item, void *user)
{
    struct seen *seen = user;
    size_t count;
    const docent_work_element *elements = docent_work_item_elements(item, &count);
    char text[16] = { 0 };
    assert_int_equal(count, 1);
    memcpy(text, elements->data, elements->size < 15 ? elements->size : 15);
    int number = atoi(text);
    if (number >= 0 && number < ITEMS_MAX) seen->times[number]++;
    docent_work_queue_close(queue, NULL, NULL); /* It is the sharder's, and so this does nothing. */
    docent_work_item_done(item, DOCENT_WORK_DONE);
    seen->items++;
}

static void on_shard(docent_queue_sharder *sharder, const char *name, docent_work_queue *queue, void *user)
{
    struct seen *seen = user;
    (void)sharder;
    if (strncmp(name, "queue-", 6) == 0 && queue != NULL) seen->shards++;
}

static void consumers_get_the_items_of_all_shards(void **state)
{
    (void)state;
    static struct seen seen;
    memset(&seen, 0, sizeof seen);
    docent_client *other = client_start(NULL);
    docent_queue_sharder *producer =
        sharder_start(client, &(docent_queue_sharder_options){ DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &(docent_work_queue_options){
                                                                  DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/app/locks" } });
    for (int i = 0; i < ITEMS_MAX; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        assert_ok(put_within(producer, text, PATIENCE_MS));
        if (i % THRESHOLD == THRESHOLD - 1 && i < 3 * THRESHOLD) assert_soon(docent_queue_sharder_shard_count(producer) > i / THRESHOLD + 1);
    }
    docent_work_queue_options queue = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/app/locks", .on_item = on_item, .user = &seen };
    docent_queue_sharder_options options = { DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &queue, .on_shard = on_shard, .user = &seen };
    docent_queue_sharder *consumer = sharder_start(other, &options);
    assert_soon(seen.items == ITEMS_MAX);
    for (int i = 0; i < ITEMS_MAX; i++) assert_int_equal(seen.times[i], 1);
    assert_true(seen.shards >= 4);
    assert_int_equal(seen.shards, docent_queue_sharder_shard_count(consumer));
    sharder_close(consumer);
    sharder_close(producer);

    docent_result *shards = list(SHARDS);
    for (size_t i = 0; i < shards->name_count; i++) {
        char path[128];
        docent_stat stat;
        snprintf(path, sizeof path, SHARDS "/%s", shards->names[i]);
        assert_int_equal(children(path), 0);
        snprintf(path, sizeof path, "/app/locks/%s", shards->names[i]);
        assert_ok(docent_exists(client, path, &stat));
        assert_int_equal(stat.num_children, 0);
    }
    docent_result_free(shards);
    docent_client_close(other, NULL, NULL);
}

static void malformed_items_are_no_shards(void **state)
{
    (void)state;
    static struct seen seen;
    memset(&seen, 0, sizeof seen);
    docent_work_queue_options queue = { DOCENT_WORK_QUEUE_OPTIONS, .on_item = on_item, .user = &seen };
    docent_queue_sharder *sharder = sharder_start(client, &(docent_queue_sharder_options){ DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &queue });
    char path[128], item[192], quarantine[192];
    assert_soon(docent_queue_sharder_shard_count(sharder) == 1);
    docent_result *shards = list(SHARDS);
    snprintf(path, sizeof path, SHARDS "/%s", shards->names[0]);
    snprintf(quarantine, sizeof quarantine, SHARDS "-quarantine/%s", shards->names[0]);
    docent_result_free(shards);
    snprintf(item, sizeof item, "%s/queue-", path);
    assert_ok(docent_create(client, item, "bad", 3, DOCENT_PERSISTENT_SEQUENTIAL, NULL));
    assert_soon(children(quarantine) == 1);
    assert_int_equal(children(SHARDS), 1);
    sharder_close(sharder);
}

/* ---- Faults. ---- */

/* The name is ours: asked for again, there is one all the same. */
static void lost_replies_of_additions_make_no_second_shard(void **state)
{
    (void)state;
    for (int action = DOCENT_FAULT_DROP_REQUEST; action <= DOCENT_FAULT_DROP_REPLY; action++) {
        docent_fault fault = { DOCENT_FAULT, .action = (docent_fault_action)action, .op = 1 /* create */, .path = SHARDS "/queue-*" };
        assert_ok(docent_devserver_add_fault(server, &fault));
        docent_queue_sharder *sharder = sharder_start(client, NULL);
        assert_soon(docent_queue_sharder_shard_count(sharder) == 1);
        assert_int_equal(docent_devserver_fault_count(server), 0);
        docent_recipe_info info = { DOCENT_RECIPE_INFO };
        assert_ok(docent_queue_sharder_info(sharder, &info));
        assert_int_equal(info.succeeded, 1);
        sharder_close(sharder);

        docent_result *shards = list(SHARDS);
        char path[128];
        assert_int_equal(shards->name_count, 1);
        snprintf(path, sizeof path, SHARDS "/%s", shards->names[0]);
        assert_ok(docent_delete(client, path, -1));
        docent_result_free(shards);
    }
}

static void a_lost_connection_is_waited_out(void **state)
{
    (void)state;
    docent_queue_sharder *sharder = sharder_start(client, NULL);
    put(sharder, 1);
    for (int i = 0; i < 4; i++) {
        drop_connections();
        put(sharder, 1);
    }
    expire(client);
    put(sharder, THRESHOLD);
    assert_soon(docent_queue_sharder_shard_count(sharder) >= 2);
    sharder_close(sharder);
    assert_int_equal(children(LEADER), 0);
}

/* ---- Ensembles. ---- */

#define FLOW_SHARDS "/flow/shards"

/* Each shard is full with one item, so there are soon as many as there may be. */
static void *flow_open(docent_client *owner, const docent_work_queue_options *queue)
{
    docent_queue_sharder *sharder = NULL;
    docent_queue_sharder_options options = { DOCENT_QUEUE_SHARDER_OPTIONS, .queue = queue, .threshold = 1, .check_ms = CHECK_MS, .shards_max = 3 };
    assert_ok(docent_queue_sharder_new(owner, FLOW_SHARDS, "/flow/leader", &options, &sharder));
    assert_ok(docent_queue_sharder_start(sharder));
    return sharder;
}

static size_t flow_left(docent_client *owner)
{
    static const char *const folders[] = { FLOW_SHARDS, FLOW_LOCKS };
    docent_result *shards = NULL;
    docent_status status = docent_children(owner, FLOW_SHARDS, &shards);
    size_t count = status == DOCENT_OK ? 0 : 1;
    for (size_t i = 0; count == 0 && i < shards->name_count; i++) {
        for (size_t folder = 0; folder < 2; folder++) {
            char path[128];
            docent_stat stat = { 0 };
            snprintf(path, sizeof path, "%s/%s", folders[folder], shards->names[i]);
            count += docent_exists(owner, path, &stat) == DOCENT_OK ? (size_t)stat.num_children : 1;
        }
    }
    docent_result_free(shards);
    return count;
}

FLOW_THROUGH(docent_queue_sharder)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_leader_makes_the_first_shard, start, stop),
        cmocka_unit_test_setup_teardown(bad_options_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_full_shard_makes_another, start, stop),
        cmocka_unit_test_setup_teardown(sharders_of_two_clients_agree, start, stop),
        cmocka_unit_test_setup_teardown(puts_wait_for_the_first_shard, start, stop),
        cmocka_unit_test_setup_teardown(waiting_puts_end_with_the_sharder, start, stop),
        cmocka_unit_test_setup_teardown(consumers_get_the_items_of_all_shards, start, stop),
        cmocka_unit_test_setup_teardown(malformed_items_are_no_shards, start, stop),
        cmocka_unit_test_setup_teardown(lost_replies_of_additions_make_no_second_shard, start, stop),
        cmocka_unit_test_setup_teardown(a_lost_connection_is_waited_out, start, stop),
        cmocka_unit_test_setup_teardown(nothing_is_lost_while_members_fail, start, stop), /* Last: an ensemble only has members. */
    };
    if (!live_begin(argc, argv)) return 0;
    size_t count = sizeof tests / sizeof tests[0] - (apache_members == 3 ? 0 : 1);
    return live_end(_cmocka_run_group_tests("tests", tests, count, NULL, NULL));
}
