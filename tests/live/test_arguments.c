/* tests/live/test_arguments.c - what recipes are given that they should not be, all of them alike: NULL, paths that are none, options without a
 * size, of a caller older or newer than the library, data that no server takes, deadlines at both ends of their range. */
#include "one_client.h"

/* ---- Making. ---- */

#define NEW(name, type)                                                                                                     \
    static docent_status new_##name(docent_client *of, const char *path, const void *options, void **ret)                   \
    {                                                                                                                       \
        return type##_new(of, path, options, (type **)ret);                                                                 \
    }                                                                                                                       \
    static void close_##name(void *handle) { type##_close(handle, NULL, NULL); }

NEW(barrier, docent_barrier)
NEW(claim_queue, docent_claim_queue)
NEW(countdown, docent_countdown)
NEW(double_barrier, docent_double_barrier)
NEW(latch, docent_leader_latch)
NEW(lease, docent_lease)
NEW(lock, docent_lock)
NEW(mutex, docent_mutex)
NEW(queue, docent_queue)
NEW(rwlock, docent_rwlock)
NEW(selector, docent_leader_selector)
NEW(semaphore, docent_semaphore)
NEW(sync_queue, docent_sync_queue)
NEW(work_queue, docent_work_queue)

static docent_status new_multi(docent_client *of, const char *path, const void *options, void **ret)
{
    return docent_multi_lock_new(of, &path, 1, options, (docent_multi_lock **)ret);
}

static void close_multi(void *handle)
{
    docent_multi_lock_close(handle, NULL, NULL);
}

static docent_status new_sharder(docent_client *of, const char *path, const void *options, void **ret)
{
    return docent_queue_sharder_new(of, path, "/sharder-leader", options, (docent_queue_sharder **)ret);
}

static docent_status new_sharder_led(docent_client *of, const char *path, const void *options, void **ret)
{
    return docent_queue_sharder_new(of, "/sharder", path, options, (docent_queue_sharder **)ret);
}

static void close_sharder(void *handle)
{
    docent_queue_sharder_close(handle, NULL, NULL);
}

static const docent_barrier_options barrier_options = { DOCENT_BARRIER_OPTIONS };
static const docent_claim_queue_options claim_queue_options = { DOCENT_CLAIM_QUEUE_OPTIONS, .claims_path = "/claims" };
static const docent_countdown_options countdown_options = { DOCENT_COUNTDOWN_OPTIONS };
static const docent_double_barrier_options double_barrier_options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 1, .label = "l" };
static const docent_leader_latch_options latch_options = { DOCENT_LEADER_LATCH_OPTIONS, .id = "i" };
static const docent_leader_selector_options selector_options = { DOCENT_LEADER_SELECTOR_OPTIONS, .id = "i" };
static const docent_lease_options lease_options = { DOCENT_LEASE_OPTIONS, .duration_ms = 1000, .id = "i" };
static const docent_lock_options lock_options = { DOCENT_LOCK_OPTIONS, .label = "l" };
static const docent_multi_lock_options multi_options = { DOCENT_MULTI_LOCK_OPTIONS, .label = "l" };
static const docent_mutex_options mutex_options = { DOCENT_MUTEX_OPTIONS, .label = "l" };
static const docent_queue_options queue_options = { DOCENT_QUEUE_OPTIONS };
static const docent_queue_sharder_options sharder_options = { DOCENT_QUEUE_SHARDER_OPTIONS };
static const docent_rwlock_options rwlock_options = { DOCENT_RWLOCK_OPTIONS, .label = "l" };
static const docent_semaphore_options semaphore_options = { DOCENT_SEMAPHORE_OPTIONS, .max = 1, .label = "l" };
static const docent_sync_queue_options sync_queue_options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 1 };
static const docent_work_queue_options work_queue_options = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/locks" };

static const struct maker {
    const char *name;
    docent_status (*make)(docent_client *of, const char *path, const void *options, void **ret);
    void (*close)(void *handle);
    const void *options;
    size_t size;
    size_t least; /* Of the options, with which it can be made. 0: NULL will do. */
} makers[] = {
#define MAKER(name, least) { #name, new_##name, close_##name, &name##_options, sizeof name##_options, least }
    MAKER(barrier, 0),
    MAKER(claim_queue, 0),
    MAKER(countdown, 0),
    MAKER(double_barrier, offsetof(docent_double_barrier_options, quantity) + sizeof(uint32_t)),
    MAKER(latch, 0),
    MAKER(lease, offsetof(docent_lease_options, duration_ms) + sizeof(uint64_t)),
    MAKER(lock, 0),
    MAKER(multi, 0),
    MAKER(mutex, 0),
    MAKER(queue, 0),
    MAKER(rwlock, 0),
    MAKER(selector, 0),
    MAKER(semaphore, offsetof(docent_semaphore_options, max) + sizeof(uint32_t)),
    MAKER(sharder, 0),
    MAKER(sync_queue, offsetof(docent_sync_queue_options, quantity) + sizeof(uint32_t)),
    MAKER(work_queue, 0),
    { "sharder, by its leader's path", new_sharder_led, close_sharder, &sharder_options, sizeof sharder_options, 0 },
};
enum { MAKERS = sizeof makers / sizeof *makers };

static void expect(const struct maker *maker, docent_status due, docent_client *of, const char *path, const void *options, const char *what)
{
    static char untouched;
    void *handle = &untouched;
    docent_status status = maker->make(of, path, options, &handle);
    if (status != due) fail_msg("%s, %s: %s", maker->name, what, docent_status_name(status));
    if (status == DOCENT_OK) {
        maker->close(handle);
    } else if (handle != &untouched) {
        fail_msg("%s, %s: touched", maker->name, what);
    }
}

static void what_is_no_path_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "/", "a", "a/b", "/a/", "//a", "/a//b", "/.", "/a/./b", "/a/..", "/a\x01", "/a\x7f", "/\xff", "/\xc0\x80",
                                       "/a/\xed\xa0\x80" };
    for (size_t m = 0; m < MAKERS; m++) {
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) expect(&makers[m], DOCENT_ERR_INVALID_ARGUMENT, client, bad[i], makers[m].options, bad[i]);
        expect(&makers[m], DOCENT_ERR_INVALID_ARGUMENT, client, NULL, makers[m].options, "no path");
        expect(&makers[m], DOCENT_ERR_INVALID_ARGUMENT, NULL, "/a", makers[m].options, "no client");
        assert_status(makers[m].make(client, "/a", makers[m].options, NULL), DOCENT_ERR_INVALID_ARGUMENT);
        expect(&makers[m], makers[m].least == 0 ? DOCENT_OK : DOCENT_ERR_INVALID_ARGUMENT, client, "/a", NULL, "no options");
    }
}

static void what_is_no_path_is_refused_in_options(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "a", "/a/", "/a//b", "/.", "/\xff", "/" };
    docent_work_queue *work = NULL;
    docent_semaphore *semaphore = NULL;
    docent_claim_queue *claims = NULL;
    docent_queue_sharder *sharder = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        docent_work_queue_options locks = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = bad[i] }, receipts = { DOCENT_WORK_QUEUE_OPTIONS, .receipt_path = bad[i] },
                                  quarantine = { DOCENT_WORK_QUEUE_OPTIONS, .quarantine_path = bad[i] };
        docent_semaphore_options limit = { DOCENT_SEMAPHORE_OPTIONS, .max = 1, .limit_path = bad[i] };
        docent_claim_queue_options claimed = { DOCENT_CLAIM_QUEUE_OPTIONS, .claims_path = bad[i] };
        docent_queue_sharder_options shards = { DOCENT_QUEUE_SHARDER_OPTIONS, .queue = &locks };
        assert_status(docent_work_queue_new(client, "/work", &locks, &work), DOCENT_ERR_INVALID_ARGUMENT);
        assert_status(docent_work_queue_new(client, "/work", &receipts, &work), DOCENT_ERR_INVALID_ARGUMENT);
        assert_status(docent_work_queue_new(client, "/work", &quarantine, &work), DOCENT_ERR_INVALID_ARGUMENT);
        assert_status(docent_claim_queue_new(client, "/claimed", &claimed, &claims), DOCENT_ERR_INVALID_ARGUMENT);
        assert_status(docent_queue_sharder_new(client, "/shards", "/leader", &shards, &sharder), DOCENT_ERR_INVALID_ARGUMENT);
        if (strcmp(bad[i], "/") == 0) continue; /* The root has data, and so can say a limit. */
        assert_status(docent_semaphore_new(client, "/gate", &limit, &semaphore), DOCENT_ERR_INVALID_ARGUMENT);
    }
    docent_work_queue_options itself = { DOCENT_WORK_QUEUE_OPTIONS, .lock_path = "/work" };
    docent_claim_queue_options claimed_there = { DOCENT_CLAIM_QUEUE_OPTIONS, .claims_path = "/claimed" };
    assert_status(docent_work_queue_new(client, "/work", &itself, &work), DOCENT_ERR_INVALID_ARGUMENT);
    assert_status(docent_claim_queue_new(client, "/claimed", &claimed_there, &claims), DOCENT_ERR_INVALID_ARGUMENT);
    assert_true(work == NULL && semaphore == NULL && claims == NULL && sharder == NULL);
}

/* In a block of no more bytes than it says, so that who reads further is caught by those who look for that. */
static void options_of_other_sizes(void **state)
{
    (void)state;
    for (size_t m = 0; m < MAKERS; m++) {
        const struct maker *maker = &makers[m];
        for (size_t size = 0; size <= maker->size + 64; size += sizeof(void *)) {
            char what[32];
            size_t given = size;
            void *options = calloc(1, size < sizeof size ? sizeof size : size);
            assert_non_null(options);
            memset(options, 0xa5, size);
            memcpy(options, maker->options, size < maker->size ? size : maker->size);
            memcpy(options, &given, sizeof given);
            snprintf(what, sizeof what, "options of %zu bytes", size);
            bool good = size >= sizeof size && size >= maker->least;
            expect(maker, good ? DOCENT_OK : DOCENT_ERR_INVALID_ARGUMENT, client, "/a", options, what);
            free(options);
        }
    }
}

static void infos_of_other_sizes(void **state)
{
    (void)state;
    docent_lock *lock;
    assert_ok(docent_lock_new(client, "/lock", NULL, &lock));
    for (size_t size = 0; size <= sizeof(docent_recipe_info) + 64; size += 8) {
        unsigned char *info = malloc(size < sizeof size ? sizeof size : size);
        assert_non_null(info);
        memset(info, 0xa5, size);
        memcpy(info, &size, sizeof size);
        assert_status(docent_lock_info(lock, (docent_recipe_info *)(void *)info), size < sizeof size ? DOCENT_ERR_INVALID_ARGUMENT : DOCENT_OK);
        for (size_t i = sizeof(docent_recipe_info); i < size; i++) assert_int_equal(info[i], 0xa5);
        free(info);
    }
    docent_lock_close(lock, NULL, NULL);
}

/* ---- NULL. ---- */

static void a_null_handle_is_refused(void **state)
{
    (void)state;
    docent_permit *permit = NULL;
    docent_item *item = NULL;
    docent_result *result = NULL;
    docent_leader_latch_listener *listener = NULL;
    docent_recipe_info info = { DOCENT_RECIPE_INFO };
    docent_work_put put = { DOCENT_WORK_PUT };
    docent_queue_bytes bytes = { "a", 1 };
    size_t size = 7;
    uint32_t count = 7;
    const struct {
        const char *what;
        docent_status status;
    } calls[] = {
#define CALL(call) { #call, call }
        CALL(docent_barrier_info(NULL, &info)),
        CALL(docent_barrier_remove(NULL, 0)),
        CALL(docent_barrier_remove_async(NULL, 0, NULL, NULL)),
        CALL(docent_barrier_set(NULL, 0)),
        CALL(docent_barrier_set_async(NULL, 0, NULL, NULL)),
        CALL(docent_barrier_wait(NULL, 0)),
        CALL(docent_barrier_wait_async(NULL, 0, NULL, NULL)),
        CALL(docent_claim_queue_info(NULL, &info)),
        CALL(docent_claim_queue_put(NULL, "a", 1, NULL)),
        CALL(docent_claim_queue_put_async(NULL, "a", 1, NULL, NULL)),
        CALL(docent_claim_queue_put_many(NULL, &bytes, 1, NULL)),
        CALL(docent_claim_queue_put_many_async(NULL, &bytes, 1, NULL, NULL)),
        CALL(docent_claim_queue_take(NULL, 0, &item)),
        CALL(docent_claim_queue_take_async(NULL, 0, NULL, NULL)),
        CALL(docent_countdown_count_down(NULL, 0)),
        CALL(docent_countdown_count_down_async(NULL, 0, NULL, NULL)),
        CALL(docent_countdown_create(NULL, 1, 0)),
        CALL(docent_countdown_create_async(NULL, 1, 0, NULL, NULL)),
        CALL(docent_countdown_info(NULL, &info)),
        CALL(docent_countdown_wait(NULL, 0)),
        CALL(docent_countdown_wait_async(NULL, 0, NULL, NULL)),
        CALL(docent_double_barrier_enter(NULL, 0)),
        CALL(docent_double_barrier_enter_async(NULL, 0, NULL, NULL)),
        CALL(docent_double_barrier_info(NULL, &info)),
        CALL(docent_double_barrier_leave(NULL, 0)),
        CALL(docent_double_barrier_leave_async(NULL, 0, NULL, NULL)),
        CALL(docent_item_acknowledge(NULL)),
        CALL(docent_item_acknowledge_async(NULL, NULL, NULL)),
        CALL(docent_item_requeue(NULL)),
        CALL(docent_item_requeue_async(NULL, NULL, NULL)),
        CALL(docent_leader_latch_await(NULL, 0)),
        CALL(docent_leader_latch_await_async(NULL, 0, NULL, NULL)),
        CALL(docent_leader_latch_info(NULL, &info)),
        CALL(docent_leader_latch_leader(NULL, &result)),
        CALL(docent_leader_latch_leader_async(NULL, NULL, NULL)),
        CALL(docent_leader_latch_listen(NULL, false, NULL, NULL, &listener)),
        CALL(docent_leader_latch_participants(NULL, &result)),
        CALL(docent_leader_latch_participants_async(NULL, NULL, NULL)),
        CALL(docent_leader_latch_start(NULL)),
        CALL(docent_leader_latch_unlisten(NULL, NULL)),
        CALL(docent_leader_selector_info(NULL, &info)),
        CALL(docent_leader_selector_interrupt(NULL)),
        CALL(docent_leader_selector_leader(NULL, &result)),
        CALL(docent_leader_selector_leader_async(NULL, NULL, NULL)),
        CALL(docent_leader_selector_participants(NULL, &result)),
        CALL(docent_leader_selector_participants_async(NULL, NULL, NULL)),
        CALL(docent_leader_selector_requeue(NULL)),
        CALL(docent_leader_selector_run(NULL, 0, NULL, NULL)),
        CALL(docent_leader_selector_start(NULL)),
        CALL(docent_lease_acquire(NULL, 0)),
        CALL(docent_lease_acquire_async(NULL, 0, NULL, NULL)),
        CALL(docent_lease_info(NULL, &info)),
        CALL(docent_multi_lock_acquire(NULL, 0)),
        CALL(docent_multi_lock_acquire_async(NULL, 0, NULL, NULL)),
        CALL(docent_multi_lock_info(NULL, &info)),
        CALL(docent_multi_lock_new(client, NULL, 1, NULL, NULL)),
        CALL(docent_multi_lock_release_async(NULL, NULL, NULL)),
        CALL(docent_multi_lock_release_wait(NULL, 0)),
        CALL(docent_permit_info(NULL, &info)),
        CALL(docent_permit_return(NULL, 0)),
        CALL(docent_queue_info(NULL, &info)),
        CALL(docent_queue_peek(NULL, &result)),
        CALL(docent_queue_peek_async(NULL, NULL, NULL)),
        CALL(docent_queue_put(NULL, "a", 1, NULL)),
        CALL(docent_queue_put_async(NULL, "a", 1, NULL, NULL)),
        CALL(docent_queue_put_many(NULL, &bytes, 1, NULL)),
        CALL(docent_queue_put_many_async(NULL, &bytes, 1, NULL, NULL)),
        CALL(docent_queue_sharder_info(NULL, &info)),
        CALL(docent_queue_sharder_put(NULL, &put, 0)),
        CALL(docent_queue_sharder_put_async(NULL, &put, 0, NULL, NULL)),
        CALL(docent_queue_sharder_start(NULL)),
        CALL(docent_queue_size(NULL, &count)),
        CALL(docent_queue_size_async(NULL, NULL, NULL)),
        CALL(docent_queue_take(NULL, 0, &result)),
        CALL(docent_queue_take_async(NULL, 0, NULL, NULL)),
        CALL(docent_semaphore_acquire(NULL, 1, 0, &permit)),
        CALL(docent_semaphore_acquire_async(NULL, 1, 0, NULL, NULL, &permit)),
        CALL(docent_semaphore_info(NULL, &info)),
        CALL(docent_semaphore_participants(NULL, &result)),
        CALL(docent_semaphore_participants_async(NULL, NULL, NULL)),
        CALL(docent_sync_queue_gather(NULL, 0)),
        CALL(docent_sync_queue_gather_async(NULL, 0, NULL, NULL)),
        CALL(docent_sync_queue_info(NULL, &info)),
        CALL(docent_txn_commit(NULL, NULL, &result)),
        CALL(docent_txn_commit_async(NULL, NULL, NULL, NULL)),
        CALL(docent_txn_guard(NULL, NULL)),
        CALL(docent_work_queue_flush(NULL, 0)),
        CALL(docent_work_queue_flush_async(NULL, 0, NULL, NULL)),
        CALL(docent_work_queue_info(NULL, &info)),
        CALL(docent_work_queue_put(NULL, &put, 0)),
        CALL(docent_work_queue_put_async(NULL, &put, 0, NULL, NULL)),
        CALL(docent_work_queue_remove(NULL, "i", 0, &size)),
        CALL(docent_work_queue_remove_async(NULL, "i", 0, NULL, NULL)),
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (calls[i].status != DOCENT_ERR_INVALID_ARGUMENT) fail_msg("%s: %s", calls[i].what, docent_status_name(calls[i].status));
    }
    assert_true(permit == NULL && item == NULL && result == NULL && listener == NULL && count == 7);
    assert_int_equal(docent_double_barrier_get_state(NULL), DOCENT_DOUBLE_BARRIER_OUTSIDE);
    assert_int_equal(docent_multi_lock_get_state(NULL), DOCENT_LOCK_RELEASED);
    assert_int_equal(docent_permit_get_state(NULL), DOCENT_PERMIT_RETURNED);
    assert_int_equal(docent_leader_latch_token(NULL), -1);
    assert_int_equal(docent_leader_selector_token(NULL), -1);
    assert_int_equal(docent_permit_token(NULL), -1);
    assert_int_equal(docent_permit_count(NULL), 0);
    assert_int_equal(docent_multi_lock_count(NULL), 0);
    assert_int_equal(docent_lease_left_ms(NULL), 0);
    assert_int_equal(docent_lease_slot(NULL), -1);
    assert_int_equal(docent_sync_queue_round(NULL), -1);
    assert_int_equal(docent_work_queue_last_count(NULL), -1);
    assert_int_equal(docent_queue_sharder_shard_count(NULL), -1);
    assert_false(docent_leader_latch_has_leadership(NULL) || docent_leader_selector_has_leadership(NULL) || docent_item_is_claimed(NULL));
    assert_true(docent_permit_hold(NULL, 0) == NULL && docent_leader_latch_hold(NULL) == NULL && docent_leader_selector_hold(NULL) == NULL);
    assert_true(docent_double_barrier_hold(NULL) == NULL && docent_item_hold(NULL) == NULL && docent_work_item_hold(NULL) == NULL);
    assert_true(docent_multi_lock_member(NULL, 0) == NULL && docent_item_path(NULL) == NULL && docent_item_data(NULL, &size) == NULL && size == 0);
    size = 7;
    assert_true(docent_work_item_name(NULL) == NULL && docent_work_item_elements(NULL, &size) == NULL && size == 0);
    docent_multi_lock_release(NULL);
    docent_leader_selector_relinquish(NULL, 1);
    docent_work_item_done(NULL, DOCENT_WORK_DONE);
    docent_permit_close(NULL, NULL, NULL);
    docent_item_close(NULL, NULL, NULL);
    for (size_t m = 0; m < MAKERS; m++) makers[m].close(NULL);
}

static void where_an_answer_goes_is_needed(void **state)
{
    (void)state;
    static const docent_leadership_fn nobody = NULL;
    docent_lock *lock;
    docent_semaphore *semaphore;
    docent_leader_latch *latch;
    docent_leader_latch_listener *listener = NULL;
    docent_leader_selector *selector;
    docent_queue *queue;
    docent_claim_queue *claims;
    docent_work_queue *work;
    docent_queue_sharder *sharder;
    assert_ok(docent_lock_new(client, "/lock", NULL, &lock));
    assert_ok(docent_semaphore_new(client, "/semaphore", &semaphore_options, &semaphore));
    assert_ok(docent_leader_latch_new(client, "/latch", NULL, &latch));
    assert_ok(docent_leader_selector_new(client, "/selector", NULL, &selector));
    assert_ok(docent_queue_new(client, "/queue", NULL, &queue));
    assert_ok(docent_claim_queue_new(client, "/claims", NULL, &claims));
    assert_ok(docent_work_queue_new(client, "/work", NULL, &work));
    assert_ok(docent_queue_sharder_new(client, "/shards", "/leader", NULL, &sharder));
    const docent_queue_bytes hollow = { NULL, 1 };
    const docent_work_element hollow_element = { NULL, 1 };
    const docent_work_put hollow_put = { DOCENT_WORK_PUT, .elements = &hollow_element, .count = 1 }, no_elements = { DOCENT_WORK_PUT, .count = 1 };
    const docent_work_put no_size = { .struct_size = 0 };
    const struct {
        const char *what;
        docent_status status;
    } calls[] = {
        CALL(docent_lock_info(lock, NULL)),
        CALL(docent_lock_participants(lock, NULL)),
        CALL(docent_semaphore_acquire(semaphore, 1, 0, NULL)),
        CALL(docent_semaphore_participants(semaphore, NULL)),
        CALL(docent_semaphore_info(semaphore, NULL)),
        CALL(docent_leader_latch_listen(latch, false, nobody, NULL, &listener)),
        CALL(docent_leader_latch_unlisten(latch, NULL)),
        CALL(docent_leader_latch_participants(latch, NULL)),
        CALL(docent_leader_latch_leader(latch, NULL)),
        CALL(docent_leader_latch_info(latch, NULL)),
        CALL(docent_leader_selector_start(selector)), /* There is no on_leadership. */
        CALL(docent_leader_selector_requeue(selector)),
        CALL(docent_leader_selector_run(selector, 0, NULL, NULL)),
        CALL(docent_leader_selector_info(selector, NULL)),
        CALL(docent_queue_put(queue, NULL, 1, NULL)),
        CALL(docent_queue_put_many(queue, NULL, 1, NULL)),
        CALL(docent_queue_put_many(queue, &hollow, 1, NULL)),
        CALL(docent_queue_put_many(queue, &hollow, 0, NULL)),
        CALL(docent_queue_take(queue, 0, NULL)),
        CALL(docent_queue_peek(queue, NULL)),
        CALL(docent_queue_size(queue, NULL)),
        CALL(docent_queue_info(queue, NULL)),
        CALL(docent_claim_queue_take(claims, 0, NULL)),
        CALL(docent_claim_queue_put(claims, "a", 1, NULL)), /* Curator's are framed. */
        CALL(docent_work_queue_put(work, NULL, 0)),
        CALL(docent_work_queue_put(work, &hollow_put, 0)),
        CALL(docent_work_queue_put(work, &no_elements, 0)),
        CALL(docent_work_queue_put(work, &no_size, 0)),
        CALL(docent_work_queue_remove(work, "i", 0, NULL)), /* Not of that kind. */
        CALL(docent_work_queue_info(work, NULL)),
        CALL(docent_queue_sharder_put(sharder, NULL, 0)),
        CALL(docent_queue_sharder_put(sharder, &hollow_put, 0)),
        CALL(docent_queue_sharder_put(sharder, &no_elements, 0)),
        CALL(docent_queue_sharder_info(sharder, NULL)),
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (calls[i].status != DOCENT_ERR_INVALID_ARGUMENT) fail_msg("%s: %s", calls[i].what, docent_status_name(calls[i].status));
    }
    docent_lock_close(lock, NULL, NULL);
    docent_semaphore_close(semaphore, NULL, NULL);
    docent_leader_latch_close(latch, NULL, NULL);
    docent_leader_selector_close(selector, NULL, NULL);
    docent_queue_close(queue, NULL, NULL);
    docent_claim_queue_close(claims, NULL, NULL);
    docent_work_queue_close(work, NULL, NULL);
    docent_queue_sharder_close(sharder, NULL, NULL);
}

/* ---- Too large. ---- */

static void what_no_request_holds_is_too_large(void **state)
{
    (void)state;
    enum { SIZE = 1200000 };
    char *text = malloc(SIZE + 1);
    assert_non_null(text);
    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    docent_queue *queue;
    docent_claim_queue *claims;
    docent_work_queue *work;
    docent_queue_sharder *sharder;
    docent_lock *lock;
    docent_lease *lease;
    docent_double_barrier *member;
    docent_semaphore *semaphore;
    docent_permit *permit = NULL;
    docent_lock_options labelled = { DOCENT_LOCK_OPTIONS, .label = text };
    docent_lease_options named = { DOCENT_LEASE_OPTIONS, .duration_ms = 60000, .id = text };
    docent_double_barrier_options double_labelled = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 1, .label = text };
    docent_semaphore_options semaphore_labelled = { DOCENT_SEMAPHORE_OPTIONS, .max = 1, .label = text };
    docent_claim_queue_options kazoo = { DOCENT_CLAIM_QUEUE_OPTIONS, .dialect = DOCENT_DIALECT_KAZOO };
    const docent_queue_bytes bytes[] = { { "a", 1 }, { text, SIZE } };
    const docent_work_element element = { text, SIZE };
    const docent_work_put put = { DOCENT_WORK_PUT, .elements = &element, .count = 1 };
    assert_ok(docent_queue_new(client, "/queue", NULL, &queue));
    assert_ok(docent_claim_queue_new(client, "/claims", &kazoo, &claims));
    assert_ok(docent_work_queue_new(client, "/work", NULL, &work));
    assert_ok(docent_queue_sharder_new(client, "/shards", "/leader", NULL, &sharder));
    assert_ok(docent_queue_sharder_start(sharder));
    assert_ok(docent_lock_new(client, "/lock", &labelled, &lock));
    assert_ok(docent_lease_new(client, "/lease", &named, &lease));
    assert_ok(docent_double_barrier_new(client, "/member", &double_labelled, &member));
    assert_ok(docent_semaphore_new(client, "/gate", &semaphore_labelled, &semaphore));
    assert_status(docent_queue_put(queue, text, SIZE, NULL), DOCENT_ERR_TOO_LARGE);
    assert_status(docent_queue_put_many(queue, bytes, 2, NULL), DOCENT_ERR_TOO_LARGE);
    assert_status(docent_claim_queue_put(claims, text, SIZE, NULL), DOCENT_ERR_TOO_LARGE);
    assert_status(docent_work_queue_put(work, &put, PATIENCE_MS), DOCENT_ERR_TOO_LARGE);
    assert_status(docent_queue_sharder_put(sharder, &put, PATIENCE_MS), DOCENT_ERR_TOO_LARGE);
    assert_status(docent_lock_acquire(lock, PATIENCE_MS), DOCENT_ERR_TOO_LARGE);
    assert_status(docent_double_barrier_enter(member, PATIENCE_MS), DOCENT_ERR_TOO_LARGE);
    assert_status(docent_semaphore_acquire(semaphore, 1, PATIENCE_MS, &permit), DOCENT_ERR_TOO_LARGE);
    assert_status(docent_lease_acquire(lease, PATIENCE_MS), DOCENT_ERR_TOO_LARGE);
    assert_null(permit);
    docent_lock_close(lock, NULL, NULL);
    docent_lease_close(lease, NULL, NULL);
    docent_double_barrier_close(member, NULL, NULL);
    docent_semaphore_close(semaphore, NULL, NULL);
    docent_queue_close(queue, NULL, NULL);
    docent_claim_queue_close(claims, NULL, NULL);
    docent_work_queue_close(work, NULL, NULL);
    docent_queue_sharder_close(sharder, NULL, NULL);
    free(text);
}

/* ---- Deadlines. ---- */

static docent_status wait_for_two(docent_client *of, uint32_t timeout_ms)
{
    docent_sync_queue_options options = { DOCENT_SYNC_QUEUE_OPTIONS, .quantity = 2 };
    docent_sync_queue *queue;
    assert_ok(docent_sync_queue_new(of, "/sync", &options, &queue));
    docent_status status = docent_sync_queue_gather(queue, timeout_ms);
    docent_sync_queue_close(queue, NULL, NULL);
    return status;
}

static docent_status enter_of_two(docent_client *of, uint32_t timeout_ms)
{
    docent_double_barrier_options options = { DOCENT_DOUBLE_BARRIER_OPTIONS, .quantity = 2 };
    docent_double_barrier *member;
    assert_ok(docent_double_barrier_new(of, "/member", &options, &member));
    docent_status status = docent_double_barrier_enter(member, timeout_ms);
    docent_double_barrier_close(member, NULL, NULL);
    return status;
}

static void no_wait_is_one_look(void **state)
{
    (void)state;
    docent_lock *holder, *lock;
    docent_mutex *mutex;
    docent_semaphore *semaphore;
    docent_permit *permit, *none = NULL;
    docent_leader_latch *latch;
    docent_queue *queue;
    docent_claim_queue *claims;
    docent_barrier *barrier;
    docent_result *result = NULL;
    docent_item *item = NULL;
    assert_ok(docent_lock_new(client, "/lock", NULL, &holder));
    assert_ok(docent_lock_acquire(holder, UINT32_MAX - 1));
    assert_ok(docent_lock_new(client, "/lock", NULL, &lock));
    assert_ok(docent_mutex_new(client, "/lock", NULL, &mutex));
    assert_ok(docent_semaphore_new(client, "/semaphore", &semaphore_options, &semaphore));
    assert_ok(docent_semaphore_acquire(semaphore, 1, UINT32_MAX - 1, &permit));
    assert_ok(docent_leader_latch_new(client, "/latch", NULL, &latch));
    assert_ok(docent_queue_new(client, "/queue", NULL, &queue));
    assert_ok(docent_claim_queue_new(client, "/claims", NULL, &claims));
    assert_ok(docent_barrier_new(client, "/barrier", NULL, &barrier));
    assert_ok(docent_barrier_set(barrier, UINT32_MAX - 1));
    assert_status(docent_lock_acquire(lock, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(docent_mutex_acquire(mutex, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(docent_semaphore_acquire(semaphore, 1, DOCENT_NO_WAIT, &none), DOCENT_ERR_TIMEOUT);
    assert_status(docent_leader_latch_await(latch, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(docent_queue_take(queue, DOCENT_NO_WAIT, &result), DOCENT_ERR_TIMEOUT);
    assert_status(docent_claim_queue_take(claims, DOCENT_NO_WAIT, &item), DOCENT_ERR_TIMEOUT);
    assert_status(docent_barrier_wait(barrier, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(wait_for_two(client, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_status(enter_of_two(client, DOCENT_NO_WAIT), DOCENT_ERR_TIMEOUT);
    assert_ok(docent_barrier_remove(barrier, UINT32_MAX - 1));
    assert_ok(docent_barrier_wait(barrier, UINT32_MAX - 1));
    assert_ok(docent_lock_release_wait(holder, UINT32_MAX - 1));
    assert_ok(docent_lock_acquire(lock, DOCENT_NO_WAIT));
    assert_ok(docent_permit_return(permit, UINT32_MAX - 1));
    assert_ok(docent_semaphore_acquire(semaphore, 1, DOCENT_NO_WAIT, &permit));
    assert_true(none == NULL && item == NULL);
    docent_result_free(result);
    docent_permit_close(permit, NULL, NULL);
    docent_lock_close(holder, NULL, NULL);
    docent_lock_close(lock, NULL, NULL);
    docent_mutex_close(mutex, NULL, NULL);
    docent_semaphore_close(semaphore, NULL, NULL);
    docent_leader_latch_close(latch, NULL, NULL);
    docent_queue_close(queue, NULL, NULL);
    docent_claim_queue_close(claims, NULL, NULL);
    docent_barrier_close(barrier, NULL, NULL);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_patient, stop)
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_path_is_refused),
        TEST(what_is_no_path_is_refused_in_options),
        TEST(options_of_other_sizes),
        TEST(infos_of_other_sizes),
        TEST(a_null_handle_is_refused),
        TEST(where_an_answer_goes_is_needed),
        TEST(what_no_request_holds_is_too_large),
        TEST(no_wait_is_one_look),
    };
    return run_live(tests, argc, argv);
}
