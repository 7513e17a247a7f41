#include "common/text/domain.h"

#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *name;
    const char *canonical; /* NULL: OR_MALFORMED */
} names[] = {
    {"example.org", "example.org"},
    {"EXAMPLE.Org.", "example.org"},
    {"org", "org"},
    {"_dmarc.Example.org", "_dmarc.example.org"},
    {"a%b=c.example", "a%b=c.example"},
    {"b\xc3\xbc"
     "cher.example",
     "xn--bcher-kva.example"},
    {"B\xc3\x9c"
     "CHER.example",
     "xn--bcher-kva.example"},
    {"u\xcc\x88.example", "xn--tda.example"}, /* decomposed: NFC first */
    {"stra\xc3\x9f"
     "e.example",
     "xn--strae-oqa.example"}, /* non-transitional: not "strasse" */
    {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
    {"xn--zzzzzz99.b\xc3\xbc"
     "cher.example",
     "xn--zzzzzz99.xn--bcher-kva.example"},
    {"\xef\xbd\x85xample.org", "example.org"},                /* full-width e */
    {"example.net(.example.com", "example.net(.example.com"}, /* printable: domain_is_hostname() */
    {"", NULL},
    {".", NULL},
    {"a..b", NULL},
    {".a", NULL},
    {"a..", NULL},
    {"a b", NULL},
    {"a\tb", NULL},
    {"a\x7f", NULL},
    {"b\xfc"
     "cher.example",
     NULL},                         /* Latin-1 */
    {"\xe2\x84\x80.example", NULL}, /* U+2100 maps to "a/c" */
    {"a\xef\xb9\xab"
     "b.example",
     NULL}, /* U+FE6B maps to "@" */
    {"\xe2\x80\xae"
     "cba.example",
     NULL}, /* direction mark */
};

START_TEST(canonical)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct arena mem;
        struct span out;
        struct err e;

        arena_init(&mem, 4096);
        or_status st = domain_canonical(span_cstr(names[i].name), &mem, &out, &e);
        if (names[i].canonical == NULL) {
            ck_assert_msg(st == OR_MALFORMED, "%s", names[i].name);
        } else {
            ck_assert_msg(st == OR_OK, "%s: %s", names[i].name, e.text);
            ck_assert_span_eq(out, names[i].canonical);
        }
        arena_fini(&mem);
    }
}
END_TEST

START_TEST(lengths)
{
    char name[2000];
    struct arena mem;
    struct span out;

    arena_init(&mem, 4096);
    memset(name, 'a', sizeof(name));
    ck_assert_int_eq(domain_canonical(span_make(name, 63), &mem, &out, NULL), OR_OK);
    ck_assert_int_eq(domain_canonical(span_make(name, 64), &mem, &out, NULL), OR_MALFORMED);
    for (size_t i = 63; i < sizeof(name); i += 64)
        name[i] = '.';
    ck_assert_int_eq(domain_canonical(span_make(name, 253), &mem, &out, NULL), OR_OK);
    ck_assert_int_eq(domain_canonical(span_make(name, 254), &mem, &out, NULL), OR_MALFORMED);
    ck_assert_int_eq(domain_canonical(span_make(name, 1999), &mem, &out, NULL), OR_MALFORMED);
    ck_assert(domain_is_hostname(span_make(name, 253)));
    ck_assert(!domain_is_hostname(span_make(name, 254)));
    ck_assert_int_eq(domain_canonical(SPAN_LIT("a\0b"), &mem, &out, NULL), OR_MALFORMED);
    arena_fini(&mem);
    arena_init(&mem, 8);
    ck_assert_int_eq(domain_canonical(SPAN_LIT("example.org"), &mem, &out, NULL), OR_LIMIT);
    arena_fini(&mem);
}
END_TEST

static const struct {
    const char *name;
    bool is_hostname;
} hostnames[] = {
    {"example.org", true},
    {"localhost", true},
    {"a_b-c.1.example", true},
    {"b\xc3\xbc"
     "cher.example",
     true},
    {"", false},
    {".", false},
    {"example.org.", false},
    {"a..b", false},
    {"example.net(.example.com", false}, /* CVE-2020-12272 */
    {"a b.example", false},
    {"a;b.example", false},
    {"a\"b.example", false},
    {"a\r\nb.example", false},
    {"[192.0.2.1]", false},
    {"b\xfc"
     "cher.example",
     false},
    {"a\xc2\xa0"
     "b.example",
     false}, /* no-break space */
    {"\xe2\x80\xae"
     "cba.example",
     false}, /* direction mark */
    {"a\xe3\x80\x82"
     "b",
     false}, /* ideographic full stop */
    {"a\xef\xbc\xa0"
     "b",
     false}, /* full-width "@" */
};

START_TEST(hostname)
{
    for (size_t i = 0; i < sizeof(hostnames) / sizeof(hostnames[0]); i++)
        ck_assert_msg(domain_is_hostname(span_cstr(hostnames[i].name)) == hostnames[i].is_hostname,
                      "%s", hostnames[i].name);
}
END_TEST

START_TEST(comparison)
{
    ck_assert(domain_equal(SPAN_LIT("example.org"), SPAN_LIT("EXAMPLE.org.")));
    ck_assert(!domain_equal(SPAN_LIT("example.org"), SPAN_LIT("example.or")));
    ck_assert(domain_is_within(SPAN_LIT("example.org"), SPAN_LIT("example.org")));
    ck_assert(domain_is_within(SPAN_LIT("a.b.example.org"), SPAN_LIT("example.org")));
    ck_assert(!domain_is_within(SPAN_LIT("badexample.org"), SPAN_LIT("example.org")));
    ck_assert(!domain_is_within(SPAN_LIT("org"), SPAN_LIT("example.org")));
    ck_assert(!domain_is_within(SPAN_LIT("example.org"), SPAN_LIT("")));
}
END_TEST

START_TEST(labels)
{
    struct span name = SPAN_LIT("a.b.example.org");

    ck_assert_uint_eq(domain_label_count(name), 4);
    ck_assert_uint_eq(domain_label_count(SPAN_LIT("org")), 1);
    ck_assert_uint_eq(domain_label_count(SPAN_LIT("")), 0);
    ck_assert_span_eq(domain_rightmost(name, 0), "");
    ck_assert_span_eq(domain_rightmost(name, 1), "org");
    ck_assert_span_eq(domain_rightmost(name, 3), "b.example.org");
    ck_assert_span_eq(domain_rightmost(name, 4), "a.b.example.org");
    ck_assert_span_eq(domain_rightmost(name, 9), "a.b.example.org");
    ck_assert_span_eq(domain_parent(name), "b.example.org");
    ck_assert_span_eq(domain_parent(SPAN_LIT("org")), "");
    ck_assert_span_eq(domain_parent(SPAN_LIT("")), "");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("domain");
    TCase *cases = tcase_create("domain");

    tcase_add_test(cases, canonical);
    tcase_add_test(cases, lengths);
    tcase_add_test(cases, hostname);
    tcase_add_test(cases, comparison);
    tcase_add_test(cases, labels);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
