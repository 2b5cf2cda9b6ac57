/* tests/unit/test_path.c - the rules for paths. What each class of character does was seen at a 3.8.0 server. */
#include "unit.h"

#include "core/client/machine.h"

struct path_case {
    const char *path;
    const char *fault;            /* NULL: good. */
    const char *sequential_fault; /* With a number to follow. */
};

static const struct path_case path_cases[] = {
    { NULL, "is NULL", "is NULL" },
    { "", "is empty", "is empty" },
    { "a", "does not begin with '/'", "does not begin with '/'" },
    { "./a", "does not begin with '/'", "does not begin with '/'" },
    { "/", NULL, NULL },
    { "/a", NULL, NULL },
    { "/a/b c/d", NULL, NULL },
    { "/a/", "ends with '/'", NULL },
    { "//", "contains '//'", "contains '//'" },
    { "//a", "contains '//'", "contains '//'" },
    { "/a//b", "contains '//'", "contains '//'" },
    { "/a//", "contains '//'", "contains '//'" },
    { "/.", "contains '.' as a component", NULL },
    { "/./a", "contains '.' as a component", "contains '.' as a component" },
    { "/a/..", "contains '..' as a component", NULL },
    { "/a/../b", "contains '..' as a component", "contains '..' as a component" },
    { "/...", NULL, NULL },
    { "/.x/x./..x/x..", NULL, NULL },
    { "/a\x01", "contains a control character", "contains a control character" },
    { "/a\tb", "contains a control character", "contains a control character" },
    { "/a\x1f", "contains a control character", "contains a control character" },
    { "/a\x7f", "contains a control character", "contains a control character" },
    { "/~", NULL, NULL },
    { "/\xc2\x80", "contains a control character", "contains a control character" }, /* U+0080 */
    { "/\xc2\x9f", "contains a control character", "contains a control character" }, /* U+009F */
    { "/\xc2\xa0", NULL, NULL },                                                     /* U+00A0 */
    { "/\xed\x9f\xbf", NULL, NULL },                                                 /* U+D7FF */
    { "/\xed\xa0\x80", "is not valid UTF-8", "is not valid UTF-8" },                 /* U+D800 */
    { "/\xed\xbf\xbf", "is not valid UTF-8", "is not valid UTF-8" },                 /* U+DFFF */
    { "/\xee\x80\x80", "contains a private-use character", "contains a private-use character" }, /* U+E000 */
    { "/\xef\xa3\xbf", "contains a private-use character", "contains a private-use character" }, /* U+F8FF */
    { "/\xef\xa4\x80", NULL, NULL },                                                             /* U+F900 */
    { "/\xef\xbf\xaf", NULL, NULL },                                                             /* U+FFEF */
    { "/\xef\xbf\xb0", "contains a special character (U+FFF0 to U+FFFF)",
      "contains a special character (U+FFF0 to U+FFFF)" },
    { "/\xef\xbf\xbf", "contains a special character (U+FFF0 to U+FFFF)",
      "contains a special character (U+FFF0 to U+FFFF)" },
    { "/\xf0\x9f\x98\x80", "contains a character beyond U+FFFF", "contains a character beyond U+FFFF" }, /* U+1F600 */
    { "/\xf4\x90\x80\x80", "contains a character beyond U+FFFF", "contains a character beyond U+FFFF" }, /* U+110000 */
    { "/\x80", "is not valid UTF-8", "is not valid UTF-8" },
    { "/\xc3", "is not valid UTF-8", "is not valid UTF-8" },
    { "/\xc3/", "is not valid UTF-8", "is not valid UTF-8" },
    { "/\xe2\x82", "is not valid UTF-8", "is not valid UTF-8" },
    { "/\xf0\x9f\x98", "is not valid UTF-8", "is not valid UTF-8" },
    { "/\xc0\xaf", "is not valid UTF-8", "is not valid UTF-8" },     /* An overlong '/'. */
    { "/\xe0\x80\xaf", "is not valid UTF-8", "is not valid UTF-8" }, /* Another. */
    { "/\xf0\x80\x80\xaf", "is not valid UTF-8", "is not valid UTF-8" },
    { "/\xf8\x88\x80\x80\x80", "is not valid UTF-8", "is not valid UTF-8" },
    { "/\xff", "is not valid UTF-8", "is not valid UTF-8" },
};

static void assert_fault(const char *path, const char *fault, const char *expected)
{
    if (expected == NULL ? fault == NULL : fault != NULL && strcmp(fault, expected) == 0) return;
    fail_msg("%s: \"%s\", not \"%s\"", path != NULL ? path : "NULL", fault != NULL ? fault : "good",
             expected != NULL ? expected : "good");
}

static void test_a_path_is_judged_as_servers_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(path_cases) / sizeof(path_cases[0]); i++) {
        assert_fault(path_cases[i].path, docent_path_fault(path_cases[i].path, false), path_cases[i].fault);
    }
}

static void test_a_path_that_gets_a_number_may_end_anyhow(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(path_cases) / sizeof(path_cases[0]); i++) {
        assert_fault(path_cases[i].path, docent_path_fault(path_cases[i].path, true), path_cases[i].sequential_fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_is_judged_as_servers_do),
        cmocka_unit_test(test_a_path_that_gets_a_number_may_end_anyhow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
