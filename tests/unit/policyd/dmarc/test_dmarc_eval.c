/* Verdicts: alignment, choice of policy, DNS trouble. */
#include "common/base/clock.h"
#include "policyd/dmarc/dmarc_eval.h"
#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#define PASSED DMARC_AUTH_PASSED
#define FAILED DMARC_AUTH_NOT_PASSED
#define UNKNOWN DMARC_AUTH_UNKNOWN

struct row {
    const char *zone;
    const char *author;
    const char *spf_domain;
    enum dmarc_auth spf;
    const char *dkim_domain; /* "": no signature */
    enum dmarc_auth dkim;
    const char *result;
    const char *policy; /* NULL: not known */
};

static const struct row rows[] = {
    /* Relaxed alignment: the same Organizational Domain. */
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "x.org", "x.org", PASSED, "", FAILED, "pass",
     "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "x.org", "mail.X.ORG", PASSED, "", FAILED, "pass",
     "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "a.x.org", "b.x.org", PASSED, "", FAILED, "pass",
     "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "x.org", "other.org", PASSED, "other.org", PASSED,
     "fail", "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "x.org", "x.org", FAILED, "sub.x.org", PASSED, "pass",
     "reject"},
    /* A public suffix is nobody's Organizational Domain (psd=y one level up). */
    {"_dmarc.x.uk TXT v=DMARC1; p=reject\n_dmarc.uk TXT v=DMARC1; psd=y\n", "x.uk", "y.uk", PASSED,
     "", FAILED, "fail", "reject"},
    /* Endings that only look alike. */
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "x.org", "notx.org", PASSED, "x.org.evil.org", PASSED,
     "fail", "reject"},
    /* Walks of their own: psd=n below the author's Organizational Domain cuts the subtree off. */
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n_dmarc.s.x.org TXT v=DMARC1; p=none; psd=n\n", "x.org",
     "m.s.x.org", PASSED, "", FAILED, "fail", "reject"},
    /* Strict alignment: the same name. */
    {"_dmarc.x.org TXT v=DMARC1; p=reject; aspf=s\n", "x.org", "mail.x.org", PASSED, "", FAILED,
     "fail", "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=reject; adkim=s\n", "x.org", "", FAILED, "mail.x.org", PASSED,
     "fail", "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=reject; adkim=s; aspf=s\n", "x.org", "", FAILED, "X.org", PASSED,
     "pass", "reject"},
    /* p, sp, np (RFC 9989 4.10.1). */
    {"_dmarc.x.org TXT v=DMARC1; p=reject; sp=none\ns.x.org A 192.0.2.1\n", "s.x.org", "", FAILED,
     "", FAILED, "fail", "none"},
    {"_dmarc.x.org TXT v=DMARC1; p=none; sp=quarantine; np=reject\ns.x.org A 192.0.2.1\n",
     "s.x.org", "", FAILED, "", FAILED, "fail", "quarantine"},
    {"_dmarc.x.org TXT v=DMARC1; p=none; sp=quarantine; np=reject\n", "ghost.x.org", "", FAILED, "",
     FAILED, "fail", "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=none; np=reject\ns.x.org TXT only\n", "s.x.org", "", FAILED, "",
     FAILED, "fail", "none"}, /* NODATA exists */
    {"_dmarc.x.org TXT v=DMARC1; p=none; np=reject\na.s.x.org A 192.0.2.1\n", "s.x.org", "", FAILED,
     "", FAILED, "fail", "none"}, /* RFC 8020: an empty non-terminal exists */
    {"_dmarc.x.org TXT v=DMARC1; p=none; np=reject\n", "x.org", "", FAILED, "", FAILED, "fail",
     "none"}, /* np is about subdomains */
    {"_dmarc.org TXT v=DMARC1; p=none; np=reject; psd=y\n", "ghost.org", "", FAILED, "", FAILED,
     "fail", "reject"}, /* RFC 9091's purpose: names below a suffix that nobody registered */
    /* t=y: one step down. */
    {"_dmarc.x.org TXT v=DMARC1; p=reject; t=y\n", "x.org", "", FAILED, "", FAILED, "fail",
     "quarantine"},
    {"_dmarc.x.org TXT v=DMARC1; p=quarantine; t=y\n", "x.org", "", FAILED, "", FAILED, "fail",
     "none"},
    {"_dmarc.x.org TXT v=DMARC1; p=none; t=y\n", "x.org", "", FAILED, "", FAILED, "fail", "none"},
    /* No record, and records that say nothing. */
    {"x.org A 192.0.2.1\n", "x.org", "x.org", PASSED, "", FAILED, "none", NULL},
    {"_dmarc.x.org TXT v=DMARC1\n", "x.org", "x.org", PASSED, "", FAILED, "none", NULL},
    {"_dmarc.x.org TXT v=DMARC1; p=bogus\n", "x.org", "x.org", PASSED, "", FAILED, "permerror",
     NULL},
    /* DNS trouble (RFC 9989 5.3.6). */
    {"_dmarc.x.org SERVFAIL\n", "x.org", "x.org", PASSED, "", FAILED, "temperror", NULL},
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "x.org", "x.org", UNKNOWN, "", FAILED, "temperror",
     "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "x.org", "", FAILED, "x.org", UNKNOWN, "temperror",
     "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "x.org", "x.org", UNKNOWN, "x.org", PASSED, "pass",
     "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "x.org", "other.org", UNKNOWN, "", FAILED, "fail",
     "reject"}, /* it could not have helped */
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n_dmarc.s.x.org SERVFAIL\n", "x.org", "s.x.org", PASSED,
     "", FAILED, "temperror", "reject"},
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n_dmarc.org SERVFAIL\n", "x.org", "x.org", PASSED, "",
     FAILED, "pass", "reject"}, /* identical names need no walk (4.10.2) */
    {"_dmarc.x.org TXT v=DMARC1; p=none; np=reject\ns.x.org SERVFAIL\n", "s.x.org", "", FAILED, "",
     FAILED, "temperror", NULL},
    /* Identifiers that are no domain names are never aligned (CVE-2020-12272). */
    {"_dmarc.x.org TXT v=DMARC1; p=reject\n", "x.org", "x.org(.evil.org", PASSED, "..x.org", PASSED,
     "fail", "reject"},
};

static void
evaluate(struct dns *dns, struct arena *mem, const struct row *row, struct dmarc_outcome *outcome)
{
    const struct dmarc_lookup l = {
        .dns = dns, .deadline_mono_ms = clock_mono_ms() + 5000, .mem = mem};
    const struct dmarc_identity dkim = {.domain = span_cstr(row->dkim_domain), .auth = row->dkim};
    const struct dmarc_input input = {
        .author = span_cstr(row->author),
        .spf = {.domain = span_cstr(row->spf_domain), .auth = row->spf},
        .dkim = &dkim,
        .dkim_count = row->dkim_domain[0] != '\0',
    };
    struct err why;

    dmarc_eval(&l, &input, outcome, &why);
}

START_TEST(verdicts)
{
    const struct row *row = &rows[_i];
    struct dns *dns = fake_dns_new(row->zone);
    struct dmarc_outcome outcome;
    struct arena mem;

    arena_init(&mem, 1 << 20);
    evaluate(dns, &mem, row, &outcome);
    ck_assert_str_eq(dmarc_result_name(outcome.result), row->result);
    ck_assert_msg(outcome.policy_known == (row->policy != NULL), "%s", row->zone);
    if (row->policy != NULL)
        ck_assert_str_eq(dmarc_policy_name(outcome.policy), row->policy);
    arena_fini(&mem);
    dns_free(dns);
}
END_TEST

START_TEST(related_identifiers_are_told_though_they_failed)
{
    static const struct row row = {"_dmarc.x.org TXT v=DMARC1; p=reject\n",
                                   "x.org",
                                   "m.x.org",
                                   FAILED,
                                   "k.x.org",
                                   FAILED,
                                   NULL,
                                   NULL};
    struct dns *dns = fake_dns_new(row.zone);
    struct dmarc_outcome o;
    struct arena mem;

    arena_init(&mem, 1 << 20);
    evaluate(dns, &mem, &row, &o);
    ck_assert(o.spf_related && o.dkim_related && !o.spf_aligned && !o.dkim_aligned);
    ck_assert_span_eq(o.record_domain, "x.org");
    arena_fini(&mem);
    dns_free(dns);
}
END_TEST

/* Thirty signatures by strangers and thirty by subdomains: DNS is not their amplifier. */
START_TEST(signatures_do_not_multiply_questions)
{
    struct dns *dns = fake_dns_new("_dmarc.x.org TXT v=DMARC1; p=reject\n");
    struct dmarc_identity dkim[60];
    struct dmarc_outcome outcome;
    struct arena mem;
    struct err why;

    arena_init(&mem, 1 << 20);
    for (size_t i = 0; i < 60; i++) {
        char *name = i < 30 ? arena_printf(&mem, "s%zu.stranger.net", i)
                            : arena_printf(&mem, "s%zu.a.b.c.d.e.f.x.org", i);
        ck_assert_ptr_nonnull(name);
        dkim[i] = (struct dmarc_identity){.domain = span_cstr(name), .auth = PASSED};
    }
    const struct dmarc_lookup l = {
        .dns = dns, .deadline_mono_ms = clock_mono_ms() + 5000, .mem = &mem};
    const struct dmarc_input input = {
        .author = SPAN_LIT("x.org"), .spf = {.domain = SPAN_EMPTY}, .dkim = dkim, .dkim_count = 60};
    dmarc_eval(&l, &input, &outcome, &why);
    ck_assert_int_eq(outcome.result, DMARC_PASS);
    ck_assert_uint_le(fake_dns_queries(dns), 2 + DMARC_EVAL_MAX_WALKS * DMARC_WALK_MAX_QUERIES);
    arena_fini(&mem);
    dns_free(dns);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dmarc_eval");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, verdicts, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tests, related_identifiers_are_told_though_they_failed);
    tcase_add_test(tests, signatures_do_not_multiply_questions);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
