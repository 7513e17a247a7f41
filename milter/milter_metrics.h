/*
 * What the milter counts, beside what all daemons do (common/run/metrics.h).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_MILTER_METRICS_H
#define OUTRIDER_MILTER_MILTER_METRICS_H

#include "common/run/metrics.h"
#include "common/run/verdict.h"
#include "milter/milter_message.h"

/* In the order of the table; the comment names the enum that is the first label. */
enum milter_metric {
    MILTER_METRIC_MESSAGES = METRICS_FIRST, /* enum milter_kind, then enum verdict_action */
    MILTER_METRIC_OVERLOADS,
    MILTER_METRIC_SIGNATURES, /* enum milter_signature */
    MILTER_METRIC_NOT_SIGNED, /* why */
    MILTER_METRIC_DKIM,       /* enum dkim_result */
    MILTER_METRIC_ARC,        /* enum arc_result */
    MILTER_METRIC_SPF,        /* policyd's word */
    MILTER_METRIC_DMARC,      /* policyd's word */
    MILTER_METRIC_POLICYD_FAILURES,
    MILTER_METRIC_FORGED,
    MILTER_METRIC_VERDICT_SECONDS, /* enum milter_kind */
    MILTER_METRIC_KEYS,
    MILTER_METRIC_KEYS_BROKEN,
};

/* What became of a message: ours with or without a signature, theirs, or neither for its size. */
enum milter_kind { MILTER_SIGNED, MILTER_NOT_SIGNED, MILTER_VERIFIED, MILTER_OVERSIZED };
enum milter_signature { MILTER_SIGNATURE_MADE, MILTER_SIGNATURE_FAILED };

/* The end of a message and how long it took since the end of its body. */
void
milter_metrics_ended(const struct milter_message *m, enum verdict_action action, int64_t began_us);
/* The results of a message from outside; `answer`: policyd's, NULL when it was not asked. */
void milter_metrics_judged(const struct milter_message *m, const struct verdict_answer *answer);
/* The keys of the configuration in force; NULL: none. */
void milter_metrics_keys(const struct dkim_keytable *keys);
/* A message of ours that is not signed, since preparing that came to `st`. */
void milter_metrics_not_signed(or_status st);

extern const struct metrics_schema milter_metrics;

#endif
