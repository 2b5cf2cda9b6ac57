/* tests/unit/test_acl.c - access control lists: made, checked, compared, read and written. */
#include "unit.h"

#include <arpa/inet.h>

#include <docent/acl.h>
#include <docent/client.h>

#include "core/session/servers.h"

#define HASH "smGaoVKd/cQkjm7b88GyorAUz20=" /* As of "ann:secret". */

static docent_status check(docent_acl entry, char *text, size_t size)
{
    return docent_acl_check((docent_acl_list){ &entry, 1 }, text, size);
}

static void test_what_the_makers_make_is_good(void **state)
{
    (void)state;
    char id[64];
    assert_int_equal(docent_digest_id("ann:secret", id, sizeof id), DOCENT_OK);
    docent_acl entries[] = { docent_acl_world(DOCENT_PERM_READ), docent_acl_auth(DOCENT_PERM_ALL), docent_acl_digest(DOCENT_PERM_ALL, id),
                             docent_acl_ip(DOCENT_PERM_WRITE, "10.0.0.0/8"), docent_acl_x509(0, "CN=client,O=acme") };
    char text[256] = "untouched";
    assert_int_equal(docent_acl_check((docent_acl_list){ entries, 5 }, text, sizeof text), DOCENT_OK);
    assert_string_equal(text, "untouched");
    assert_int_equal(docent_acl_text((docent_acl_list){ entries, 5 }, text, sizeof text), DOCENT_OK);
    char wanted[256];
    snprintf(wanted, sizeof wanted, "world:anyone:r,auth::cdrwa,digest:%s:cdrwa,ip:10.0.0.0/8:w,x509:CN=client,O=acme:", id);
    assert_string_equal(text, wanted);
    docent_acl_list ready[] = { docent_acl_open(), docent_acl_read_only(), docent_acl_creator_all() };
    for (size_t i = 0; i < 3; i++) assert_int_equal(docent_acl_check(ready[i], NULL, 0), DOCENT_OK);
}

struct judged {
    docent_acl entry;
    const char *fault; /* A part of what is said; NULL: it is good. */
};
static const struct judged judged[] = {
    { { 31, "world", "anyone" }, NULL },
    { { 31, "world", "Anyone" }, "only id is \"anyone\"" },
    { { 31, "world", "" }, "only id is \"anyone\"" },
    { { 0, "world", "anyone" }, NULL },
    { { 32, "world", "anyone" }, "permissions that do not exist" },
    { { -1, "world", "anyone" }, "permissions that do not exist" },
    { { 31, NULL, "anyone" }, "no scheme" },
    { { 31, "", "anyone" }, "no scheme" },
    { { 31, "world", NULL }, "no id" },
    { { 31, "wor:ld", "anyone" }, "a colon or a comma in the scheme" },
    { { 31, "wor,ld", "anyone" }, "a colon or a comma in the scheme" },
    { { 31, "auth", "" }, NULL },
    { { 31, "auth", "whatever" }, NULL },
    { { 31, "digest", "ann:" HASH }, NULL },
    { { 31, "digest", ":" HASH }, NULL },
    { { 31, "digest", "ann:secret" }, "the hash made by docent_digest_id()" },
    { { 31, "digest", "ann:averylongpasswordindeed" }, "the hash" },
    { { 31, "digest", "ann:x" }, "the hash" }, /* What a server shows to those who may not see it. */
    { { 31, "digest", "ann:" }, "the hash" },
    { { 31, "digest", "ann" }, "the hash" },
    { { 31, "digest", "ann:b:" HASH }, "the hash" },
    { { 31, "digest", "ann:smGaoVKd/cQkjm7b88GyorAUz20" }, "the hash" },
    { { 31, "digest", "ann:smGaoVKd/cQkjm7b88GyorAUz2=0" }, "the hash" },
    { { 31, "digest", "ann:smGaoVKd/cQkjm7b88GyorAUz===" }, "the hash" },
    { { 31, "sasl", "ann@EXAMPLE.ORG" }, NULL },
    { { 31, "sasl", "" }, "no id" },
    { { 31, "super", "" }, "super users pass every check" },
    { { 31, "of-their-own", "any: thing, at all" }, NULL },
    { { 31, "x509", "CN=client1,O=acme" }, NULL },
    { { 31, "x509", "CN=Smith\\, Ann, OU=\"a, b\"+L=x, 2.5.4.5=#0401" }, NULL },
    { { 31, "x509", "CN=" }, NULL },
    { { 31, "x509", "" }, "distinguished name" },
    { { 31, "x509", "client1" }, "distinguished name" },
    { { 31, "x509", "CN=client1,acme" }, "distinguished name" },
    { { 31, "x509", "CN=client1," }, "distinguished name" },
    { { 31, "x509", "=client1" }, "distinguished name" },
    { { 31, "x509", "CN=\"client1" }, "distinguished name" },
    { { 31, "x509", "CN=client1\\" }, "distinguished name" },
    { { 31, "ip", "10.1.2.3" }, NULL },
    { { 31, "ip", "10.1.2.3/0" }, NULL },
    { { 31, "ip", "10.1.2.3/32" }, NULL },
    { { 31, "ip", "10.1.2.3/33" }, "IP address" },
    { { 31, "ip", "10.1.2.3/" }, "IP address" },
    { { 31, "ip", "10.1.2.3/08" }, "IP address" },
    { { 31, "ip", "10.1.2.3/+8" }, "IP address" },
    { { 31, "ip", "10.1.2.3/8/8" }, "IP address" },
    { { 31, "ip", "10.1.2.3 " }, "IP address" },
    { { 31, "ip", "::/0" }, NULL },
    { { 31, "ip", "2001:db8::/128" }, NULL },
    { { 31, "ip", "2001:db8::/129" }, "IP address" },
    { { 31, "ip", "fe80::1%eth0" }, "IP address" },
    { { 31, "ip", "localhost" }, "IP address" },
    { { 31, "ip", "" }, "IP address" },
};

static void test_entries_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
        const struct judged *row = &judged[i];
        char text[300] = "";
        docent_status status = check(row->entry, text, sizeof text);
        if ((status == DOCENT_OK) != (row->fault == NULL) || strstr(text, row->fault == NULL ? "" : row->fault) == NULL) {
            fail_msg("%s:%s: %s, \"%s\"", row->entry.scheme, row->entry.id, docent_status_text(status), text);
        }
        assert_int_equal(check(row->entry, NULL, 0), status);
    }
}

static void test_the_fault_names_the_entry_but_no_secret(void **state)
{
    (void)state;
    docent_acl entries[] = { docent_acl_world(1), docent_acl_ip(1, "10.1.2") };
    docent_acl_list list = { entries, 2 };
    char text[300];
    assert_int_equal(docent_acl_check(list, text, sizeof text), DOCENT_ERR_INVALID_ARGUMENT);
    assert_string_equal(text, "entry 2, ip:10.1.2: not an IP address, nor one with a number of bits");
    entries[1] = docent_acl_digest(31, "ann:secret");
    assert_int_equal(docent_acl_check(list, text, sizeof text), DOCENT_ERR_INVALID_ARGUMENT);
    assert_string_equal(text, "entry 2, digest: not a user and the hash made by docent_digest_id()");
    assert_int_equal(docent_acl_parse("world:anyone:r,digest:ann:secret", &list, text, sizeof text), DOCENT_ERR_INVALID_ARGUMENT);
    assert_null(strstr(text, "secret"));
    char small[8] = "1234567";
    assert_int_equal(docent_acl_check(list, small, 5), DOCENT_ERR_INVALID_ARGUMENT);
    assert_string_equal(small, "entr");
    assert_memory_equal(small + 5, "67", 3);
    assert_int_equal(docent_acl_check((docent_acl_list){ NULL, 0 }, text, sizeof text), DOCENT_ERR_INVALID_ARGUMENT);
    assert_string_equal(text, "no entries");
    assert_int_equal(docent_acl_check((docent_acl_list){ NULL, 3 }, NULL, 0), DOCENT_ERR_INVALID_ARGUMENT);
}

/* Texts that are nearly addresses, made from what addresses are made of: the same verdict as the system's. */
static void test_addresses_are_judged_as_the_system_does(void **state)
{
    (void)state;
    static const char *const parts[] = { ":", ":", "::", ".", "0", "1", "25", "255", "256", "ffff", "a", "F", "12345", "g", "1.2.3.4" };
    uint64_t seed = 5;
    int good[2] = { 0, 0 };
    for (int i = 0; i < 300000; i++) {
        char text[64] = "";
        unsigned count = 1 + (unsigned)(docent_random_next(&seed) % 15);
        bool regular = docent_random_next(&seed) % 2 == 0; /* A group and a colon by turns, so that long ones come up. */
        for (unsigned k = 0; k < count && strlen(text) < 50; k++) {
            const char *part = parts[docent_random_next(&seed) % (sizeof parts / sizeof parts[0])];
            strcat(text, regular && k % 2 == 1 ? ":" : part);
        }
        uint8_t bytes[16];
        bool four = inet_pton(AF_INET, text, bytes) == 1, six = inet_pton(AF_INET6, text, bytes) == 1;
        bool ours = check(docent_acl_ip(1, text), NULL, 0) == DOCENT_OK;
        if (ours != (four || six)) fail_msg("%s: %s", text, ours ? "good" : "bad");
        good[0] += four;
        good[1] += six;
    }
    assert_true(good[0] > 100 && good[1] > 100);
}

static void test_lists_are_equal_in_any_order(void **state)
{
    (void)state;
    docent_acl one[] = { { 1, "world", "anyone" }, { 31, "auth", "" }, { 1, "world", "anyone" } };
    docent_acl two[] = { { 31, "auth", "" }, { 1, "world", "anyone" } };
    docent_acl_list a = { one, 3 }, b = { two, 2 };
    assert_true(docent_acl_equal(a, b) && docent_acl_equal(b, a));
    assert_true(docent_acl_equal((docent_acl_list){ NULL, 0 }, (docent_acl_list){ one, 0 }));
    assert_false(docent_acl_equal(a, (docent_acl_list){ NULL, 0 }));
    assert_false(docent_acl_equal(b, (docent_acl_list){ two, 1 }) || docent_acl_equal((docent_acl_list){ two, 1 }, b));
    two[1].perms = 3;
    assert_false(docent_acl_equal(a, b) || docent_acl_equal(b, a));
    two[1] = (docent_acl){ 1, "world", "everyone" };
    assert_false(docent_acl_equal(a, b));
    two[1] = (docent_acl){ 1, "World", "anyone" };
    assert_false(docent_acl_equal(a, b));
    two[1] = (docent_acl){ 1, "world", NULL };
    assert_false(docent_acl_equal(a, b));
}

static void test_a_copy_stands_on_its_own(void **state)
{
    (void)state;
    char scheme[] = "ip", id[] = "10.1.2.3";
    docent_acl entries[] = { { 7, scheme, id }, { 31, "world", "anyone" }, { 1, NULL, NULL } };
    docent_acl_list copy = { NULL, 99 };
    assert_int_equal(docent_acl_copy((docent_acl_list){ entries, 3 }, &copy), DOCENT_OK);
    assert_true(docent_acl_equal(copy, (docent_acl_list){ entries, 3 }));
    scheme[0] = id[0] = 'X';
    assert_string_equal(copy.entries[0].scheme, "ip");
    assert_string_equal(copy.entries[0].id, "10.1.2.3");
    docent_acl_free(copy);
    assert_int_equal(docent_acl_copy((docent_acl_list){ NULL, 0 }, &copy), DOCENT_OK);
    assert_int_equal(copy.count, 0);
    docent_acl_free(copy);
    copy.count = 99;
    assert_int_equal(docent_acl_copy((docent_acl_list){ NULL, 1 }, &copy), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_acl_copy((docent_acl_list){ entries, SIZE_MAX / 8 }, &copy), DOCENT_ERR_NO_MEMORY);
    assert_int_equal(copy.count, 99);
}

static void test_text_goes_there_and_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "world:anyone:cdrwa", "world:anyone:r,auth::cdrwa", "ip:::1/128:ra,ip:10.0.0.0/8:c", "x509:CN=client,O=acme:cdrwa,world:anyone:r",
        "digest:ann:" HASH ":da", "world:anyone:", "x509:CN=a,O=b:r,x509:CN=c,O=d:",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        docent_acl_list list;
        char text[200] = "", fault[200] = "";
        docent_status status = docent_acl_parse(texts[i], &list, fault, sizeof fault);
        if (status != DOCENT_OK) fail_msg("%s: %s", texts[i], fault);
        assert_int_equal(docent_acl_text(list, text, sizeof text), DOCENT_OK);
        assert_string_equal(text, texts[i]);
        docent_acl_free(list);
    }
    docent_acl_list list;
    assert_int_equal(docent_acl_parse("x509:CN=a,O=b:awdrc,auth:me:w", &list, NULL, 0), DOCENT_OK);
    docent_acl wanted[] = { { 31, "x509", "CN=a,O=b" }, { DOCENT_PERM_WRITE, "auth", "me" } };
    assert_int_equal(list.count, 2);
    assert_true(docent_acl_equal(list, (docent_acl_list){ wanted, 2 }));
    docent_acl_free(list);
}

static void test_bad_text_is_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "", "entry 1: not of the form" },
        { "world", "entry 1: not of the form" },
        { "world:anyone", "entry 1: not of the form" },
        { "world:anyone:x", "entry 1: not of the form" },
        { "world:anyone:r,", "entry 2: not of the form" },
        { "world:anyone:r,,auth::r", "entry 2, ,auth:: a colon or a comma" },
        { "world:anyone:rr", "entry 1: a permission twice" },
        { "world:anyone:r,ip:nowhere:r", "entry 2, ip:nowhere: not an IP" },
        { ":anyone:r", "no scheme" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char fault[200] = "";
        docent_acl_list list = { NULL, 99 };
        assert_int_equal(docent_acl_parse(rows[i][0], &list, fault, sizeof fault), DOCENT_ERR_INVALID_ARGUMENT);
        assert_int_equal(list.count, 99);
        if (strstr(fault, rows[i][1]) == NULL) fail_msg("%s: %s", rows[i][0], fault);
    }
    assert_int_equal(docent_acl_parse(NULL, &(docent_acl_list){ NULL, 0 }, NULL, 0), DOCENT_ERR_INVALID_ARGUMENT);
}

static void test_text_is_written_whole_or_not_at_all(void **state)
{
    (void)state;
    static const docent_acl rows[] = { { 31, "x509", "CN=a:r,O=b" }, { 31, "a:b", "c" }, { 31, NULL, "c" }, { 31, "a", NULL } };
    char text[64];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(docent_acl_text((docent_acl_list){ &rows[i], 1 }, text, sizeof text), DOCENT_ERR_INVALID_ARGUMENT);
        assert_string_equal(text, "");
    }
    docent_acl_list list = docent_acl_open();
    for (size_t size = 0; size < sizeof "world:anyone:cdrwa"; size++) {
        memset(text, '#', sizeof text);
        assert_int_equal(docent_acl_text(list, text, size), DOCENT_ERR_TOO_LARGE);
        if (size > 0) assert_int_equal(text[0], '\0');
        assert_int_equal(text[size], '#');
    }
    assert_int_equal(docent_acl_text(list, text, sizeof "world:anyone:cdrwa"), DOCENT_OK);
    assert_string_equal(text, "world:anyone:cdrwa");
    assert_int_equal(docent_acl_text((docent_acl_list){ NULL, 0 }, text, sizeof text), DOCENT_OK);
    assert_string_equal(text, "");
    assert_int_equal(docent_acl_text((docent_acl_list){ &(docent_acl){ 0x7fffffe1, "world", "anyone" }, 1 }, text, sizeof text), DOCENT_OK);
    assert_string_equal(text, "world:anyone:r");
}

static void test_the_digest_is_that_of_the_servers(void **state)
{
    (void)state;
    char id[64];
    assert_int_equal(docent_digest_id("super:test", id, sizeof id), DOCENT_OK);
    assert_string_equal(id, "super:D/InIHSb7yEEbrWz8b9l71RjZJU="); /* Apache ZooKeeper's own documentation has this one. */
    assert_int_equal(docent_digest_id("nobody", id, sizeof id), DOCENT_ERR_INVALID_ARGUMENT);
    assert_int_equal(docent_digest_id("super:test", id, 34), DOCENT_ERR_TOO_LARGE);
    assert_int_equal(docent_digest_id("super:test", id, 35), DOCENT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_makers_make_is_good),
        cmocka_unit_test(test_entries_are_judged),
        cmocka_unit_test(test_the_fault_names_the_entry_but_no_secret),
        cmocka_unit_test(test_addresses_are_judged_as_the_system_does),
        cmocka_unit_test(test_lists_are_equal_in_any_order),
        cmocka_unit_test(test_a_copy_stands_on_its_own),
        cmocka_unit_test(test_text_goes_there_and_back),
        cmocka_unit_test(test_bad_text_is_refused),
        cmocka_unit_test(test_text_is_written_whole_or_not_at_all),
        cmocka_unit_test(test_the_digest_is_that_of_the_servers),
    };
    return cmocka_run_group_tests_name("acl", tests, NULL, NULL);
}
