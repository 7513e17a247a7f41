/*
 * The table of policyd's metrics.
 */
#include "policyd/policyd_metrics.h"

#define ROW(id_) [(id_)-METRICS_FIRST]

/* All in the order of their enums. */
static const char *const kinds[] = {"policy", "message", NULL};
static const char *const verdicts[] = {"accept", "reject", "quarantine", "tempfail", NULL};
static const char *const spf_results[] = {"none",     "neutral",   "pass",      "fail",
                                          "softfail", "temperror", "permerror", NULL};
static const char *const dmarc_results[] = {"none", "pass", "fail", "temperror", "permerror", NULL};

const char *const policyd_metrics_checks[] = {"access",   "rate",   "brake", "client",
                                              "helo",     "sender", "spf",   "dnsbl",
                                              "greylist", "quota",  NULL};

static const char *const decisions[] = {"kept", "dropped", NULL}; /* enum decisions_metric */

enum answer { ANSWER_DUNNO, ANSWER_PREPEND, ANSWER_DEFER, ANSWER_REJECT, ANSWER_OTHER };
static const char *const answers[] = {"dunno", "prepend", "defer", "reject", "other", NULL};
/* The same, then enum policyd_check_word. */
static const char *const check_verdicts[] = {"dunno", "prepend", "defer",   "reject",
                                             "other", "none",    "skipped", NULL};
_Static_assert(ANSWER_OTHER + 1 == POLICYD_CHECK_NONE, "policyd_metrics.h");

unsigned
policyd_metrics_action(struct span value)
{
    static const struct {
        const char *prefix;
        enum answer answer;
    } known[] = {
        {"DUNNO", ANSWER_DUNNO}, {"PREPEND ", ANSWER_PREPEND}, {"4", ANSWER_DEFER},
        {"DEFER", ANSWER_DEFER}, {"5", ANSWER_REJECT},         {"REJECT", ANSWER_REJECT},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (span_has_prefix(value, span_cstr(known[i].prefix)))
            return known[i].answer;
    return ANSWER_OTHER;
}

static const struct metrics_row rows[] = {
    ROW(POLICYD_METRIC_REQUESTS) = {.name = "outrider_policyd_requests_total",
                                    .type = METRICS_COUNTER,
                                    .labels = {{"action", answers}},
                                    .help = "Questions of Postfix, by the answer."},
    ROW(POLICYD_METRIC_VERDICTS) = {.name = "outrider_policyd_verdicts_total",
                                    .type = METRICS_COUNTER,
                                    .labels = {{"action", verdicts}},
                                    .help = "Questions of the milter about whole messages, by the "
                                            "answer."},
    ROW(POLICYD_METRIC_BAD_REQUESTS) = {.name = "outrider_policyd_bad_requests_total",
                                        .type = METRICS_COUNTER,
                                        .help = "Connections closed over a request that was not "
                                                "understood or not finished."},
    ROW(POLICYD_METRIC_SPF) = {.name = "outrider_policyd_spf_results_total",
                               .type = METRICS_COUNTER,
                               .labels = {{"request", kinds}, {"result", spf_results}},
                               .help = "SPF results, by who asked."},
    ROW(POLICYD_METRIC_DMARC) = {.name = "outrider_policyd_dmarc_results_total",
                                 .type = METRICS_COUNTER,
                                 .labels = {{"result", dmarc_results}},
                                 .help = "DMARC results of messages."},
    ROW(POLICYD_METRIC_SECONDS) = {.name = "outrider_policyd_request_seconds",
                                   .type = METRICS_HISTOGRAM,
                                   .labels = {{"request", kinds}},
                                   .help = "From a whole request to its answer."},
    ROW(POLICYD_METRIC_DECISIONS) = {.name = "outrider_policyd_decisions_total",
                                     .type = METRICS_COUNTER,
                                     .labels = {{"result", decisions}},
                                     .help = "Decisions for outrider policy explain: kept, or "
                                             "dropped as the disk did not take them."},
    ROW(POLICYD_METRIC_CHECKS) = {.name = "outrider_policyd_checks_total",
                                  .type = METRICS_COUNTER,
                                  .labels = {{"check", policyd_metrics_checks},
                                             {"verdict", check_verdicts}},
                                  .help = "What each check wanted, also in shadow mode; none: it "
                                          "had no objection."},
    ROW(POLICYD_METRIC_STORE_UP) = {.name = "outrider_policyd_store_up",
                                    .type = METRICS_GAUGE,
                                    .help = "1 while the state store answers, as the last question "
                                            "of Postfix found it; 0 also where there is none."},
};

const struct metrics_schema policyd_metrics = {.rows = rows,
                                               .count = sizeof(rows) / sizeof(rows[0])};
