/*
 * The table of lmtpd's metrics.
 */
#include "lmtp/lmtp_metrics.h"

#define ROW(id_) [(id_)-METRICS_FIRST]

/* In the order of their enums. */
static const char *const recipients[] = {"accepted", "rejected", "deferred", NULL};
static const char *const messages[] = {"received", "broken-off", NULL};
static const char *const deliveries[] = {"delivered", "duplicate", "deferred",
                                         "rejected",  "other",     NULL};

unsigned
lmtp_metrics_delivery(const char *action)
{
    return metrics_word(deliveries, span_cstr(action));
}

static const struct metrics_row rows[] = {
    ROW(LMTP_METRIC_RECIPIENTS) = {.name = "outrider_lmtpd_recipients_total",
                                   .type = METRICS_COUNTER,
                                   .labels = {{"result", recipients}},
                                   .help = "Recipients looked up at RCPT, by the answer."},
    ROW(LMTP_METRIC_USERDB_FAILURES) = {.name = "outrider_lmtpd_userdb_failures_total",
                                        .type = METRICS_COUNTER,
                                        .help = "Look-ups to which the userdb gave no answer."},
    ROW(LMTP_METRIC_MESSAGES) = {.name = "outrider_lmtpd_messages_total",
                                 .type = METRICS_COUNTER,
                                 .labels = {{"result", messages}},
                                 .help = "Messages sent to us; broken off: the client went away."},
    ROW(LMTP_METRIC_BYTES) = {.name = "outrider_lmtpd_message_bytes_total",
                              .type = METRICS_COUNTER,
                              .help = "Size of the messages received, each counted once."},
    ROW(LMTP_METRIC_DELIVERIES) = {.name = "outrider_lmtpd_deliveries_total",
                                   .type = METRICS_COUNTER,
                                   .labels = {{"result", deliveries}},
                                   .help = "Deliveries, one per recipient of a message."},
    ROW(LMTP_METRIC_SECONDS) = {.name = "outrider_lmtpd_delivery_seconds",
                                .type = METRICS_HISTOGRAM,
                                .help = "From DATA to a recipient's reply."},
};

const struct metrics_schema lmtp_metrics = {.rows = rows, .count = sizeof(rows) / sizeof(rows[0])};
