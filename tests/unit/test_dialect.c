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
                                          "!",     "\xff\xfe", "a",   "9", "__READ__" };
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
        cmocka_unit_test(test_rank_is_that_of_the_model_for_random_listings),
        cmocka_unit_test(test_nobody_gets_in_ahead_of_a_plain_listing),
        cmocka_unit_test(test_long_names_are_only_names),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
