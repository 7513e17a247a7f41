/* The words of the table stand in the order of the enums that choose them. */
#include "milter/milter_metrics.h"

#include "milter/dkim/dkim.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static void
set_up(void)
{
    metrics_start(&milter_metrics, true);
}

/* Whether exactly this line is among the metrics. */
static bool
has_line(const char *line)
{
    struct buf out;
    char wanted[256];

    snprintf(wanted, sizeof(wanted), "\n%s\n", line);
    buf_init(&out, METRICS_MAX_TEXT_BYTES);
    metrics_format(&out);
    buf_add_char(&out, '\0');
    bool found = strstr(out.p, wanted) != NULL;
    buf_fini(&out);
    return found;
}

static void
expect(const char *name, const char *label, const char *word, long value)
{
    char line[200];

    snprintf(line, sizeof(line), "%s{%s=\"%s\"} %ld", name, label, word, value);
    ck_assert_msg(has_line(line), "no %s", line);
}

START_TEST(dkim_and_arc_results_have_their_names)
{
    for (unsigned i = 0; i < DKIM_RESULTS; i++)
        metrics_add(MILTER_METRIC_DKIM, i, 0, i + 1);
    for (unsigned i = 0; i < DKIM_RESULTS; i++)
        expect("outrider_milter_dkim_results_total", "result",
               dkim_result_name((enum dkim_result)i), (long)i + 1);
    for (unsigned i = ARC_NONE; i <= ARC_FAIL; i++)
        metrics_add(MILTER_METRIC_ARC, i, 0, i + 1);
    for (unsigned i = ARC_NONE; i <= ARC_FAIL; i++)
        expect("outrider_milter_arc_results_total", "result", arc_result_name((enum arc_result)i),
               (long)i + 1);
}
END_TEST

START_TEST(a_message_is_counted_by_what_was_done_with_it)
{
    static const struct {
        bool too_large, originating, has_sign;
        enum verdict_action action;
        const char *series;
    } cases[] = {
        {true, true, true, VERDICT_REJECT, "kind=\"oversized\",action=\"reject\""},
        {false, true, true, VERDICT_ACCEPT, "kind=\"signed\",action=\"accept\""},
        {false, true, false, VERDICT_ACCEPT, "kind=\"not-signed\",action=\"accept\""},
        {false, false, false, VERDICT_QUARANTINE, "kind=\"verified\",action=\"quarantine\""},
        {false, false, false, VERDICT_TEMPFAIL, "kind=\"verified\",action=\"tempfail\""},
    };
    static struct dkim_sign sign;
    char line[200];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct milter_message m = {.too_large = cases[i].too_large,
                                   .originating = cases[i].originating,
                                   .sign = cases[i].has_sign ? &sign : NULL};

        milter_metrics_ended(&m, cases[i].action, 0);
        snprintf(line, sizeof(line), "outrider_milter_messages_total{%s} 1", cases[i].series);
        ck_assert_msg(has_line(line), "no %s", line);
    }
}
END_TEST

START_TEST(what_policyd_says_is_one_of_our_words)
{
    struct milter_message m = {.arc = NULL};
    const struct verdict_answer known = {.spf = SPAN_LIT("softfail"), .dmarc = SPAN_LIT("pass")};
    const struct verdict_answer unheard_of = {.spf = SPAN_LIT("x\"} 1\n"), .dmarc = SPAN_EMPTY};

    milter_metrics_judged(&m, &known);
    milter_metrics_judged(&m, &unheard_of);
    milter_metrics_judged(&m, NULL);
    expect("outrider_milter_dkim_results_total", "result", "none", 3);
    expect("outrider_milter_spf_results_total", "result", "softfail", 1);
    expect("outrider_milter_spf_results_total", "result", "other", 1);
    expect("outrider_milter_dmarc_results_total", "result", "pass", 1);
    expect("outrider_milter_dmarc_results_total", "result", "other", 0);
}
END_TEST

START_TEST(reasons_not_to_sign)
{
    static const struct {
        or_status st;
        const char *reason;
    } cases[] = {{OR_ABSENT, "no-key"},
                 {OR_MALFORMED, "no-author"},
                 {OR_LIMIT, "too-large"},
                 {OR_BUG, "other"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        milter_metrics_not_signed(cases[i].st);
        expect("outrider_milter_not_signed_total", "reason", cases[i].reason, 1);
    }
}
END_TEST

START_TEST(without_a_key_directory_there_are_no_keys)
{
    metrics_set(MILTER_METRIC_KEYS, 5);
    metrics_set(MILTER_METRIC_KEYS_BROKEN, 5);
    milter_metrics_keys(NULL);
    ck_assert(has_line("outrider_milter_keys 0"));
    ck_assert(has_line("outrider_milter_keys_broken 0"));
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("milter_metrics");
    TCase *t = tcase_create("milter_metrics");

    tcase_add_checked_fixture(t, set_up, metrics_stop);
    tcase_add_test(t, dkim_and_arc_results_have_their_names);
    tcase_add_test(t, a_message_is_counted_by_what_was_done_with_it);
    tcase_add_test(t, what_policyd_says_is_one_of_our_words);
    tcase_add_test(t, reasons_not_to_sign);
    tcase_add_test(t, without_a_key_directory_there_are_no_keys);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
