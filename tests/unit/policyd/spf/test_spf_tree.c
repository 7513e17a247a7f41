/* What records come to, with a DNS from a table. */
#include "policyd/spf/spf_tree.h"

#include "common/base/clock.h"
#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static const char zone[] =
    "plain.example      TXT v=spf1 ip4:192.0.2.0/24 a mx -all\n"
    "plain.example      A   192.0.2.7\n"
    "plain.example      MX  10 mx.plain.example\n"
    "mx.plain.example   A   198.51.100.1\n"
    "mx.plain.example   AAAA 2001:db8::1\n"
    "open.example       TXT v=spf1 +all\n"
    "opened.example     TXT v=spf1 include:open.example -all\n"
    "doubted.example    TXT v=spf1 ?include:open.example -all\n"
    "loop.example       TXT v=spf1 include:loop.example -all\n"
    "to.example         TXT v=spf1 redirect=plain.example\n"
    "late.example       TXT v=spf1 -all ip4:192.0.2.1\n"
    "endless.example    TXT v=spf1 ip4:192.0.2.1\n"
    "who.example        TXT v=spf1 exists:%{i}.who.example ptr -all\n"
    "lost.example       TXT v=spf1 a:no.example include:plain.example mx:no.example a:nor.example "
    "-all\n"
    "many.example       TXT v=spf1 a a a a a a a a a a a -all\n"
    "many.example       A   192.0.2.7\n"
    "two.example        TXT v=spf1 -all\n"
    "two.example        TXT v=spf1 ~all\n"
    "wrong.example      TXT v=spf1 ip4:x -all\n"
    "dead.example       SERVFAIL\n"
    "below.example      TXT v=spf1 include:dead.example -all\n"
    "lost2.example      TXT v=spf1 include:none.example -all\n"
    "macro.example      TXT v=spf1 a:%{d2} -all\n"
    "macro.example      A   192.0.2.9\n";

static const struct {
    const char *domain;
    unsigned lookups, voids;
    uint64_t ipv4;
    size_t networks;
    bool everybody, depends;
    const char *finding; /* part of one; NULL: there is none */
    enum spf_severity severity;
} rows[] = {
    {"plain.example", 2, 0, 257, 3, false, false, NULL, SPF_ADVICE},
    {"Plain.Example.", 2, 0, 257, 3, false, false, NULL, SPF_ADVICE},
    {"open.example", 0, 0, 0, 0, true, false, "+all", SPF_ADVICE},
    {"opened.example", 1, 0, 0, 0, true, false, "+all", SPF_ADVICE},
    {"doubted.example", 1, 0, 0, 0, false, false, NULL, SPF_ADVICE},
    {"loop.example", 1, 0, 0, 0, false, false, "leads back to itself", SPF_ERROR},
    {"to.example", 3, 0, 257, 3, false, false, NULL, SPF_ADVICE},
    {"late.example", 0, 0, 0, 0, false, false, "never looked at", SPF_ADVICE},
    {"endless.example", 0, 0, 1, 1, false, false, "neither \"all\"", SPF_ADVICE},
    {"who.example", 2, 0, 0, 0, false, true, "\"ptr\" is slow", SPF_ADVICE},
    {"lost.example", 6, 3, 257, 3, false, false, "3 terms find nothing", SPF_ERROR},
    {"many.example", 11, 0, 1, 1, false, false, "11 terms need look-ups", SPF_ERROR},
    {"two.example", 0, 0, 0, 0, false, false, "more than one SPF record", SPF_ERROR},
    {"none.example", 0, 0, 0, 0, false, false, "no SPF record", SPF_ERROR},
    {"wrong.example", 0, 0, 0, 0, false, false, "ip4:x", SPF_ERROR},
    {"dead.example", 0, 0, 0, 0, false, false, "dead.example", SPF_UNKNOWN},
    {"below.example", 1, 0, 0, 0, false, false, "dead.example", SPF_UNKNOWN},
    {"lost2.example", 1, 0, 0, 0, false, false, "none.example: no SPF record", SPF_ERROR},
    {"macro.example", 1, 0, 1, 1, false, false, NULL, SPF_ADVICE},
};

static void
check_finding(const struct spf_tree *t, const char *text, enum spf_severity severity)
{
    for (size_t i = 0; i < t->finding_count; i++)
        if (text != NULL && strstr(t->findings[i].text, text) != NULL &&
            t->findings[i].severity == severity)
            return;
    ck_assert_msg(text == NULL && t->finding_count == 0, "%s",
                  t->finding_count != 0 ? t->findings[0].text : "no finding");
}

static or_status
build(struct dns *dns, const char *domain, struct arena *mem, struct spf_tree *t)
{
    const struct spf_tree_query query = {
        .domain = span_cstr(domain),
        .dns = dns,
        .deadline_mono_ms = clock_mono_ms() + 5000,
        .clock_us = clock_mono_us,
        .mem = mem,
    };

    return spf_tree_build(&query, t, NULL);
}

START_TEST(record_comes_to)
{
    struct dns *dns = fake_dns_new(zone);
    struct spf_tree t;
    struct arena mem;

    arena_init(&mem, 16 << 20);
    ck_assert_int_eq(build(dns, rows[_i].domain, &mem, &t), OR_OK);
    ck_assert_uint_eq(t.lookups, rows[_i].lookups);
    ck_assert_uint_eq(t.voids, rows[_i].voids);
    ck_assert(t.ipv4_addresses == rows[_i].ipv4);
    ck_assert_uint_eq(t.network_count, rows[_i].networks);
    ck_assert_int_eq(t.everybody, rows[_i].everybody);
    ck_assert_int_eq(t.depends, rows[_i].depends);
    check_finding(&t, rows[_i].finding, rows[_i].severity);
    arena_fini(&mem);
    dns_free(dns);
}
END_TEST

START_TEST(terms_stand_below_their_record)
{
    struct dns *dns = fake_dns_new(zone);
    struct spf_tree t;
    struct arena mem;

    arena_init(&mem, 16 << 20);
    ck_assert_int_eq(build(dns, "to.example", &mem, &t), OR_OK);
    ck_assert_uint_eq(t.node_count, 7);
    ck_assert(t.nodes[0].is_record && t.nodes[0].depth == 0);
    ck_assert(span_equal_cstr(t.nodes[1].text, "redirect=plain.example"));
    ck_assert_uint_eq(t.nodes[1].lookup, 1);
    ck_assert(t.nodes[2].is_record && t.nodes[2].depth == 1);
    ck_assert(span_equal_cstr(t.nodes[2].domain, "plain.example"));
    ck_assert_str_eq(t.nodes[5].found, "198.51.100.1, 2001:db8::1");
    arena_fini(&mem);
    dns_free(dns);
}
END_TEST

/* Records that branch at every step end at the bounds. */
START_TEST(growth_is_bounded)
{
    static char text[20000];
    struct spf_tree t;
    struct arena mem;
    size_t used = 0;

    for (int i = 0; i < 10; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "r%d.example TXT v=spf1", i);
        for (int k = 0; k < 30; k++)
            used +=
                (size_t)snprintf(text + used, sizeof(text) - used, " include:r%d.example", i + 1);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "\n");
    }
    struct dns *dns = fake_dns_new(text);
    arena_init(&mem, 16 << 20);
    ck_assert_int_eq(build(dns, "r0.example", &mem, &t), OR_OK);
    ck_assert_uint_lt(t.node_count, SPF_TREE_MAX_NODES);
    ck_assert_uint_le(fake_dns_queries(dns), SPF_TREE_MAX_LOOKUPS + 1);
    check_finding(&t, "100 and more terms need look-ups", SPF_ERROR);
    arena_fini(&mem);
    dns_free(dns);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("spf_tree");
    TCase *tcase = tcase_create("all");

    tcase_add_loop_test(tcase, record_comes_to, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, terms_stand_below_their_record);
    tcase_add_test(tcase, growth_is_bounded);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
