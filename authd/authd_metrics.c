/*
 * The table of authd's metrics.
 */
#include "authd/authd_metrics.h"

#define ROW(id_) [(id_)-METRICS_FIRST]

static const char *const mechanisms[] = {"PLAIN",
                                         "LOGIN",
                                         "SCRAM-SHA-1",
                                         "SCRAM-SHA-256",
                                         "SCRAM-SHA-512",
                                         "SCRAM-SHA-1-PLUS",
                                         "SCRAM-SHA-256-PLUS",
                                         "EXTERNAL",
                                         "CRAM-MD5",
                                         "OAUTHBEARER",
                                         "XOAUTH2",
                                         "ANONYMOUS",
                                         "other",
                                         NULL};
static const char *const kinds[] = {"userdb",        "passdb",  "request", "mailbox-domains",
                                    "mailboxes",     "aliases", "senders", "transports",
                                    "relay-domains", "dict",    "other",   NULL};
/* In the order of their enums. */
static const char *const logins[] = {"accepted", "wrong",     "disabled", "other-user",
                                     "tempfail", "malformed", "no-tls",   "out-of-scope",
                                     "expired",  "banned",    NULL};
static const char *const caches[] = {"hit", "miss", NULL};
static const char *const records[] = {"kept", "dropped", NULL};
static const char *const throttles[] = {"connection", "hashing", NULL};

enum found { FOUND, FOUND_NOTHING, FOUND_FAILED };
static const char *const founds[] = {"found", "absent", "failed", NULL};

unsigned
authd_metrics_mechanism(const char *name)
{
    return metrics_word(mechanisms, span_cstr(name));
}

void
authd_metrics_lookup(const char *kind, or_status st)
{
    enum found found = st == OR_ABSENT ? FOUND_NOTHING : FOUND_FAILED;

    metrics_add(AUTHD_METRIC_LOOKUPS, metrics_word(kinds, span_cstr(kind)),
                st == OR_OK ? FOUND : found, 1);
}

static const struct metrics_row rows[] = {
    ROW(AUTHD_METRIC_LOGINS) = {.name = "outrider_authd_logins_total",
                                .type = METRICS_COUNTER,
                                .labels = {{"mechanism", mechanisms}, {"result", logins}},
                                .help = "Logins, by mechanism and outcome."},
    ROW(AUTHD_METRIC_THROTTLED) = {.name = "outrider_authd_throttled_total",
                                   .type = METRICS_COUNTER,
                                   .labels = {{"reason", throttles}},
                                   .help = "Logins told to come later: too many on one connection, "
                                           "or no turn at hashing in time."},
    ROW(AUTHD_METRIC_CHECKS) = {.name = "outrider_authd_checks",
                                .type = METRICS_GAUGE,
                                .help = "Passwords being hashed or waiting for a turn."},
    ROW(AUTHD_METRIC_CHECK_SECONDS) = {.name = "outrider_authd_check_seconds",
                                       .type = METRICS_HISTOGRAM,
                                       .help = "How long a password check took, waiting "
                                               "included."},
    ROW(AUTHD_METRIC_CACHE) = {.name = "outrider_authd_auth_cache_total",
                               .type = METRICS_COUNTER,
                               .labels = {{"result", caches}},
                               .help = "Passwords known to be right (hit), or hashed (miss)."},
    ROW(AUTHD_METRIC_LOOKUPS) = {.name = "outrider_authd_lookups_total",
                                 .type = METRICS_COUNTER,
                                 .labels = {{"kind", kinds}, {"result", founds}},
                                 .help = "Look-ups of accounts and in Postfix's tables."},
    ROW(AUTHD_METRIC_RECORDS) = {.name = "outrider_authd_login_records_total",
                                 .type = METRICS_COUNTER,
                                 .labels = {{"result", records}},
                                 .help = "Logins kept for outrider user log, or dropped."},
};

const struct metrics_schema authd_metrics = {.rows = rows, .count = sizeof(rows) / sizeof(rows[0])};
