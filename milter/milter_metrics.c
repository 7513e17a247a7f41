/*
 * The table of the milter's metrics.
 */
#include "milter/milter_metrics.h"

#include "common/base/clock.h"

#define ROW(id_) [(id_)-METRICS_FIRST]

/* All in the order of their enums. */
static const char *const kinds[] = {"signed", "not-signed", "verified", "oversized", NULL};
static const char *const actions[] = {"accept", "reject", "quarantine", "tempfail", NULL};
static const char *const signatures[] = {"made", "failed", NULL};
static const char *const dkim_results[] = {"none",    "pass",      "fail",      "policy",
                                           "neutral", "temperror", "permerror", NULL};
static const char *const arc_results[] = {"none", "pass", "fail", NULL};
static const char *const results[] = {"none",      "pass",      "fail",  "neutral", "softfail",
                                      "temperror", "permerror", "other", NULL};

enum not_signed { NOT_SIGNED_NO_KEY, NOT_SIGNED_AUTHOR, NOT_SIGNED_LIMIT, NOT_SIGNED_OTHER };
static const char *const not_signed[] = {"no-key", "no-author", "too-large", "other", NULL};

void
milter_metrics_not_signed(or_status st)
{
    enum not_signed reason = NOT_SIGNED_OTHER;

    if (st == OR_ABSENT)
        reason = NOT_SIGNED_NO_KEY;
    else if (st == OR_MALFORMED)
        reason = NOT_SIGNED_AUTHOR;
    else if (st == OR_LIMIT)
        reason = NOT_SIGNED_LIMIT;
    metrics_inc(MILTER_METRIC_NOT_SIGNED, reason);
}

void
milter_metrics_keys(const struct dkim_keytable *keys)
{
    metrics_set(MILTER_METRIC_KEYS, keys == NULL ? 0 : (int64_t)dkim_keytable_key_count(keys));
    metrics_set(MILTER_METRIC_KEYS_BROKEN,
                keys == NULL ? 0 : (int64_t)dkim_keytable_problem_count(keys));
}

static enum milter_kind
kind_of(const struct milter_message *m)
{
    if (m->too_large)
        return MILTER_OVERSIZED;
    if (!m->originating)
        return MILTER_VERIFIED;
    return m->sign != NULL ? MILTER_SIGNED : MILTER_NOT_SIGNED;
}

void
milter_metrics_ended(const struct milter_message *m, enum verdict_action action, int64_t began_us)
{
    enum milter_kind kind = kind_of(m);

    metrics_add(MILTER_METRIC_MESSAGES, kind, action, 1);
    metrics_observe(MILTER_METRIC_VERDICT_SECONDS, kind, clock_mono_us() - began_us);
}

void
milter_metrics_judged(const struct milter_message *m, const struct verdict_answer *answer)
{
    if (m->verify.count == 0)
        metrics_inc(MILTER_METRIC_DKIM, DKIM_NONE);
    for (size_t i = 0; i < m->verify.count; i++)
        metrics_inc(MILTER_METRIC_DKIM, m->verify.items[i].result);
    if (m->arc != NULL)
        metrics_inc(MILTER_METRIC_ARC, m->arc->result);
    if (answer != NULL && answer->spf.n != 0)
        metrics_inc(MILTER_METRIC_SPF, metrics_word(results, answer->spf));
    if (answer != NULL && answer->dmarc.n != 0)
        metrics_inc(MILTER_METRIC_DMARC, metrics_word(results, answer->dmarc));
}

static const struct metrics_row rows[] = {
    ROW(MILTER_METRIC_MESSAGES) = {.name = "outrider_milter_messages_total",
                                   .type = METRICS_COUNTER,
                                   .labels = {{"kind", kinds}, {"action", actions}},
                                   .help = "Messages, by what was done with them and the answer."},
    ROW(MILTER_METRIC_OVERLOADS) = {.name = "outrider_milter_overloads_total",
                                    .type = METRICS_COUNTER,
                                    .help = "Messages put off past max-connections or while "
                                            "stopping."},
    ROW(MILTER_METRIC_SIGNATURES) = {.name = "outrider_milter_signatures_total",
                                     .type = METRICS_COUNTER,
                                     .labels = {{"result", signatures}},
                                     .help = "DKIM signatures made, or that a key did not make."},
    ROW(MILTER_METRIC_NOT_SIGNED) = {.name = "outrider_milter_not_signed_total",
                                     .type = METRICS_COUNTER,
                                     .labels = {{"reason", not_signed}},
                                     .help = "Messages of ours without a signature, by reason."},
    ROW(MILTER_METRIC_DKIM) = {.name = "outrider_milter_dkim_results_total",
                               .type = METRICS_COUNTER,
                               .labels = {{"result", dkim_results}},
                               .help = "Results of DKIM, one per signature; none: one per message "
                                       "without."},
    ROW(MILTER_METRIC_ARC) = {.name = "outrider_milter_arc_results_total",
                              .type = METRICS_COUNTER,
                              .labels = {{"result", arc_results}},
                              .help = "Results of ARC chains, one per message."},
    ROW(MILTER_METRIC_SPF) = {.name = "outrider_milter_spf_results_total",
                              .type = METRICS_COUNTER,
                              .labels = {{"result", results}},
                              .help = "SPF results in policyd's verdicts."},
    ROW(MILTER_METRIC_DMARC) = {.name = "outrider_milter_dmarc_results_total",
                                .type = METRICS_COUNTER,
                                .labels = {{"result", results}},
                                .help = "DMARC results in policyd's verdicts."},
    ROW(MILTER_METRIC_POLICYD_FAILURES) = {.name = "outrider_milter_policyd_failures_total",
                                           .type = METRICS_COUNTER,
                                           .help = "Messages for which policyd gave no verdict."},
    ROW(MILTER_METRIC_FORGED) = {.name = "outrider_milter_forged_fields_total",
                                 .type = METRICS_COUNTER,
                                 .help = "Fields removed that only we may write."},
    ROW(MILTER_METRIC_VERDICT_SECONDS) = {.name = "outrider_milter_verdict_seconds",
                                          .type = METRICS_HISTOGRAM,
                                          .labels = {{"kind", kinds}},
                                          .help = "From the end of a message to its answer."},
    ROW(MILTER_METRIC_KEYS) = {.name = "outrider_milter_keys",
                               .type = METRICS_GAUGE,
                               .help = "Signing keys loaded."},
    ROW(MILTER_METRIC_KEYS_BROKEN) = {.name = "outrider_milter_keys_broken",
                                      .type = METRICS_GAUGE,
                                      .help = "Signing keys left out because they cannot be used; "
                                              "the log and \"outrider dkim status\" say which."},
};

const struct metrics_schema milter_metrics = {.rows = rows,
                                              .count = sizeof(rows) / sizeof(rows[0])};
