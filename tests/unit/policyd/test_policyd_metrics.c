/* The words of the table stand in the order of the enums that choose them. */
#include "policyd/policyd_metrics.h"

#include "common/run/verdict.h"
#include "policyd/dmarc/dmarc.h"
#include "policyd/spf/spf.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static void
expect(const char *series, long value)
{
    struct buf out;
    char wanted[256];

    snprintf(wanted, sizeof(wanted), "\n%s %ld\n", series, value);
    buf_init(&out, METRICS_MAX_TEXT_BYTES);
    metrics_format(&out);
    buf_add_char(&out, '\0');
    ck_assert_msg(strstr(out.p, wanted) != NULL, "no %s", wanted);
    buf_fini(&out);
}

static void
set_up(void)
{
    metrics_start(&policyd_metrics, true);
}

START_TEST(results_have_their_names)
{
    char series[200];

    for (unsigned i = SPF_NONE; i <= SPF_PERMERROR; i++) {
        metrics_add(POLICYD_METRIC_SPF, POLICYD_KIND_MESSAGE, i, i + 1);
        snprintf(series, sizeof(series),
                 "outrider_policyd_spf_results_total{request=\"message\",result=\"%s\"}",
                 spf_result_name((enum spf_result)i));
        expect(series, (long)i + 1);
    }
    for (unsigned i = DMARC_NONE; i <= DMARC_PERMERROR; i++) {
        metrics_add(POLICYD_METRIC_DMARC, i, 0, i + 1);
        snprintf(series, sizeof(series), "outrider_policyd_dmarc_results_total{result=\"%s\"}",
                 dmarc_result_name((enum dmarc_result)i));
        expect(series, (long)i + 1);
    }
    for (unsigned i = VERDICT_ACCEPT; i <= VERDICT_TEMPFAIL; i++) {
        metrics_add(POLICYD_METRIC_VERDICTS, i, 0, i + 1);
        snprintf(series, sizeof(series), "outrider_policyd_verdicts_total{action=\"%s\"}",
                 verdict_action_name((enum verdict_action)i));
        expect(series, (long)i + 1);
    }
}
END_TEST

START_TEST(answers_are_told_apart_by_their_first_word)
{
    static const struct {
        const char *value, *word;
    } cases[] = {
        {"DUNNO", "dunno"},
        {"PREPEND Received-SPF: pass", "prepend"},
        {"451 4.7.24 later", "defer"},
        {"DEFER_IF_PERMIT later", "defer"},
        {"550 5.7.23 no", "reject"},
        {"REJECT no", "reject"},
        {"OK", "other"},
        {"", "other"},
    };
    char series[200];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        metrics_start(&policyd_metrics, true);
        metrics_inc(POLICYD_METRIC_REQUESTS, policyd_metrics_action(span_cstr(cases[i].value)));
        snprintf(series, sizeof(series), "outrider_policyd_requests_total{action=\"%s\"}",
                 cases[i].word);
        expect(series, 1);
    }
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("policyd_metrics");
    TCase *t = tcase_create("policyd_metrics");

    tcase_add_checked_fixture(t, set_up, metrics_stop);
    tcase_add_test(t, results_have_their_names);
    tcase_add_test(t, answers_are_told_apart_by_their_first_word);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
