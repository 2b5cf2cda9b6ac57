/* tests/unit/test_glob.c - patterns of paths: what matches, what may have a match below it, and what never has. */
#include "tests/unit/unit.h"

#include "recipes/glob.h"

static void test_patterns_match_by_components(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        enum glob_match match;
    } rows[] = {
        { "a", "a", GLOB_YES }, { "a", "b", GLOB_NEVER }, { "a", "", GLOB_BELOW }, { "a", "a/b", GLOB_NEVER }, { "a", "ab", GLOB_NEVER },
        { "ab", "a", GLOB_NEVER }, { "a/b", "a", GLOB_BELOW }, { "a/b", "a/b", GLOB_YES }, { "a/b", "a/c", GLOB_NEVER },
        { "*", "a", GLOB_YES }, { "*", "", GLOB_BELOW }, { "*", "a/b", GLOB_NEVER }, { "*/b", "x", GLOB_BELOW }, { "*/b", "x/b", GLOB_YES },
        { "a*c", "abbc", GLOB_YES }, { "a*c", "ac", GLOB_YES }, { "a*c", "acb", GLOB_NEVER }, { "*a*b*", "xaxbx", GLOB_YES },
        { "*aab", "aaaab", GLOB_YES }, { "a*", "a/b", GLOB_NEVER }, { "?", "a", GLOB_YES }, { "?", "ab", GLOB_NEVER }, { "a?c", "a/c", GLOB_NEVER },
        { "**", "", GLOB_YES }, { "**", "a", GLOB_YES }, { "**", "a/b/c", GLOB_YES }, { "a/**", "a", GLOB_YES }, { "a/**", "a/b/c", GLOB_YES },
        { "a/**", "b", GLOB_NEVER }, { "a/**", "", GLOB_BELOW }, { "**/b", "b", GLOB_YES }, { "**/b", "a/b", GLOB_YES },
        { "**/b", "b/a", GLOB_BELOW }, { "**/b", "b/a/b", GLOB_YES }, { "a/**/b", "a/b", GLOB_YES }, { "a/**/b", "a/x/y/b", GLOB_YES },
        { "a/**/b", "a/x", GLOB_BELOW }, { "**/a/b", "a/a/b", GLOB_YES }, { "**/a/**/b", "x/a/y/b", GLOB_YES }, { "**/a/**/b", "x/y/b", GLOB_BELOW },
        { "**/**", "a", GLOB_YES }, { "***", "a", GLOB_YES }, { "***", "a/b", GLOB_NEVER }, { "**a", "ba", GLOB_YES }, { "[a]", "a", GLOB_NEVER },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum glob_match match = docent_glob_match(rows[i].pattern, rows[i].path);
        if (match != rows[i].match) print_message("# %s, %s\n", rows[i].pattern, rows[i].path);
        assert_int_equal(match, rows[i].match);
    }
}

static void test_patterns_have_no_empty_components(void **state)
{
    (void)state;
    static const char *const good[] = { "a", "a/b", "**", "*/?" }, *const bad[] = { "", "/", "/a", "a/", "a//b" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(docent_glob_is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(docent_glob_is_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns_match_by_components),
        cmocka_unit_test(test_patterns_have_no_empty_components),
    };
    return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}
