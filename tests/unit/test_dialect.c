/* Names and their order: the vectors of the peers, and properties against a model that follows the rule word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recipes/dialect.h"

static const char uuid[37] = "fc9f412b-ad02-4987-a7cc-04537e42a7da";

static const struct dialect *curator(void)
{
    return docent_dialect_lock(DOCENT_DIALECT_CURATOR);
}

static const struct dialect *kazoo(void)
{
    return docent_dialect_lock(DOCENT_DIALECT_KAZOO);
}

static void test_curator_prefix_is_forty_bytes_and_the_base(void **state)
{
    char prefix[DIALECT_PREFIX_SIZE];
    (void)state;
    docent_dialect_prefix(curator(), uuid, prefix);
    assert_string_equal(prefix, "_c_fc9f412b-ad02-4987-a7cc-04537e42a7da-lock-");
}

static void test_kazoo_prefix_has_no_dashes(void **state)
{
    char prefix[DIALECT_PREFIX_SIZE];
    (void)state;
    docent_dialect_prefix(kazoo(), uuid, prefix);
    assert_string_equal(prefix, "fc9f412bad024987a7cc04537e42a7da__lock__");
}

static void test_no_rules_for_an_unknown_dialect(void **state)
{
    (void)state;
    assert_null(docent_dialect_lock((docent_dialect)7));
    assert_null(docent_dialect_read_lock((docent_dialect)7));
    assert_null(docent_dialect_write_lock((docent_dialect)7));
}

static void test_names_are_read_to_their_last_character(void **state)
{
    static const struct {
        const char *name;
        enum dialect_name curator, kazoo;
    } cases[] = {
        { "_c_fc9f412b-ad02-4987-a7cc-04537e42a7da-lock-0000000000", DIALECT_CONTENDER, DIALECT_FOREIGN },
        { "lock-0000000001", DIALECT_CONTENDER, DIALECT_FOREIGN },
        { "lock-000000001", DIALECT_FOREIGN, DIALECT_FOREIGN },
        { "lock-00000000011", DIALECT_FOREIGN, DIALECT_FOREIGN },
        { "lock-000000000a", DIALECT_FOREIGN, DIALECT_FOREIGN },
        { "lock--2147483648", DIALECT_EXHAUSTED, DIALECT_FOREIGN },
        { "lock-lock-0000000001", DIALECT_CONTENDER, DIALECT_FOREIGN },
        { "lock-0000000001lock-", DIALECT_FOREIGN, DIALECT_FOREIGN },
        { "x__lock__0000000001", DIALECT_FOREIGN, DIALECT_CONTENDER },
        { "__lock__0000000001", DIALECT_FOREIGN, DIALECT_CONTENDER },
        { "__lock__-2147483648", DIALECT_FOREIGN, DIALECT_EXHAUSTED },
        { "x__rlock__0000000001", DIALECT_FOREIGN, DIALECT_FOREIGN },
        { "_c_fc9f412b-ad02-4987-a7cc-04537e42a7da-__READ__0000000003", DIALECT_FOREIGN, DIALECT_FOREIGN },
        { "0000000001", DIALECT_FOREIGN, DIALECT_FOREIGN },
        { "lock-", DIALECT_FOREIGN, DIALECT_FOREIGN },
        { "lock", DIALECT_FOREIGN, DIALECT_FOREIGN },
        { "", DIALECT_FOREIGN, DIALECT_FOREIGN },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(docent_dialect_read(curator(), cases[i].name), cases[i].curator);
        assert_int_equal(docent_dialect_read(kazoo(), cases[i].name), cases[i].kazoo);
    }
}

static const char *const mixed[] = {
    "_c_ffffffff-0000-4000-8000-000000000000-lock-0000000002",
    "_c_00000000-0000-4000-8000-000000000000-lock-0000000010",
    "lock-0000000001",
    "fb1106024fe844b29b2d259d715beac5__lock__0000000000",
};

static void test_curator_orders_a_mixed_listing_by_number_and_foreign_names_last(void **state)
{
    (void)state;
    assert_int_equal(docent_dialect_rank(curator(), mixed, 4, mixed[2]).index, 0);
    assert_ptr_equal(docent_dialect_rank(curator(), mixed, 4, mixed[0]).ahead, mixed[2]);
    assert_ptr_equal(docent_dialect_rank(curator(), mixed, 4, mixed[1]).ahead, mixed[0]);
    assert_ptr_equal(docent_dialect_rank(curator(), mixed, 4, mixed[3]).ahead, mixed[1]);
}

static void test_kazoo_sees_only_its_own_in_a_mixed_listing(void **state)
{
    (void)state;
    struct rank rank = docent_dialect_rank(kazoo(), mixed, 4, mixed[3]);
    assert_true(rank.present && rank.index == 0 && rank.ahead == NULL);
}

static void test_a_listing_with_foreign_names_is_not_plain(void **state)
{
    (void)state;
    assert_false(docent_dialect_rank(curator(), mixed, 4, mixed[0]).plain);
    assert_true(docent_dialect_rank(curator(), mixed, 3, mixed[0]).plain);
    assert_false(docent_dialect_rank(kazoo(), mixed, 4, mixed[3]).plain);
}

static void test_foreign_names_that_sort_before_digits_block_curator_clients(void **state)
{
    static const char *const names[] = { "lock-0000000000", "!x" };
    (void)state;
    assert_ptr_equal(docent_dialect_rank(curator(), names, 2, names[0]).ahead, names[1]);
}

static void test_equal_numbers_stand_as_listed_and_are_not_plain(void **state)
{
    static const char *const names[] = { "a-lock-0000000004", "b-lock-0000000004" };
    (void)state;
    struct rank first = docent_dialect_rank(curator(), names, 2, names[0]);
    struct rank second = docent_dialect_rank(curator(), names, 2, names[1]);
    assert_true(first.ahead == NULL && !first.plain);
    assert_true(second.ahead == names[0] && !second.plain);
}

static void test_a_name_that_is_not_listed_is_not_present(void **state)
{
    (void)state;
    assert_false(docent_dialect_rank(curator(), mixed, 4, "lock-0000000009").present);
    assert_false(docent_dialect_rank(curator(), NULL, 0, "lock-0000000009").present);
}

/* ---- ZooKeeper's own recipes, and the tolerant order. ---- */

static const struct dialect *zookeeper(void)
{
    return docent_dialect_lock(DOCENT_DIALECT_ZOOKEEPER);
}

static const struct dialect *tolerant(void)
{
    return docent_dialect_tolerant_lock(DOCENT_DIALECT_CURATOR);
}

static const char *const of_all[] = { "_c_ffffffff-0000-4000-8000-000000000000-lock-0000000002",
                                     "_c_00000000-0000-4000-8000-000000000000-lock-0000000010", "lock-0000000001",
                                     "fb1106024fe844b29b2d259d715beac5__lock__0000000000", "x-0100000000000001-0000000004" };

static void test_zookeepers_prefix_has_sixteen_digits(void **state)
{
    char prefix[DIALECT_PREFIX_SIZE];
    (void)state;
    docent_dialect_prefix(zookeeper(), uuid, prefix);
    assert_string_equal(prefix, "x-fc9f412bad02a7da-");
}

static void test_zookeepers_order_is_of_what_follows_the_last_dash(void **state)
{
    static const char *const foreign[] = { "b-!", "x-0100000000000001-0000000004", "a-z", "nodash" };
    (void)state;
    struct rank rank = docent_dialect_rank(zookeeper(), of_all, 5, of_all[4]);
    assert_ptr_equal(rank.ahead, of_all[0]);
    assert_int_equal(rank.index, 2); /* Not kazoo's, which has no dash. */
    assert_false(rank.plain);
    rank = docent_dialect_rank(zookeeper(), foreign, 4, foreign[1]);
    assert_ptr_equal(rank.ahead, foreign[0]);
    assert_int_equal(rank.index, 1);
}

static void test_zookeepers_own_queue_is_plain(void **state)
{
    static const char *const own[] = { "x-0100000000000001-0000000004", "x-fc9f412bad02a7da-0000000005" };
    (void)state;
    struct rank rank = docent_dialect_rank(zookeeper(), own, 2, own[1]);
    assert_ptr_equal(rank.ahead, own[0]);
    assert_true(rank.plain);
}

static void test_a_negative_number_behind_a_dash_is_known(void **state)
{
    (void)state;
    assert_int_equal(docent_dialect_read(zookeeper(), "x-fc9f412bad02a7da--2147483648"), DIALECT_EXHAUSTED);
    assert_int_equal(docent_dialect_read(zookeeper(), "x-fc9f412bad02a7da-2147483647"), DIALECT_CONTENDER);
    assert_int_equal(docent_dialect_read(zookeeper(), "x-fc9f412bad02a7da-214748364"), DIALECT_FOREIGN);
    assert_int_equal(docent_dialect_read(tolerant(), "lock--2147483648"), DIALECT_EXHAUSTED);
}

static void test_the_tolerant_order_is_of_the_last_ten_digits_of_all(void **state)
{
    static const char *const names[] = { "lock-0000000003", "hand-made", "a__lock__0000000001", "x-1-0000000002", "000000000" };
    char prefix[DIALECT_PREFIX_SIZE];
    (void)state;
    struct rank rank = docent_dialect_rank(tolerant(), names, 5, names[0]);
    assert_ptr_equal(rank.ahead, names[3]);
    assert_int_equal(rank.index, 2);
    assert_false(rank.plain); /* Anybody may put a name of any number there. */
    docent_dialect_prefix(tolerant(), uuid, prefix);
    assert_string_equal(prefix, "_c_fc9f412b-ad02-4987-a7cc-04537e42a7da-lock-");
}

/* ---- Readers and writers. ---- */

static const struct dialect *reader(docent_dialect dialect)
{
    return docent_dialect_read_lock(dialect);
}

static const struct dialect *writer(docent_dialect dialect)
{
    return docent_dialect_write_lock(dialect);
}

static void test_names_of_readers_and_writers(void **state)
{
    char prefix[DIALECT_PREFIX_SIZE];
    (void)state;
    docent_dialect_prefix(reader(DOCENT_DIALECT_CURATOR), uuid, prefix);
    assert_string_equal(prefix, "_c_fc9f412b-ad02-4987-a7cc-04537e42a7da-__READ__");
    docent_dialect_prefix(writer(DOCENT_DIALECT_CURATOR), uuid, prefix);
    assert_string_equal(prefix, "_c_fc9f412b-ad02-4987-a7cc-04537e42a7da-__WRIT__");
    docent_dialect_prefix(reader(DOCENT_DIALECT_KAZOO), uuid, prefix);
    assert_string_equal(prefix, "fc9f412bad024987a7cc04537e42a7da__rlock__");
    docent_dialect_prefix(writer(DOCENT_DIALECT_KAZOO), uuid, prefix);
    assert_string_equal(prefix, "fc9f412bad024987a7cc04537e42a7da__lock__");
}

static const char *const shared[] = { "_c_U4-__READ__0000000006", "_c_U3-__READ__0000000005", "_c_U2-__WRIT__0000000004",
                                      "_c_U1-__READ__0000000003" };

static void test_readers_wait_for_the_writer_ahead_and_writers_for_all(void **state)
{
    (void)state;
    assert_null(docent_dialect_rank(reader(DOCENT_DIALECT_CURATOR), shared, 4, shared[3]).ahead);
    assert_ptr_equal(docent_dialect_rank(writer(DOCENT_DIALECT_CURATOR), shared, 4, shared[2]).ahead, shared[3]);
    assert_ptr_equal(docent_dialect_rank(reader(DOCENT_DIALECT_CURATOR), shared, 4, shared[1]).ahead, shared[2]);
    assert_ptr_equal(docent_dialect_rank(reader(DOCENT_DIALECT_CURATOR), shared, 4, shared[0]).ahead, shared[2]);
}

static void test_of_two_writers_curators_reader_waits_for_the_first_and_kazoos_for_the_last(void **state)
{
    static const char *const curators[] = { "a-__WRIT__0000000001", "b-__WRIT__0000000002", "c-__READ__0000000003" };
    static const char *const kazoos[] = { "a__lock__0000000001", "b__lock__0000000002", "c__rlock__0000000003" };
    (void)state;
    assert_ptr_equal(docent_dialect_rank(reader(DOCENT_DIALECT_CURATOR), curators, 3, curators[2]).ahead, curators[0]);
    assert_ptr_equal(docent_dialect_rank(reader(DOCENT_DIALECT_KAZOO), kazoos, 3, kazoos[2]).ahead, kazoos[1]);
}

/* F-63 */
static void test_nobody_waits_for_who_comes_later(void **state)
{
    static const char *const curators[] = { "a-__READ__0000000001", "b-__WRIT__0000000002" };
    static const char *const kazoos[] = { "a__rlock__0000000001", "b__lock__0000000002" };
    (void)state;
    assert_null(docent_dialect_rank(reader(DOCENT_DIALECT_CURATOR), curators, 2, curators[0]).ahead);
    assert_null(docent_dialect_rank(reader(DOCENT_DIALECT_KAZOO), kazoos, 2, kazoos[0]).ahead);
    assert_ptr_equal(docent_dialect_rank(writer(DOCENT_DIALECT_KAZOO), kazoos, 2, kazoos[1]).ahead, kazoos[0]);
}

static void test_a_name_with_the_writers_base_anywhere_is_a_writers_to_curator(void **state)
{
    static const char *const names[] = { "x__WRIT__!", "__WRIT__y__READ__0000000001", "__READ__0000000002" };
    (void)state;
    struct rank rank = docent_dialect_rank(reader(DOCENT_DIALECT_CURATOR), names, 3, names[2]);
    assert_ptr_equal(rank.ahead, names[0]); /* By its key, "!". */
    assert_int_equal(rank.index, 2);
    assert_false(rank.plain);
}

/* The writer ahead may leave a reader in its place, unseen: its deletion does not make the next writer first. To readers that is all one. */
static void test_the_next_writer_is_not_sure_of_a_writers_place(void **state)
{
    static const char *const names[] = { "a-__WRIT__0000000001", "b-__WRIT__0000000002" };
    static const char *const behind[] = { "a-__READ__0000000001", "b-__WRIT__0000000002" };
    static const char *const reads[] = { "a-__WRIT__0000000001", "b-__READ__0000000002" };
    (void)state;
    assert_false(docent_dialect_rank(writer(DOCENT_DIALECT_CURATOR), names, 2, names[1]).plain);
    assert_true(docent_dialect_rank(writer(DOCENT_DIALECT_CURATOR), behind, 2, behind[1]).plain);
    assert_true(docent_dialect_rank(reader(DOCENT_DIALECT_CURATOR), reads, 2, reads[1]).plain);
}

static void test_whoever_comes_behind_a_downgraded_reader_waits_for_it(void **state)
{
    static const char *const both[] = { "_c_U4-__READ__0000000004", "_c_U2-__WRIT__0000000004", "_c_U5-__WRIT__0000000005" };
    (void)state;
    assert_ptr_equal(docent_dialect_rank(writer(DOCENT_DIALECT_CURATOR), both, 3, both[2]).ahead, both[1]);
    static const char *const one[] = { "_c_U4-__READ__0000000004", "_c_U5-__WRIT__0000000005" };
    assert_ptr_equal(docent_dialect_rank(writer(DOCENT_DIALECT_CURATOR), one, 2, one[1]).ahead, one[0]);
}

/* ---- The model: the rule with sorting, not with one pass. ---- */

struct row {
    const char *name, *key;
    size_t at;
};

static const char *model_key(docent_dialect dialect, const char *name)
{
    const char *base = dialect == DOCENT_DIALECT_CURATOR ? "lock-" : "__lock__";
    const char *key = NULL;

    for (const char *at = strstr(name, base); at != NULL; at = strstr(at + 1, base)) {
        key = at + strlen(base);
    }
    if (dialect == DOCENT_DIALECT_CURATOR) return key == NULL ? name : key;
    if (key == NULL) return NULL;
    const char *digits = key + (*key == '-');
    return strlen(digits) == 10 && strspn(digits, "0123456789") == 10 ? key : NULL;
}

static int model_before(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    int order = strcmp(a->key, b->key);

    if (order != 0) return order;
    return a->at < b->at ? -1 : a->at > b->at;
}

static uint64_t seed_now = 20261121;

static uint32_t draw(uint32_t below)
{
    seed_now = seed_now * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed_now >> 33) % below;
}

/* Names out of pieces that matter, so that near misses are common. */
static char *draw_name(void)
{
    static const char *const pieces[] = { "lock-", "__lock__", "_c_", "-", "lock", "0000000001", "0000000002", "-2147483648",
                                          "!",     "\xff\xfe", "a",   "9", "__READ__", "__WRIT__", "__rlock__" };
    char text[160] = "";
    uint32_t count = 1 + draw(5);

    for (uint32_t i = 0; i < count; i++) {
        if (draw(3) == 0) {
            char number[16];
            (void)snprintf(number, sizeof number, "%010u", draw(20));
            strcat(text, number);
        } else {
            strcat(text, pieces[draw((uint32_t)(sizeof pieces / sizeof pieces[0]))]);
        }
    }
    return strdup(text);
}

static void check_against_model(docent_dialect dialect, const char *const *names, size_t count, size_t own)
{
    struct row rows[24];
    size_t row_count = 0;
    struct rank rank = docent_dialect_rank(docent_dialect_lock(dialect), names, count, names[own]);

    for (size_t i = 0; i < count; i++) {
        const char *key = model_key(dialect, names[i]);
        if (key != NULL) rows[row_count++] = (struct row){ names[i], key, i };
    }
    qsort(rows, row_count, sizeof rows[0], model_before);
    size_t at = 0;
    while (at < row_count && rows[at].at != own) {
        at++;
    }
    assert_int_equal(rank.present, at < row_count);
    if (!rank.present) return;
    assert_int_equal(rank.index, at);
    assert_ptr_equal(rank.ahead, at == 0 ? NULL : rows[at - 1].name);
}

/* Curator: the rule for the readers' base, and again for the writers' on what that leaves. Kazoo: what ends directly before the digits. */
static const char *model_pair_key(docent_dialect dialect, const char *name)
{
    if (dialect == DOCENT_DIALECT_CURATOR) {
        static const char *const bases[] = { "__READ__", "__WRIT__" };
        for (int i = 0; i < 2; i++) {
            for (const char *at = strstr(name, bases[i]); at != NULL; at = strstr(at, bases[i])) {
                at += 1;
                name = at + 7;
            }
        }
        return name;
    }
    size_t size = strlen(name);
    const char *key = size < 10 ? NULL : name + size - 10;
    if (key == NULL || strspn(key, "0123456789") != 10) return NULL;
    if (key > name && key[-1] == '-') key--;
    size_t before = (size_t)(key - name);
    if (before >= 8 && memcmp(key - 8, "__lock__", 8) == 0) return key;
    return before >= 9 && memcmp(key - 9, "__rlock__", 9) == 0 ? key : NULL;
}

static bool model_is_writer(docent_dialect dialect, const struct row *row)
{
    if (dialect == DOCENT_DIALECT_CURATOR) return strstr(row->name, "__WRIT__") != NULL;
    return row->key - row->name >= 8 && memcmp(row->key - 8, "__lock__", 8) == 0;
}

static const char *model_awaited(docent_dialect dialect, bool writes, const struct row *rows, size_t at)
{
    if (writes) return at == 0 ? NULL : rows[at - 1].name;
    const char *awaited = NULL;
    for (size_t i = 0; i < at; i++) {
        if (!model_is_writer(dialect, &rows[i])) continue;
        awaited = rows[i].name;
        if (dialect == DOCENT_DIALECT_CURATOR) break;
    }
    return awaited;
}

static void check_pair_against_model(docent_dialect dialect, bool writes, const char *const *names, size_t count, size_t own)
{
    struct row rows[24];
    size_t row_count = 0;
    struct rank rank = docent_dialect_rank(writes ? writer(dialect) : reader(dialect), names, count, names[own]);

    for (size_t i = 0; i < count; i++) {
        const char *key = model_pair_key(dialect, names[i]);
        if (key != NULL) rows[row_count++] = (struct row){ names[i], key, i };
    }
    qsort(rows, row_count, sizeof rows[0], model_before);
    size_t at = 0;
    while (at < row_count && rows[at].at != own) {
        at++;
    }
    assert_int_equal(rank.present, at < row_count);
    if (rank.present) assert_ptr_equal(rank.ahead, model_awaited(dialect, writes, rows, at));
}

/* What NEXT relies on, for both kinds: exactly one in our way in a plain listing, and it goes. Meanwhile others come, and holders leave readers
 * in their place; still nobody is in our way. */
static void test_the_next_of_two_kinds_is_first_when_the_one_ahead_goes(void **state)
{
    size_t proved = 0;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[12][32];
        const char *names[12];
        uint32_t number = 0;
        size_t count = 2 + draw(4);
        for (size_t i = 0; i < count; i++) {
            number += 1 + draw(3);
            (void)snprintf(text[i], sizeof text[i], "%c-__%s__%010u", (char)('a' + draw(26)), draw(2) == 0 ? "READ" : "WRIT", number);
            names[i] = text[i];
        }
        size_t own = count - 1;
        bool writes = strstr(names[own], "WRIT") != NULL;
        const struct dialect *kind = writes ? writer(DOCENT_DIALECT_CURATOR) : reader(DOCENT_DIALECT_CURATOR);
        struct rank before = docent_dialect_rank(kind, names, count, names[own]);
        if (!before.plain || before.index != 1) continue;
        size_t later = count;
        for (size_t i = 0; i < count; i++) { /* Of writers ahead, the first may hold. */
            if (i == own || strstr(names[i], "WRIT") == NULL || draw(2) == 0) continue;
            (void)snprintf(text[later], sizeof text[later], "z-__READ__%s", names[i] + strlen(names[i]) - 10);
            names[later] = text[later];
            later++;
            break;
        }
        (void)snprintf(text[later], sizeof text[later], "%c-__%s__%010u", (char)('a' + draw(26)), draw(2) == 0 ? "READ" : "WRIT", number + 1);
        names[later] = text[later];
        later++;
        for (size_t i = 0; i < later; i++) {
            if (names[i] == before.ahead) names[i] = names[--later];
        }
        assert_null(docent_dialect_rank(kind, names, later, text[own]).ahead);
        proved++;
    }
    assert_true(proved > 1000);
}

/* F-52 */
static void test_rank_is_that_of_the_model_for_random_listings(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char *names[24];
        size_t count = 0, wanted = 1 + draw(12);
        while (count < wanted) { /* Siblings have different names. */
            char *name = draw_name();
            bool taken = false;
            for (size_t i = 0; i < count; i++) {
                if (strcmp(names[i], name) == 0) taken = true;
            }
            if (taken) {
                free(name);
                wanted--;
            } else {
                names[count++] = name;
            }
        }
        for (size_t own = 0; own < count; own++) {
            check_against_model(DOCENT_DIALECT_CURATOR, (const char *const *)names, count, own);
            check_against_model(DOCENT_DIALECT_KAZOO, (const char *const *)names, count, own);
            check_pair_against_model(DOCENT_DIALECT_CURATOR, own % 2 == 0, (const char *const *)names, count, own);
            check_pair_against_model(DOCENT_DIALECT_KAZOO, own % 2 == 0, (const char *const *)names, count, own);
        }
        for (size_t i = 0; i < count; i++) {
            free(names[i]);
        }
    }
}

/* What NEXT relies on: in a plain listing, whoever comes later gets in behind us. */
static void test_nobody_gets_in_ahead_of_a_plain_listing(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        char text[10][32];
        const char *names[10];
        uint32_t number = 0;
        for (size_t i = 0; i < 10; i++) {
            number += 1 + draw(5);
            (void)snprintf(text[i], sizeof text[i], "%c-lock-%010u", (char)('a' + draw(26)), number);
            names[i] = text[i];
        }
        size_t own = draw(9);
        struct rank before = docent_dialect_rank(curator(), names, own + 1, names[own]);
        struct rank after = docent_dialect_rank(curator(), names, 10, names[own]);
        assert_true(before.plain);
        assert_int_equal(before.index, after.index);
        assert_ptr_equal(before.ahead, after.ahead);
    }
}

static void test_long_names_are_only_names(void **state)
{
    char *longest = malloc(100001);
    (void)state;
    assert_non_null(longest);
    memset(longest, 'l', 100000);
    longest[100000] = '\0';
    const char *names[] = { longest, "lock-0000000005" };
    struct rank rank = docent_dialect_rank(curator(), names, 2, names[1]);
    assert_true(rank.present && rank.index == 0 && !rank.plain);
    free(longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curator_prefix_is_forty_bytes_and_the_base),
        cmocka_unit_test(test_kazoo_prefix_has_no_dashes),
        cmocka_unit_test(test_no_rules_for_an_unknown_dialect),
        cmocka_unit_test(test_names_are_read_to_their_last_character),
        cmocka_unit_test(test_curator_orders_a_mixed_listing_by_number_and_foreign_names_last),
        cmocka_unit_test(test_kazoo_sees_only_its_own_in_a_mixed_listing),
        cmocka_unit_test(test_a_listing_with_foreign_names_is_not_plain),
        cmocka_unit_test(test_foreign_names_that_sort_before_digits_block_curator_clients),
        cmocka_unit_test(test_equal_numbers_stand_as_listed_and_are_not_plain),
        cmocka_unit_test(test_a_name_that_is_not_listed_is_not_present),
        cmocka_unit_test(test_zookeepers_prefix_has_sixteen_digits),
        cmocka_unit_test(test_zookeepers_order_is_of_what_follows_the_last_dash),
        cmocka_unit_test(test_zookeepers_own_queue_is_plain),
        cmocka_unit_test(test_a_negative_number_behind_a_dash_is_known),
        cmocka_unit_test(test_the_tolerant_order_is_of_the_last_ten_digits_of_all),
        cmocka_unit_test(test_names_of_readers_and_writers),
        cmocka_unit_test(test_readers_wait_for_the_writer_ahead_and_writers_for_all),
        cmocka_unit_test(test_of_two_writers_curators_reader_waits_for_the_first_and_kazoos_for_the_last),
        cmocka_unit_test(test_nobody_waits_for_who_comes_later),
        cmocka_unit_test(test_a_name_with_the_writers_base_anywhere_is_a_writers_to_curator),
        cmocka_unit_test(test_the_next_writer_is_not_sure_of_a_writers_place),
        cmocka_unit_test(test_whoever_comes_behind_a_downgraded_reader_waits_for_it),
        cmocka_unit_test(test_the_next_of_two_kinds_is_first_when_the_one_ahead_goes),
        cmocka_unit_test(test_rank_is_that_of_the_model_for_random_listings),
        cmocka_unit_test(test_nobody_gets_in_ahead_of_a_plain_listing),
        cmocka_unit_test(test_long_names_are_only_names),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
