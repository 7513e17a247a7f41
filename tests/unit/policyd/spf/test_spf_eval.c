/*
 * check_host() where the published suite (tests/conformance) says nothing: identities, limits,
 * reasons, what the outcome shows, internationalised senders, failures on our side.
 */
#include "policyd/spf/spf_eval.h"
#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#include <string.h>
#include <sys/socket.h>

#define MEM_BYTES ((size_t)1 << 20)

#define MX(n) "manymx.example MX " n " mx" n ".v4only.example\n"
#define ELEVEN_MX                                                                                  \
    MX("1") MX("2") MX("3") MX("4") MX("5") MX("6") MX("7") MX("8") MX("9") MX("10") MX("11")

static const char zone[] = //
    "plain.example        TXT  \"v=spf1 ip4:192.0.2.0/24 -all\"\n"
    "explain.example      TXT  \"v=spf1 -all exp=why.%{d}\"\n"
    "why.explain.example  TXT  \"Not %{i}, %{l} of %{o}: see %{r}\"\n"
    "outer.example        TXT  \"v=spf1 include:middle.example -all\"\n"
    "middle.example       TXT  \"v=spf1 include:plain.example ?all\"\n"
    "moved.example        TXT  \"v=spf1 redirect=plain.example\"\n"
    "lost.example         TXT  \"v=spf1 redirect=nowhere.example\"\n"
    "orphan.example       TXT  \"v=spf1 include:nowhere.example -all\"\n"
    "self.example         TXT  \"v=spf1 include:self.example -all\"\n"
    "typo.example         TXT  \"v=spf1 ipv4:192.0.2.1 -all\"\n"
    "deep.example         TXT  \"v=spf1 include:typo.example -all\"\n"
    "two.example          TXT  \"v=spf1 -all\"\n"
    "two.example          TXT  \"v=spf1 ~all\"\n"
    "broken.example       SERVFAIL\n"
    "asks.example         TXT  \"v=spf1 a:broken.example -all\"\n"
    "asksin.example       TXT  \"v=spf1 include:asks.example -all\"\n"
    /* pyspf#40: MX hosts without AAAA must not use up the voids of an IPv6 client. */
    "v4only.example       TXT  \"v=spf1 mx include:v6.example -all\"\n"
    "v4only.example       MX   10 mx1.v4only.example\n"
    "v4only.example       MX   20 mx2.v4only.example\n"
    "v4only.example       MX   30 mx3.v4only.example\n"
    "mx1.v4only.example   A    192.0.2.1\n"
    "mx2.v4only.example   A    192.0.2.2\n"
    "mx3.v4only.example   A    192.0.2.3\n"
    "v6.example           TXT  \"v=spf1 ip6:2001:db8::/32 -all\"\n"
    "void.example         TXT  \"v=spf1 a:n1.example mx:n2.example exists:n3.example -all\"\n"
    /* RFC 8616 */
    "xn--bcher-kva.example TXT \"v=spf1 exists:%{o}.x.example -all\"\n"
    "xn--bcher-kva.example.x.example A 127.0.0.2\n"
    "local.example        TXT  \"v=spf1 exists:%{l}.users.example -exists:%{s}.users.example "
    "?all\"\n"
    "where.example        TXT  \"v=spf1 redirect=%{l}.users.example\"\n"
    "bob.users.example    A    127.0.0.2\n"
    /* %{p} costs a look-up, once. */
    "p.example            TXT  \"v=spf1 exists:%{p}.x.example exists:%{p}.y.example -all\"\n"
    "99.2.0.192.in-addr.arpa PTR mail.p.example\n"
    "mail.p.example       A    192.0.2.99\n"
    "long.example         TXT  \"v=spf1 a:%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}"
    ".%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.plain.example -all\"\n"
    "root.example         TXT  \"v=spf1 ptr -all\"\n"
    "ptr.example          TXT  \"v=spf1 ptr:p.example -all\"\n"
    "nomx.example         TXT  \"v=spf1 mx -all\"\n"
    "nomx.example         MX   0 .\n"
    "manymx.example       TXT  \"v=spf1 mx -all\"\n" //
    ELEVEN_MX "helo.example         TXT  \"v=spf1 ip4:192.0.2.99 -all\"\n";

static const struct {
    const char *ip, *helo, *sender;
    enum spf_result result;
    const char *matched, *of; /* NULL: not looked at */
    const char *reason;       /* part of it; NULL: must be empty */
} rows[] = {
    {"192.0.2.1", "h.example", "a@plain.example", SPF_PASS, "ip4:192.0.2.0/24", "plain.example",
     NULL},
    {"192.0.3.1", "h.example", "a@Plain.EXAMPLE.", SPF_FAIL, "-all", "plain.example", NULL},
    {"::ffff:192.0.2.1", "h.example", "a@plain.example", SPF_PASS, "ip4:192.0.2.0/24", NULL, NULL},
    {"192.0.2.1", "h.example", "a@moved.example", SPF_PASS, "ip4:192.0.2.0/24", "plain.example",
     NULL},
    {"192.0.2.1", "h.example", "a@outer.example", SPF_PASS, "include:middle.example",
     "outer.example", NULL},
    {"192.0.3.1", "h.example", "a@outer.example", SPF_FAIL, "-all", "outer.example", NULL},
    {"192.0.3.1", "h.example", "a@v6.example", SPF_FAIL, "-all", NULL, NULL},
    /* what a postmaster can act on */
    {"192.0.2.1", "h.example", "a@nowhere.example", SPF_NONE, "", "",
     "no SPF record at nowhere.example"},
    {"192.0.2.1", "h.example", "a@lost.example", SPF_PERMERROR, "", "",
     "\"redirect\" in the SPF record of lost.example: no SPF record at nowhere.example"},
    {"192.0.2.1", "h.example", "a@orphan.example", SPF_PERMERROR, "", "",
     "\"include:nowhere.example\" in the SPF record of orphan.example: no SPF record at"},
    {"192.0.2.1", "h.example", "a@deep.example", SPF_PERMERROR, "", "",
     "\"include:typo.example\" in the SPF record of deep.example: the SPF record of typo.example: "
     "\"ipv4:192.0.2.1\": unknown mechanism"},
    {"192.0.2.1", "h.example", "a@two.example", SPF_PERMERROR, "", "", "more than one SPF record"},
    {"192.0.2.1", "h.example", "a@self.example", SPF_PERMERROR, "", "", "more than 10 terms"},
    {"192.0.2.1", "h.example", "a@void.example", SPF_PERMERROR, "", "",
     "a:n1.example (NXDOMAIN), mx:n2"},
    {"192.0.2.1", "h.example", "a@broken.example", SPF_TEMPERROR, "", "", "of broken.example"},
    {"192.0.2.1", "h.example", "a@asks.example", SPF_TEMPERROR, "", "",
     "\"a:broken.example\" in the SPF record of asks.example"},
    {"192.0.2.1", "h.example", "a@asksin.example", SPF_TEMPERROR, "", "",
     "\"a:broken.example\" in the SPF record of asks.example"},
    /* what has no policy (RFC 7208 4.3) */
    {"192.0.2.1", "h.example", "a@[192.0.2.1]", SPF_NONE, "", "", "literal"},
    {"192.0.2.1", "h.example", "a@localhost", SPF_NONE, "", "", "full domain name"},
    {"192.0.2.1", "h.example", "a@x..example", SPF_NONE, "", "", "label"},
    {"192.0.2.1", "h.example", "a@plain.example(.example.org", SPF_NONE, "", "",
     "full domain name"},
    {"192.0.2.1", "h.example", "nobody", SPF_NONE, "", "", "no domain"},
    {"192.0.2.1", "", "", SPF_NONE, "", "", "no domain"},
    /* limits */
    {"2001:db8::1", "h.example", "a@v4only.example", SPF_PASS, "include:v6.example", NULL, NULL},
    {"192.0.2.1", "h.example", "a@long.example", SPF_FAIL, "-all", NULL, NULL},
    {"192.0.2.1", "h.example", "a@root.example", SPF_FAIL, "-all", NULL, NULL},
    {"192.0.2.99", "h.example", "a@ptr.example", SPF_PASS, "ptr:p.example", NULL, NULL},
    {"192.0.2.1", "h.example", "a@nomx.example", SPF_FAIL, "-all", NULL, NULL},
    {"192.0.2.1", "h.example", "a@manymx.example", SPF_PERMERROR, "", "", "more than 10 MX hosts"},
    /* RFC 8616: A-labels in macros; a local part beyond ASCII matches nothing */
    {"192.0.2.1", "h.example",
     "a@b\xc3\xbc"
     "cher.example",
     SPF_PASS, "exists:%{o}.x.example", "xn--bcher-kva.example", NULL},
    {"192.0.2.1", "h.example", "bob@local.example", SPF_PASS, "exists:%{l}.users.example", NULL,
     NULL},
    {"192.0.2.1", "h.example",
     "b\xc3\xb6"
     "b@local.example",
     SPF_NEUTRAL, "?all", NULL, NULL},
    {"192.0.2.1", "h.example",
     "b\xc3\xb6"
     "b@where.example",
     SPF_NEUTRAL, "", NULL, NULL},
    {"192.0.2.1", "h.example", "a@b\xff.example", SPF_NONE, "", "", ""},
    /* odd local parts are names like any other, or none */
    {"192.0.2.1", "h.example", "..@local.example", SPF_NEUTRAL, "?all", NULL, NULL},
    {"192.0.2.1", "h.example", "a b\\c@local.example", SPF_NEUTRAL, "?all", NULL, NULL},
};

struct fixture {
    struct arena mem;
    struct spf_query q;
    struct spf_outcome o;
};

static void
open_fixture(struct fixture *f, const char *ip, const char *helo, const char *sender)
{
    arena_init(&f->mem, MEM_BYTES);
    f->q = (struct spf_query){
        .helo = span_cstr(helo),
        .sender = span_cstr(sender),
        .receiver = SPAN_LIT("mx.test"),
        .dns = fake_dns_new(zone),
        .mem = &f->mem,
        .deadline_mono_ms = INT64_MAX,
        .limits = SPF_LIMITS_DEFAULT,
    };
    ck_assert_int_eq(ip_parse(span_cstr(ip), &f->q.ip), OR_OK);
}

static void
close_fixture(struct fixture *f)
{
    dns_free(f->q.dns);
    arena_fini(&f->mem);
}

START_TEST(test_outcome)
{
    struct fixture f;

    open_fixture(&f, rows[_i].ip, rows[_i].helo, rows[_i].sender);
    spf_eval(&f.q, &f.o);
    ck_assert_msg(f.o.result == rows[_i].result, "%s: %s (%.*s)", rows[_i].sender,
                  spf_result_name(f.o.result), SPAN_ARG(f.o.reason));
    if (rows[_i].matched != NULL)
        ck_assert_span_eq(f.o.matched.term, rows[_i].matched);
    if (rows[_i].of != NULL)
        ck_assert_span_eq(f.o.matched.domain, rows[_i].of);
    if (rows[_i].reason == NULL)
        ck_assert_span_eq(f.o.reason, "");
    else
        ck_assert_msg(memmem(f.o.reason.p, f.o.reason.n, rows[_i].reason, strlen(rows[_i].reason)),
                      "%s: reason is \"%.*s\"", rows[_i].sender, SPAN_ARG(f.o.reason));
    close_fixture(&f);
}
END_TEST

/* CVE-2019-20790: the identity is part of the result, and only the null path moves it. */
START_TEST(test_scope)
{
    static const struct {
        enum spf_scope asked;
        const char *helo, *sender;
        enum spf_scope scope;
        const char *domain;
        enum spf_result result;
    } cases[] = {
        {SPF_SCOPE_MFROM, "helo.example", "a@plain.example", SPF_SCOPE_MFROM, "plain.example",
         SPF_PASS},
        {SPF_SCOPE_MFROM, "helo.example", "", SPF_SCOPE_HELO, "helo.example", SPF_FAIL},
        {SPF_SCOPE_HELO, "helo.example", "a@plain.example", SPF_SCOPE_HELO, "helo.example",
         SPF_FAIL},
        {SPF_SCOPE_MFROM, "plain.example", "a@nowhere.example", SPF_SCOPE_MFROM, "nowhere.example",
         SPF_NONE},
        {SPF_SCOPE_MFROM, "plain.example", "a@[192.0.2.1]", SPF_SCOPE_MFROM, "", SPF_NONE},
    };
    struct fixture f;

    open_fixture(&f, "192.0.2.1", cases[_i].helo, cases[_i].sender);
    f.q.scope = cases[_i].asked;
    spf_eval(&f.q, &f.o);
    ck_assert_int_eq(f.o.scope, cases[_i].scope);
    ck_assert_span_eq(f.o.domain, cases[_i].domain);
    ck_assert_str_eq(spf_result_name(f.o.result), spf_result_name(cases[_i].result));
    close_fixture(&f);
}
END_TEST

START_TEST(test_inner_match_is_the_deepest)
{
    struct fixture f;

    open_fixture(&f, "192.0.2.1", "h.example", "a@outer.example");
    spf_eval(&f.q, &f.o);
    ck_assert_span_eq(f.o.inner.term, "ip4:192.0.2.0/24");
    ck_assert_span_eq(f.o.inner.domain, "plain.example");
    ck_assert_uint_eq(f.o.terms, 2);
    close_fixture(&f);
    open_fixture(&f, "192.0.3.1", "h.example", "a@outer.example");
    spf_eval(&f.q, &f.o);
    ck_assert_span_eq(f.o.inner.term, "");
    close_fixture(&f);
}
END_TEST

START_TEST(test_voids_count_terms)
{
    struct fixture f;

    open_fixture(&f, "2001:db8::1", "h.example", "a@v4only.example");
    spf_eval(&f.q, &f.o);
    ck_assert_uint_eq(f.o.voids, 1);
    ck_assert_span_eq(f.o.void_names, "mx (NODATA)");
    close_fixture(&f);
    open_fixture(&f, "192.0.2.1", "h.example", "a@void.example");
    f.q.limits.max_voids = 3;
    spf_eval(&f.q, &f.o);
    ck_assert_int_eq(f.o.result, SPF_FAIL);
    ck_assert_uint_eq(f.o.voids, 3);
    close_fixture(&f);
}
END_TEST

START_TEST(test_validated_name_costs_one_term)
{
    struct fixture f;

    open_fixture(&f, "192.0.2.99", "h.example", "a@p.example");
    spf_eval(&f.q, &f.o);
    ck_assert_int_eq(f.o.result, SPF_FAIL);
    ck_assert_uint_eq(f.o.terms, 3);
    /* TXT, PTR, the name's address, two exists. */
    ck_assert_uint_eq(fake_dns_queries(f.q.dns), 5);
    close_fixture(&f);
}
END_TEST

START_TEST(test_explanation)
{
    struct fixture f;

    open_fixture(&f, "192.0.2.1", "h.example",
                 "j\xc3\xb6"
                 "e\n@explain.example");
    spf_eval(&f.q, &f.o);
    ck_assert(!f.o.explanation_is_default);
    ck_assert_span_eq(f.o.explanation, "Not 192.0.2.1, j??e? of explain.example: see mx.test");
    ck_assert_uint_eq(f.o.terms, 0);
    close_fixture(&f);
    open_fixture(&f, "192.0.3.1", "h.example", "a@plain.example");
    spf_eval(&f.q, &f.o);
    ck_assert(f.o.explanation_is_default);
    ck_assert_span_eq(f.o.explanation, "plain.example does not allow 192.0.3.1 to send its mail");
    close_fixture(&f);
}
END_TEST

/* Memory is ours to run out of: never the sender's fault. */
START_TEST(test_out_of_arena_is_temperror)
{
    struct fixture f;

    open_fixture(&f, "192.0.2.1", "h.example", "a@outer.example");
    arena_fini(&f.mem);
    arena_init(&f.mem, 400);
    spf_eval(&f.q, &f.o);
    ck_assert_int_eq(f.o.result, SPF_TEMPERROR);
    ck_assert_uint_gt(f.o.reason.n, 0);
    close_fixture(&f);
}
END_TEST

START_TEST(test_no_client_address)
{
    struct fixture f;

    open_fixture(&f, "192.0.2.1", "h.example", "a@plain.example");
    f.q.ip.family = 0;
    spf_eval(&f.q, &f.o);
    ck_assert_int_eq(f.o.result, SPF_NONE);
    ck_assert_uint_eq(fake_dns_queries(f.q.dns), 0);
    close_fixture(&f);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("spf_eval");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, test_outcome, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(c, test_scope, 0, 5);
    tcase_add_test(c, test_inner_match_is_the_deepest);
    tcase_add_test(c, test_voids_count_terms);
    tcase_add_test(c, test_validated_name_costs_one_term);
    tcase_add_test(c, test_explanation);
    tcase_add_test(c, test_out_of_arena_is_temperror);
    tcase_add_test(c, test_no_client_address);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
