/* The one form of addresses, and what never gets into it. */
#include "authd/accounts/account_db.h"

#include "tests/support/unit.h"

#include <string.h>

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *text;
    const char *canonical; /* NULL: OR_MALFORMED */
    bool catch_all_ok;
} rows[] = {
    {"alice@example.org", "alice@example.org", false},
    {"Alice.B@EXAMPLE.org.", "alice.b@example.org", false},
    {"o'brien+x=y@example.org", "o'brien+x=y@example.org", false},
    {"a..b.@example.org", "a..b.@example.org", false}, /* phones in Japan have such */
    {"-a@example.org", "-a@example.org", false},
    {"m\xc3\xbcller@b\xc3\xbc"
     "cher.example",
     "m\xc3\xbcller@xn--bcher-kva.example", false},
    {L63 "a@example.org", L63 "a@example.org", false},
    {"@Example.org", "@example.org", true},
    {"alice@example.org", "alice@example.org", true},

    {"@example.org", NULL, false},
    {"", NULL, true},
    {"@", NULL, true},
    {"alice", NULL, true},
    {"alice@", NULL, false},
    {L63 "ab@example.org", NULL, false},
    {".@example.org", NULL, false},
    {"..@example.org", NULL, false},
    {".ssh@example.org", NULL, false},
    {"a/../b@example.org", NULL, false},
    {"a/b@example.org", NULL, false},
    {"a b@example.org", NULL, false},
    {"a\tb@example.org", NULL, false},
    {"a\nb@example.org", NULL, false},
    {"a\x7f@example.org", NULL, false},
    {"a\xc2\x85@example.org", NULL, false},     /* C1: next line */
    {"a\xc2\xa0@example.org", NULL, false},     /* no-break space */
    {"a\xe2\x80\xa8@example.org", NULL, false}, /* line separator */
    {"a@b@example.org", NULL, false},
    {"\"a\"@example.org", NULL, false},
    {"a,b@example.org", NULL, false}, /* two results of a Postfix map */
    {"a;b@example.org", NULL, false},
    {"a\\b@example.org", NULL, false},
    {"<a>@example.org", NULL, false},
    {"a(b)@example.org", NULL, false},
    {"m\xfcller@example.org", NULL, false},     /* Latin-1 */
    {"a\xed\xa0\x80@example.org", NULL, false}, /* a surrogate */
    {"a\xc0\xaf@example.org", NULL, false},     /* an overlong slash */
    {"alice@exa/mple.org", NULL, false},        /* leaves the mail directory */
    {"alice@../../etc", NULL, false},
    {"alice@example..org", NULL, false},
    {"alice@[192.0.2.1]", NULL, false},
    {"alice@exa mple.org", NULL, false},
};

START_TEST(parse)
{
    struct arena mem;
    struct account_address a;
    struct err e = {""};

    arena_init(&mem, 4096);
    or_status st =
        account_address_parse(span_cstr(rows[_i].text), rows[_i].catch_all_ok, &mem, &a, &e);

    if (rows[_i].canonical == NULL) {
        ck_assert_msg(st == OR_MALFORMED, "\"%s\" is taken", rows[_i].text);
        ck_assert_str_ne(e.text, "");
    } else {
        ck_assert_msg(st == OR_OK, "\"%s\": %s", rows[_i].text, e.text);
        ck_assert_span_eq(a.whole, rows[_i].canonical);
        ck_assert_uint_eq(a.local.n + 1 + a.domain.n, a.whole.n);
        ck_assert(span_has_prefix(a.whole, a.local));
        ck_assert(span_has_suffix_nocase(a.whole, a.domain));
    }
    arena_fini(&mem);
}
END_TEST

/* What is canonical stays as it is: else the database would hold rows that nobody finds. */
START_TEST(parse_twice)
{
    struct arena mem;
    struct account_address a, again;
    struct err e;

    if (rows[_i].canonical == NULL)
        return;
    arena_init(&mem, 4096);
    ck_assert_int_eq(account_address_parse(span_cstr(rows[_i].text), true, &mem, &a, &e), OR_OK);
    ck_assert_int_eq(account_address_parse(a.whole, true, &mem, &again, &e), OR_OK);
    ck_assert(span_equal(a.whole, again.whole));
    arena_fini(&mem);
}
END_TEST

START_TEST(nul_is_refused)
{
    struct arena mem;
    struct account_address a;
    struct err e;

    arena_init(&mem, 4096);
    ck_assert_int_eq(account_address_parse(SPAN_LIT("a\0b@example.org"), false, &mem, &a, &e),
                     OR_MALFORMED);
    ck_assert_int_eq(account_address_parse(SPAN_LIT("a@example\0.org"), false, &mem, &a, &e),
                     OR_MALFORMED);
    arena_fini(&mem);
}
END_TEST

START_TEST(full_arena_is_a_limit)
{
    struct arena mem;
    struct account_address a;
    struct err e;

    arena_init(&mem, 8);
    ck_assert_int_eq(account_address_parse(SPAN_LIT("a@example.org"), false, &mem, &a, &e),
                     OR_LIMIT);
    arena_fini(&mem);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("account_address");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, parse, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(c, parse_twice, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(c, nul_is_refused);
    tcase_add_test(c, full_arena_is_a_limit);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
