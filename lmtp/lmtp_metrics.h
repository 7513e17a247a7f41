/*
 * What lmtpd counts, beside what all daemons do (common/run/metrics.h).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_LMTP_METRICS_H
#define OUTRIDER_LMTP_LMTP_METRICS_H

#include "common/run/metrics.h"

/* In the order of the table; the comment names what is the first label. */
enum lmtp_metric {
    LMTP_METRIC_RECIPIENTS = METRICS_FIRST, /* enum lmtp_recipient_result */
    LMTP_METRIC_USERDB_FAILURES,
    LMTP_METRIC_MESSAGES, /* enum lmtp_message_result */
    LMTP_METRIC_BYTES,
    LMTP_METRIC_DELIVERIES, /* lmtp_metrics_delivery() */
    LMTP_METRIC_SECONDS,
};

enum lmtp_recipient_result { LMTP_RECIPIENT_OK, LMTP_RECIPIENT_REJECTED, LMTP_RECIPIENT_DEFERRED };
enum lmtp_message_result { LMTP_MESSAGE_RECEIVED, LMTP_MESSAGE_BROKEN_OFF };

/* The label for lmtp_reply_action()'s word, or "duplicate". */
unsigned lmtp_metrics_delivery(const char *action);

extern const struct metrics_schema lmtp_metrics;

#endif
