/* Macro strings: the examples of RFC 7208 7.4, syntax, and what broke libspf2. */
#include "policyd/spf/spf_macro.h"
#include "tests/support/unit.h"

#include <sys/socket.h>

static struct spf_macro_values
values_of_rfc(const char *ip)
{
    struct spf_macro_values v = {
        .sender = SPAN_LIT("strong-bad@email.example.com"),
        .sender_local = SPAN_LIT("strong-bad"),
        .sender_domain = SPAN_LIT("email.example.com"),
        .domain = SPAN_LIT("email.example.com"),
        .helo = SPAN_LIT("mail.example.net"),
        .receiver = SPAN_LIT("mx.example.org"),
        .validated = SPAN_LIT("mx.example.com"),
        .now = 1700000000,
    };

    ck_assert_int_eq(ip_parse(span_cstr(ip), &v.ip), OR_OK);
    return v;
}

static const struct {
    const char *ip, *text, *expansion;
} expansions[] = {
    /* RFC 7208 7.4 */
    {"192.0.2.3", "%{s}", "strong-bad@email.example.com"},
    {"192.0.2.3", "%{o}", "email.example.com"},
    {"192.0.2.3", "%{d}", "email.example.com"},
    {"192.0.2.3", "%{d4}", "email.example.com"},
    {"192.0.2.3", "%{d3}", "email.example.com"},
    {"192.0.2.3", "%{d2}", "example.com"},
    {"192.0.2.3", "%{d1}", "com"},
    {"192.0.2.3", "%{dr}", "com.example.email"},
    {"192.0.2.3", "%{d2r}", "example.email"},
    {"192.0.2.3", "%{l}", "strong-bad"},
    {"192.0.2.3", "%{l-}", "strong.bad"},
    {"192.0.2.3", "%{lr}", "strong-bad"},
    {"192.0.2.3", "%{lr-}", "bad.strong"},
    {"192.0.2.3", "%{l1r-}", "strong"},
    {"192.0.2.3", "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
    {"192.0.2.3", "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
    {"192.0.2.3", "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
     "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
    {"192.0.2.3", "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
     "3.2.0.192.in-addr.strong.lp._spf.example.com"},
    {"192.0.2.3", "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
    {"2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}",
     "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com"},
    /* the rest of 7.2, 7.3 */
    {"192.0.2.3", "a%%b%_c%-d", "a%b c%20d"},
    {"192.0.2.3", "%{S}", "strong-bad%40email.example.com"},
    {"192.0.2.3", "%{h} %{r} %{t} %{c} %{p}",
     "mail.example.net mx.example.org 1700000000 192.0.2.3 mx.example.com"},
    {"2001:db8::1", "%{c} %{C}", "2001:db8::1 2001%3Adb8%3A%3A1"},
    {"192.0.2.3", "%{d127}", "email.example.com"},
    {"192.0.2.3", "%{d99999999999999999999}", "email.example.com"},
    {"192.0.2.3", "%{DR-.,/_=+}", "com.example.email"},
    {"192.0.2.3", "%{c1-}", "192.0.2.3"},
    {"192.0.2.3", "", ""},
};

START_TEST(test_expand)
{
    struct spf_macro_values v = values_of_rfc(expansions[_i].ip);
    struct buf out;
    struct err e = {.text = ""};

    buf_init(&out, 1024);
    ck_assert_msg(spf_macro_expand(span_cstr(expansions[_i].text), SPF_MACRO_EXPLANATION, &v, &out,
                                   &e) == OR_OK,
                  "%s: %s", expansions[_i].text, e.text);
    ck_assert_span_eq(buf_span(&out), expansions[_i].expansion);
    buf_fini(&out);
}
END_TEST

static const struct {
    const char *text;
    enum spf_macro_where where;
    or_status status;
} checks[] = {
    {"%{i}.%{d}", SPF_MACRO_TERM, OR_OK},
    {"%(ir)", SPF_MACRO_TERM, OR_MALFORMED},
    {"foo%", SPF_MACRO_TERM, OR_MALFORMED},
    {"foo%x", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{}", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{d", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{x}", SPF_MACRO_EXPLANATION, OR_MALFORMED},
    {"%{d0}", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{d00r}", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{drr}", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{dr2}", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{d:}", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{c}", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{R}", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{t}", SPF_MACRO_TERM, OR_MALFORMED},
    {"%{c}", SPF_MACRO_MODIFIER, OR_OK},
    {"a b", SPF_MACRO_TERM, OR_MALFORMED},
    {"a b", SPF_MACRO_MODIFIER, OR_MALFORMED},
    {"a b", SPF_MACRO_EXPLANATION, OR_OK},
    {"a\tb", SPF_MACRO_EXPLANATION, OR_MALFORMED},
    {"a\r\nX: y", SPF_MACRO_EXPLANATION, OR_MALFORMED},
    {"caf\xc3\xa9", SPF_MACRO_EXPLANATION, OR_MALFORMED},
    {"a\x7f", SPF_MACRO_EXPLANATION, OR_MALFORMED},
};

START_TEST(test_check)
{
    struct err e;

    ck_assert_msg(spf_macro_check(span_cstr(checks[_i].text), checks[_i].where, &e) ==
                      checks[_i].status,
                  "\"%s\" in %d", checks[_i].text, (int)checks[_i].where);
}
END_TEST

/* CVE-2021-33912, CVE-2021-33913: the expansion is bounded by us, not by the record. */
START_TEST(test_expand_stops_at_the_ceiling)
{
    struct spf_macro_values v = values_of_rfc("192.0.2.3");
    struct buf out;
    struct err e;

    buf_init(&out, 40);
    ck_assert_int_eq(spf_macro_expand(SPAN_LIT("%{S}%{S}%{S}%{S}"), SPF_MACRO_TERM, &v, &out, &e),
                     OR_LIMIT);
    ck_assert_uint_le(out.n, 40);
    buf_fini(&out);
}
END_TEST

/* Parts may be empty and values may hold any byte. */
START_TEST(test_expand_odd_values)
{
    struct spf_macro_values v = values_of_rfc("192.0.2.3");
    struct buf out;
    struct err e;

    v.sender_local = span_make(".a..\0b.", 7);
    buf_init(&out, 100);
    ck_assert_int_eq(spf_macro_expand(SPAN_LIT("%{L}|%{lr}|%{l3}"), SPF_MACRO_TERM, &v, &out, &e),
                     OR_OK);
    static const char wanted[] = ".a..%00b.|.\0b..a.|.\0b.";
    ck_assert(span_equal(buf_span(&out), SPAN_LIT(wanted)));
    buf_fini(&out);
}
END_TEST

START_TEST(test_uses)
{
    ck_assert(spf_macro_uses(SPAN_LIT("x.%{L1r-}.y"), "ls"));
    ck_assert(spf_macro_uses(SPAN_LIT("%{p}"), "p"));
    ck_assert(!spf_macro_uses(SPAN_LIT("l.s.%%{l}"), "ls"));
    ck_assert(!spf_macro_uses(SPAN_LIT(""), "p"));
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("spf_macro");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, test_expand, 0, sizeof(expansions) / sizeof(expansions[0]));
    tcase_add_loop_test(c, test_check, 0, sizeof(checks) / sizeof(checks[0]));
    tcase_add_test(c, test_expand_stops_at_the_ceiling);
    tcase_add_test(c, test_expand_odd_values);
    tcase_add_test(c, test_uses);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
