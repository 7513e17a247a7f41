/* The site's rules, with the weights that are shipped. */
#include "policyd/verdict_decide.h"
#include "tests/support/unit.h"

enum {
    LIST = 1,         /* list fields */
    RELATED_SPF = 2,  /* the envelope's domain is the author's */
    RELATED_DKIM = 4, /* a signature of the author's domain, broken */
    NO_PTR = 8,
    SIGNED = 16, /* some signature */
    TEST_MODE = 32,
};

struct row {
    enum dmarc_result result;
    enum dmarc_policy policy;
    unsigned flags;
    enum spf_result spf;
    enum spf_result from_spf;
    enum verdict_action action;
    const char *override;
};

static const struct policyd_settings shipped = {
    .reject_threshold = 100,
    .weights = {.spf_fail = 100,
                .spf_softfail = 50,
                .from_spf_fail = 50,
                .no_ptr = 50,
                .no_signature = 50,
                .dnsbl = 100},
};

#define REJECT DMARC_POLICY_REJECT

static const struct row rows[] = {
    {DMARC_PASS, REJECT, RELATED_SPF, SPF_PASS, 0, VERDICT_ACCEPT, ""},
    {DMARC_NONE, 0, NO_PTR, SPF_FAIL, 0, VERDICT_ACCEPT, ""},
    {DMARC_FAIL, DMARC_POLICY_NONE, RELATED_SPF | NO_PTR, SPF_FAIL, 0, VERDICT_ACCEPT, ""},
    {DMARC_FAIL, DMARC_POLICY_QUARANTINE, RELATED_SPF | NO_PTR, SPF_FAIL, 0, VERDICT_QUARANTINE,
     ""},
    /* Forged outright: the domain's own SPF says no. */
    {DMARC_FAIL, REJECT, RELATED_SPF, SPF_FAIL, 0, VERDICT_REJECT, ""},
    {DMARC_FAIL, REJECT, RELATED_SPF | SIGNED, SPF_FAIL, 0, VERDICT_REJECT, ""},
    /* RFC 9989 5.4: the policy alone is not enough. */
    {DMARC_FAIL, REJECT, SIGNED, SPF_PASS, SPF_PASS, VERDICT_QUARANTINE, "local_policy"},
    {DMARC_FAIL, REJECT, 0, SPF_PASS, SPF_NONE, VERDICT_QUARANTINE, "local_policy"},
    {DMARC_FAIL, REJECT, RELATED_SPF | SIGNED, SPF_NEUTRAL, 0, VERDICT_QUARANTINE, "local_policy"},
    /* Softfail counts less: it takes a second one. */
    {DMARC_FAIL, REJECT, RELATED_SPF | SIGNED, SPF_SOFTFAIL, 0, VERDICT_QUARANTINE, "local_policy"},
    {DMARC_FAIL, REJECT, RELATED_SPF, SPF_SOFTFAIL, 0, VERDICT_REJECT, ""},
    {DMARC_FAIL, REJECT, RELATED_SPF | SIGNED | NO_PTR, SPF_SOFTFAIL, 0, VERDICT_REJECT, ""},
    /* An envelope of the forger's own: the author's SPF weighs half, as for an honest forwarder. */
    {DMARC_FAIL, REJECT, 0, SPF_PASS, SPF_FAIL, VERDICT_REJECT, ""},
    {DMARC_FAIL, REJECT, SIGNED | RELATED_DKIM, SPF_PASS, SPF_FAIL, VERDICT_QUARANTINE,
     "local_policy"},
    {DMARC_FAIL, REJECT, NO_PTR, SPF_PASS, SPF_NONE, VERDICT_REJECT, ""},
    /* A list's copy is never rejected. */
    {DMARC_FAIL, REJECT, LIST | SIGNED | RELATED_DKIM, SPF_PASS, SPF_FAIL, VERDICT_QUARANTINE,
     "mailing_list"},
    {DMARC_FAIL, REJECT, LIST | NO_PTR, SPF_FAIL, SPF_FAIL, VERDICT_QUARANTINE, "mailing_list"},
    {DMARC_FAIL, REJECT, LIST | RELATED_SPF | RELATED_DKIM | SIGNED, SPF_FAIL, 0,
     VERDICT_QUARANTINE, "mailing_list"},
    /* A List-Id field alone does not make one. */
    {DMARC_FAIL, REJECT, LIST | RELATED_SPF, SPF_FAIL, 0, VERDICT_REJECT, ""},
    /* t=y was taken off before. */
    {DMARC_FAIL, DMARC_POLICY_QUARANTINE, TEST_MODE | RELATED_SPF, SPF_FAIL, 0, VERDICT_QUARANTINE,
     "policy_test_mode"},
    {DMARC_FAIL, DMARC_POLICY_NONE, TEST_MODE, SPF_FAIL, 0, VERDICT_ACCEPT, "policy_test_mode"},
    {DMARC_TEMPERROR, REJECT, 0, SPF_TEMPERROR, 0, VERDICT_TEMPFAIL, ""},
    {DMARC_TEMPERROR, DMARC_POLICY_NONE, 0, SPF_TEMPERROR, 0, VERDICT_ACCEPT, ""},
    {DMARC_PERMERROR, 0, NO_PTR, SPF_FAIL, 0, VERDICT_ACCEPT, ""},
};

static struct dmarc_outcome
outcome_of(const struct row *row)
{
    return (struct dmarc_outcome){
        .result = row->result,
        .policy = row->policy,
        .policy_known = true,
        .test_mode = (row->flags & TEST_MODE) != 0,
        .spf_related = (row->flags & RELATED_SPF) != 0,
        .dkim_related = (row->flags & RELATED_DKIM) != 0,
    };
}

static struct verdict_decision
decide(const struct policyd_settings *settings, const struct row *row,
       enum dmarc_from_defect defect)
{
    struct dmarc_outcome outcome = outcome_of(row);
    const struct verdict_facts facts = {
        .dmarc = &outcome,
        .from_defect = defect,
        .spf = row->spf,
        .from_spf = row->from_spf,
        .has_signature = (row->flags & SIGNED) != 0,
        .has_list_traits = (row->flags & LIST) != 0,
        .no_ptr = (row->flags & NO_PTR) != 0,
    };
    struct verdict_decision decision;

    verdict_decide(settings, &facts, &decision);
    return decision;
}

START_TEST(shipped_rules)
{
    const struct row *row = &rows[_i];
    struct verdict_decision d = decide(&shipped, row, DMARC_FROM_OK);

    ck_assert_msg(d.action == row->action, "%s, weight %lld", verdict_action_name(d.action),
                  (long long)d.weight);
    ck_assert_str_eq(d.override, row->override);
}
END_TEST

static const struct {
    int action;
    bool lists, clients; /* conditions of the rule */
    enum dmarc_policy policy;
    const char *override;
} rule_rows[] = {
    {VERDICT_ACCEPT, false, false, DMARC_POLICY_REJECT, "local_policy"},
    {VERDICT_ACCEPT, true, false, DMARC_POLICY_REJECT, "mailing_list"},
    {VERDICT_ACCEPT, true, true, DMARC_POLICY_QUARANTINE, "mailing_list"},
    {VERDICT_ACCEPT, false, true, DMARC_POLICY_QUARANTINE, "trusted_forwarder"},
    {VERDICT_ACCEPT, false, true, DMARC_POLICY_NONE, ""},
    /* a domain that should have had a policy long ago */
    {VERDICT_REJECT, false, false, DMARC_POLICY_NONE, "local_policy"},
    {VERDICT_REJECT, false, true, DMARC_POLICY_QUARANTINE, "local_policy"},
    {VERDICT_REJECT, false, false, DMARC_POLICY_REJECT, ""},
    {VERDICT_QUARANTINE, false, false, DMARC_POLICY_REJECT, "local_policy"},
    {VERDICT_QUARANTINE, false, false, DMARC_POLICY_QUARANTINE, ""},
};

START_TEST(rules_of_the_site_come_first)
{
    const struct policyd_dmarc_rule rule = {
        .action = rule_rows[_i].action,
        .list_ids = {.count = rule_rows[_i].lists},
        .clients = {.count = rule_rows[_i].clients},
    };
    const struct dmarc_outcome fail = {
        .result = DMARC_FAIL, .policy = rule_rows[_i].policy, .policy_known = true};
    const struct dmarc_outcome pass = {.result = DMARC_PASS};
    struct verdict_facts facts = {.dmarc = &fail, .rule = &rule, .vouched = true};
    struct verdict_decision d;

    ck_assert(!verdict_decide_wants_vouching(&facts));
    ck_assert(!verdict_decide_wants_from_spf(&shipped, &facts));
    verdict_decide(&shipped, &facts, &d);
    ck_assert_int_eq(d.action, rule_rows[_i].action);
    ck_assert_str_eq(d.override, rule_rows[_i].override);
    facts.dmarc = &pass;
    verdict_decide(&shipped, &facts, &d);
    ck_assert_int_eq(d.action, VERDICT_ACCEPT);
    ck_assert_str_eq(d.override, "");
}
END_TEST

START_TEST(who_is_vouched_for_is_let_in)
{
    const struct dmarc_outcome fail = {
        .result = DMARC_FAIL, .policy = DMARC_POLICY_REJECT, .policy_known = true};
    const struct verdict_facts facts = {.dmarc = &fail, .vouched = true, .no_ptr = true};
    struct verdict_decision d;

    verdict_decide(&shipped, &facts, &d);
    ck_assert_int_eq(d.action, VERDICT_ACCEPT);
    ck_assert_str_eq(d.override, "trusted_forwarder");
}
END_TEST

START_TEST(options_change_them)
{
    const struct row forged = {DMARC_FAIL, REJECT, RELATED_SPF, SPF_FAIL, 0, 0, ""};
    const struct row list = {DMARC_FAIL, REJECT, LIST | SIGNED, SPF_PASS, 0, 0, ""};
    const struct row unknown = {DMARC_TEMPERROR, REJECT, 0, SPF_TEMPERROR, 0, 0, ""};
    struct policyd_settings s = shipped;
    struct verdict_decision d;

    s.dmarc_reject = POLICYD_DMARC_REJECT_ALWAYS;
    ck_assert_int_eq(decide(&s, &list, DMARC_FROM_OK).action, VERDICT_REJECT);
    s.dmarc_reject = POLICYD_DMARC_REJECT_NEVER;
    d = decide(&s, &forged, DMARC_FROM_OK);
    ck_assert_int_eq(d.action, VERDICT_QUARANTINE);
    ck_assert_str_eq(d.override, "local_policy");
    s = shipped;
    s.dmarc_temperror = POLICYD_TEMPERROR_ACCEPT;
    ck_assert_int_eq(decide(&s, &unknown, DMARC_FROM_OK).action, VERDICT_ACCEPT);
    s = shipped;
    s.dmarc = POLICYD_DMARC_OBSERVE;
    d = decide(&s, &forged, DMARC_FROM_OK);
    ck_assert_int_eq(d.action, VERDICT_ACCEPT);
    ck_assert_str_eq(d.override, "local_policy");
    s = shipped;
    s.weights.spf_fail = 10;
    ck_assert_int_eq(decide(&s, &forged, DMARC_FROM_OK).action, VERDICT_QUARANTINE);
}
END_TEST

/* DNS lists are a signal like the others: whole when the client would be refused, else in part. */
START_TEST(dns_lists_corroborate)
{
    static const struct {
        unsigned flags;
        int64_t percent;
        enum verdict_action action;
    } cases[] = {
        {SIGNED, 100, VERDICT_REJECT},
        {SIGNED, 60, VERDICT_QUARANTINE},
        {SIGNED | NO_PTR, 50, VERDICT_REJECT},
        {SIGNED | LIST, 100, VERDICT_QUARANTINE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct row row = {DMARC_FAIL, REJECT, cases[i].flags, SPF_PASS, SPF_PASS, 0, ""};
        struct dmarc_outcome outcome = outcome_of(&row);
        const struct verdict_facts facts = {
            .dmarc = &outcome,
            .has_signature = true,
            .has_list_traits = (row.flags & LIST) != 0,
            .no_ptr = (row.flags & NO_PTR) != 0,
            .dnsbl_percent = cases[i].percent,
        };
        struct verdict_decision d;

        verdict_decide(&shipped, &facts, &d);
        ck_assert_msg(d.action == cases[i].action, "case %zu: weight %lld", i, (long long)d.weight);
        ck_assert(verdict_decide_wants_dnsbl(&shipped, &facts) != facts.has_list_traits);
    }
}
END_TEST

/* CVE-2019-16378 and the "Composition Kills": no way around DMARC by an odd From. */
START_TEST(a_defect_from_is_a_threat)
{
    const struct row none = {DMARC_NONE, 0, 0, SPF_PASS, 0, 0, ""};
    const struct row forged = {DMARC_FAIL, REJECT, RELATED_SPF, SPF_FAIL, 0, 0, ""};
    struct policyd_settings s = shipped;

    for (int defect = DMARC_FROM_ABSENT; defect <= DMARC_FROM_TOO_MANY; defect++) {
        struct verdict_decision d = decide(&s, &none, (enum dmarc_from_defect)defect);
        ck_assert_int_eq(d.action, VERDICT_REJECT);
        ck_assert(d.from_is_reason);
    }
    s.from_invalid = POLICYD_FROM_INVALID_QUARANTINE;
    ck_assert_int_eq(decide(&s, &none, DMARC_FROM_SEVERAL).action, VERDICT_QUARANTINE);
    ck_assert_int_eq(decide(&s, &forged, DMARC_FROM_SEVERAL).action, VERDICT_REJECT);
    s.from_invalid = POLICYD_FROM_INVALID_ACCEPT;
    ck_assert_int_eq(decide(&s, &none, DMARC_FROM_ABSENT).action, VERDICT_ACCEPT);
    ck_assert_int_eq(decide(&s, &forged, DMARC_FROM_SEVERAL).action, VERDICT_REJECT);
}
END_TEST

START_TEST(the_author_is_asked_about_spf_only_where_it_counts)
{
    const struct row other_envelope = {DMARC_FAIL, REJECT, 0, SPF_PASS, 0, 0, ""};
    const struct row own_envelope = {DMARC_FAIL, REJECT, RELATED_SPF, SPF_FAIL, 0, 0, ""};
    const struct row list = {DMARC_FAIL, REJECT, LIST, SPF_PASS, 0, 0, ""};
    const struct row mild = {DMARC_FAIL, DMARC_POLICY_QUARANTINE, 0, SPF_PASS, 0, 0, ""};
    const struct {
        const struct row *row;
        bool wanted;
    } cases[] = {{&other_envelope, true}, {&own_envelope, false}, {&list, false}, {&mild, false}};

    for (size_t i = 0; i < 4; i++) {
        struct dmarc_outcome outcome = outcome_of(cases[i].row);
        const struct verdict_facts facts = {.dmarc = &outcome,
                                            .has_list_traits = (cases[i].row->flags & LIST) != 0};
        ck_assert_msg(verdict_decide_wants_from_spf(&shipped, &facts) == cases[i].wanted,
                      "case %zu", i);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("verdict_decide");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, shipped_rules, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_loop_test(tests, rules_of_the_site_come_first, 0,
                        sizeof(rule_rows) / sizeof(rule_rows[0]));
    tcase_add_test(tests, who_is_vouched_for_is_let_in);
    tcase_add_test(tests, options_change_them);
    tcase_add_test(tests, dns_lists_corroborate);
    tcase_add_test(tests, a_defect_from_is_a_threat);
    tcase_add_test(tests, the_author_is_asked_about_spf_only_where_it_counts);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
