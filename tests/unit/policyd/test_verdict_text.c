/* What refused senders read. */
#include "policyd/verdict_text.h"
#include "tests/support/unit.h"

#include <string.h>

struct row {
    enum verdict_action action;
    bool from_is_reason;
    enum dmarc_from_defect defect;
    enum spf_result spf;
    const char *spf_domain;
    size_t signatures;
    bool related; /* one of the signatures is the author's */
    const char *dsn;
    const char *has; /* a piece of the text */
};

static const struct row rows[] = {
    {VERDICT_ACCEPT, false, 0, SPF_FAIL, "bank.example", 0, false, "", ""},
    {VERDICT_QUARANTINE, false, 0, SPF_FAIL, "bank.example", 0, false, "",
     "SPF fail (bank.example does not name 192.0.2.9); no DKIM signature"},
    {VERDICT_QUARANTINE, true, DMARC_FROM_SEVERAL, SPF_PASS, "bank.example", 0, false, "",
     "more than one From field"},
    {VERDICT_REJECT, false, 0, SPF_FAIL, "bank.example", 0, false, "5.7.26",
     "SPF fail (bank.example does not name 192.0.2.9); no DKIM signature."},
    {VERDICT_REJECT, false, 0, SPF_PASS, "evil.example", 0, false, "5.7.26",
     "(policy reject) and this one does not: SPF pass, but for evil.example, which is not "
     "aligned;"},
    {VERDICT_REJECT, false, 0, SPF_NEUTRAL, "bank.example", 2, true, "5.7.26",
     "SPF neutral for bank.example; its DKIM signature is not valid."},
    {VERDICT_REJECT, false, 0, SPF_NONE, "", 2, false, "5.7.26",
     "no DKIM signature of that domain among 2."},
    /* CVE-2020-12272: what is no host name is not printed. */
    {VERDICT_REJECT, false, 0, SPF_FAIL, "x.example(.bank.example", 0, false, "5.7.26",
     "(the sender's domain does not name"},
    {VERDICT_REJECT, true, DMARC_FROM_ABSENT, SPF_PASS, "bank.example", 0, false, "5.7.1",
     "This message has no From field;"},
    {VERDICT_REJECT, true, DMARC_FROM_SEVERAL, SPF_PASS, "bank.example", 0, false, "5.7.1",
     "more than one From field"},
    {VERDICT_TEMPFAIL, false, 0, SPF_TEMPERROR, "bank.example", 0, false, "4.4.3", "bank.example"},
};

static struct span
text_for(const struct row *row, struct span author, struct arena *mem, struct span *dsn)
{
    const struct dmarc_outcome outcome = {.policy = DMARC_POLICY_REJECT,
                                          .dkim_related = row->related};
    const struct verdict_facts facts = {
        .dmarc = &outcome, .from_defect = row->defect, .spf = row->spf};
    struct verdict_text_facts t = {
        .facts = &facts,
        .from_is_reason = row->from_is_reason,
        .author = author,
        .spf_domain = span_cstr(row->spf_domain),
        .signatures = row->signatures,
    };

    ck_assert(ip_parse(SPAN_LIT("192.0.2.9"), &t.client) == OR_OK);
    return verdict_text(&t, row->action, mem, dsn);
}

START_TEST(texts_say_what_was_seen)
{
    const struct row *row = &rows[_i];
    struct arena mem;
    struct span dsn;

    arena_init(&mem, 16384);
    struct span text = text_for(row, SPAN_LIT("bank.example"), &mem, &dsn);
    ck_assert_span_eq(dsn, row->dsn);
    ck_assert((text.n > 0) == (row->action != VERDICT_ACCEPT));
    ck_assert_msg(memmem(text.p, text.n, row->has, strlen(row->has)) != NULL, "%.*s",
                  SPAN_ARG(text));
    arena_fini(&mem);
}
END_TEST

START_TEST(the_longest_domain_does_not_overflow_a_reply_line)
{
    char name[253];
    struct arena mem;
    struct span dsn;

    memset(name, 'a', sizeof(name));
    for (size_t i = 60; i < sizeof(name); i += 61)
        name[i] = '.';
    arena_init(&mem, 16384);
    struct span text = text_for(&rows[3], span_make(name, sizeof(name)), &mem, &dsn);
    ck_assert_uint_eq(text.n, VERDICT_TEXT_MAX_BYTES);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("verdict_text");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, texts_say_what_was_seen, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tests, the_longest_domain_does_not_overflow_a_reply_line);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
