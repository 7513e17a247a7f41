/*
 * What policyd counts, beside what all daemons do (common/run/metrics.h).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_POLICYD_METRICS_H
#define OUTRIDER_POLICYD_POLICYD_METRICS_H

#include "common/run/metrics.h"

/* In the order of the table; the comment names what is the first label. */
enum policyd_metric {
    POLICYD_METRIC_REQUESTS = METRICS_FIRST, /* policyd_metrics_action() */
    POLICYD_METRIC_VERDICTS,                 /* enum verdict_action */
    POLICYD_METRIC_BAD_REQUESTS,
    POLICYD_METRIC_SPF,       /* enum policyd_request_kind, then enum spf_result */
    POLICYD_METRIC_DMARC,     /* enum dmarc_result */
    POLICYD_METRIC_SECONDS,   /* enum policyd_request_kind */
    POLICYD_METRIC_DECISIONS, /* enum decisions_metric */
    POLICYD_METRIC_CHECKS,    /* a row of policyd_metrics_checks, then policyd_metrics_action() or
                                 enum policyd_check_word */
    POLICYD_METRIC_STORE_UP,
};

#define POLICYD_METRICS_CHECKS 10

/* Names of the checks, NULL-terminated. */
extern const char *const policyd_metrics_checks[POLICYD_METRICS_CHECKS + 1];

/* Behind what policyd_metrics_action() gives. */
enum policyd_check_word { POLICYD_CHECK_NONE = 5, POLICYD_CHECK_SKIPPED };

enum policyd_request_kind { POLICYD_KIND_POLICY, POLICYD_KIND_MESSAGE };

/* The label for an answer to Postfix, "DUNNO" or "550 5.7.23 ...". */
unsigned policyd_metrics_action(struct span value);

extern const struct metrics_schema policyd_metrics;

#endif
