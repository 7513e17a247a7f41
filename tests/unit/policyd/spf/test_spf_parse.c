/* Records against the grammar of RFC 7208 section 12. */
#include "policyd/spf/spf_parse.h"
#include "tests/support/unit.h"

#include <string.h>
#include <sys/socket.h>

#define MEM_BYTES ((size_t)1 << 20)

/* `says` is part of the reason. NULL: the record is good. */
static const struct {
    const char *record, *says;
} rows[] = {
    {"v=spf1", NULL},
    {"V=sPf1   ", NULL},
    {"v=spf1 +a -MX ?ptr ~all", NULL},
    {"v=spf1 a:foo:bar/baz.example.com/24//64 -all", NULL},
    {"v=spf1 a//64 a/0 a/32//128 mx:example.org//0", NULL},
    {"v=spf1 a:foo//bar.example.com", NULL},
    {"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ip6:::ffff:192.0.2.1 ip4:0.0.0.0/0", NULL},
    {"v=spf1 include:%{i}._spf.%{d2} exists:%{l1r-}.%{d} redirect=_spf.%{d}", NULL},
    {"v=spf1 a:%{d}.example.org. a:x.1-2 a:example.xn--zckzah", NULL},
    {"v=spf1 moo.cow-far_out=man:dog/cat x= y=%{c} all", NULL},
    {"v=spf1 exp=explain._spf.%{d} all", NULL},
    /* versions */
    {"v=spf10 all", "v=spf1"},
    {"v=spf1\tall", "v=spf1"},
    {" v=spf1 all", "v=spf1"},
    {"", "v=spf1"},
    /* terms */
    {"v=spf1 moo", "\"moo\": unknown mechanism"},
    {"v=spf1 -", "unknown mechanism"},
    {"v=spf1 --all", "unknown mechanism"},
    {"v=spf1 all.", "unknown mechanism"},
    {"v=spf1 all:foo.example", "nothing may follow"},
    {"v=spf1 all/8", "nothing may follow"},
    {"v=spf1 redirect:example.org", "modifier"},
    {"v=spf1 +exp:example.org", "modifier"},
    {"v=spf1 -redirect=example.org", "unknown mechanism"},
    {"v=spf1 =all", "unknown mechanism"},
    {"v=spf1 1up=foo", "unknown mechanism"},
    {"v=spf1 moo.cow/far_out=man", "unknown mechanism"},
    {"v=spf1 a\tmx", "unknown mechanism"},
    {"v=spf1 \x80"
     "all",
     "unknown mechanism"},
    {"v=spf1 x=%abc", "must be followed"},
    {"v=spf1 redirect=a.example redirect=b.example", "given twice"},
    {"v=spf1 exp=a.example all exp=b.example", "given twice"},
    {"v=spf1 redirect=", "domain is missing"},
    {"v=spf1 exp=", "domain is missing"},
    {"v=spf1 exp=-all", "not a full domain name"},
    {"v=spf1 exp=%{r}.example", "explanation texts only"},
    /* domain-spec */
    {"v=spf1 include", "must follow"},
    {"v=spf1 include/24", "must follow"},
    {"v=spf1 exists:", "domain is missing"},
    {"v=spf1 ptr/0", "must follow"},
    {"v=spf1 a:", "domain is missing"},
    {"v=spf1 a:museum", "not a full domain name"},
    {"v=spf1 a:museum.", "not a full domain name"},
    {"v=spf1 a:%{d}x", "not a full domain name"},
    {"v=spf1 a:%{d}.", "not a full domain name"},
    {"v=spf1 a:192.0.2.1", "use ip4:"},
    {"v=spf1 a:abc.123", "top-level"},
    {"v=spf1 a:example.-com", "top-level"},
    {"v=spf1 a:example.com-", "top-level"},
    {"v=spf1 a:example.com:8080", "top-level"},
    {"v=spf1 include:example.com/24", "top-level"},
    {"v=spf1 a:example.com/24/64", "over 32"},
    {"v=spf1 a:example.com/", "top-level"},
    {"v=spf1 a:example.com//", "top-level"},
    {"v=spf1 a:\xef\xbb\xbfgarbage.example", "0xef"},
    /* prefixes and addresses */
    {"v=spf1 a/33", "over 32"},
    {"v=spf1 a//129", "over 128"},
    {"v=spf1 a/", "must follow"},
    {"v=spf1 a/24/64", "over 32"},
    {"v=spf1 a/24/24", "must follow"},
    {"v=spf1 a:example.com/24/24", "top-level"},
    {"v=spf1 mx/08", "leading zero"},
    {"v=spf1 mx/99999999999999999999999", "over 32"},
    {"v=spf1 ip4", "address must follow"},
    {"v=spf1 ip4:", "not an IPv4"},
    {"v=spf1 ip4:192.0.2", "not an IPv4"},
    {"v=spf1 ip4:192.0.2.1:80", "not an IPv4"},
    {"v=spf1 ip4:192.0.02.1", "not an IPv4"},
    {"v=spf1 ip4:192.0.2.1//32", "not an IPv4"},
    {"v=spf1 ip4:192.0.2.1/33", "over 32"},
    {"v=spf1 ip4:192.0.2.1/032", "leading zero"},
    {"v=spf1 ip4:2001:db8::1", "not an IPv4"},
    {"v=spf1 ip4:192.0.2.1\r\nX:", "not an IPv4"},
    {"v=spf1 ip6:192.0.2.1", "not an IPv6"},
    {"v=spf1 ip6:::1.1.1.1//33", "not an IPv6"},
    {"v=spf1 ip6::CAFE::BABE", "not an IPv6"},
    {"v=spf1 ip6:::1/129", "over 128"},
};

START_TEST(test_grammar)
{
    struct arena mem;
    struct spf_record record;
    struct err e = {.text = ""};

    arena_init(&mem, MEM_BYTES);
    or_status st = spf_parse(span_cstr(rows[_i].record), &mem, &record, &e);
    if (rows[_i].says == NULL) {
        ck_assert_msg(st == OR_OK, "\"%s\": %s", rows[_i].record, e.text);
    } else {
        ck_assert_msg(st == OR_MALFORMED, "\"%s\" was accepted", rows[_i].record);
        ck_assert_msg(strstr(e.text, rows[_i].says) != NULL, "\"%s\": %s", rows[_i].record, e.text);
    }
    arena_fini(&mem);
}
END_TEST

START_TEST(test_terms)
{
    struct arena mem;
    struct spf_record r;
    struct err e;

    arena_init(&mem, MEM_BYTES);
    ck_assert_int_eq(
        spf_parse(SPAN_LIT("v=spf1  a:%{d}.example/24//64 ?mx ~ip4:192.0.2.0/24 "
                           "x=y -INCLUDE:b.example ip6:::ffff:1.2.3.4/0 exp=e.example"),
                  &mem, &r, &e),
        OR_OK);
    ck_assert_uint_eq(r.count, 5);
    ck_assert_int_eq(r.terms[0].mechanism, SPF_MECH_A);
    ck_assert_int_eq(r.terms[0].qualifier, SPF_PASS);
    ck_assert_span_eq(r.terms[0].target, "%{d}.example");
    ck_assert_uint_eq(r.terms[0].prefix4, 24);
    ck_assert_uint_eq(r.terms[0].prefix6, 64);
    ck_assert_int_eq(r.terms[1].qualifier, SPF_NEUTRAL);
    ck_assert_uint_eq(r.terms[1].target.n, 0);
    ck_assert_uint_eq(r.terms[1].prefix4, 32);
    ck_assert_uint_eq(r.terms[1].prefix6, 128);
    ck_assert_int_eq(r.terms[2].qualifier, SPF_SOFTFAIL);
    ck_assert_uint_eq(r.terms[2].network.prefix, 24);
    ck_assert_int_eq(r.terms[3].qualifier, SPF_FAIL);
    ck_assert_int_eq(r.terms[3].mechanism, SPF_MECH_INCLUDE);
    ck_assert_span_eq(r.terms[3].text, "-INCLUDE:b.example");
    /* ip6 with a mapped address stays IPv6: it must match IPv6 clients only. */
    ck_assert_int_eq(r.terms[4].network.base.family, AF_INET6);
    ck_assert_span_eq(r.explanation, "e.example");
    ck_assert_uint_eq(r.redirect.n, 0);
    arena_fini(&mem);
}
END_TEST

static void
check_size(size_t repeats, const char *term, or_status wanted)
{
    struct arena mem;
    struct spf_record r;
    struct err e;
    struct buf text;

    arena_init(&mem, MEM_BYTES);
    buf_init(&text, 65536);
    buf_add_cstr(&text, "v=spf1");
    for (size_t i = 0; i < repeats; i++)
        buf_add_cstr(&text, term);
    ck_assert_int_eq(spf_parse(buf_span(&text), &mem, &r, &e), wanted);
    buf_fini(&text);
    arena_fini(&mem);
}

START_TEST(test_limits)
{
    check_size(SPF_PARSE_MAX_TERMS, " a", OR_OK);
    check_size(SPF_PARSE_MAX_TERMS + 1, " a", OR_MALFORMED);
    check_size((SPF_MAX_RECORD_BYTES - 6) / 13, " ip4:10.0.0.1", OR_OK);
    check_size(SPF_MAX_RECORD_BYTES / 13 + 1, " ip4:10.0.0.1", OR_MALFORMED);
}
END_TEST

START_TEST(test_out_of_arena)
{
    struct arena mem;
    struct spf_record r;
    struct err e;

    arena_init(&mem, 64);
    ck_assert_int_eq(spf_parse(SPAN_LIT("v=spf1 a mx ptr -all"), &mem, &r, &e), OR_LIMIT);
    arena_fini(&mem);
}
END_TEST

static const struct {
    const char *txt[3];
    or_status status;
} selections[] = {
    {{"v=spf1 -all"}, OR_OK},
    {{"hello", "v=spf1"}, OR_OK},
    {{"v=spf10 mx", "V=SPF1 mx"}, OR_OK},
    {{"v=spf10 mx", "v=spf1mx", "spf2.0/pra -all"}, OR_ABSENT},
    {{"v=spf1 -all", "v=spf1 -all"}, OR_MALFORMED},
    {{"v=spf1 -all", "x", "V=sPf1 +all"}, OR_MALFORMED},
    {{NULL}, OR_ABSENT},
};

START_TEST(test_select)
{
    struct dns_record records[3] = {0};
    struct dns_answer answer = {.result = DNS_FOUND, .records = records};
    struct span text;
    struct err e;

    while (answer.count < 3 && selections[_i].txt[answer.count] != NULL) {
        records[answer.count].txt.joined = span_cstr(selections[_i].txt[answer.count]);
        answer.count++;
    }
    ck_assert_int_eq(spf_parse_select(&answer, &text, &e), selections[_i].status);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("spf_parse");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, test_grammar, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(c, test_terms);
    tcase_add_test(c, test_limits);
    tcase_add_test(c, test_out_of_arena);
    tcase_add_loop_test(c, test_select, 0, sizeof(selections) / sizeof(selections[0]));
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
