/*
 * What authd counts, beside what all daemons do (common/run/metrics.h).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_AUTHD_METRICS_H
#define OUTRIDER_AUTHD_AUTHD_METRICS_H

#include "common/run/metrics.h"

/* In the order of the table; the comment names what is the first label. */
enum authd_metric {
    AUTHD_METRIC_LOGINS = METRICS_FIRST, /* authd_metrics_mechanism(), then enum authd_login */
    AUTHD_METRIC_THROTTLED,              /* enum authd_throttle */
    AUTHD_METRIC_CHECKS,
    AUTHD_METRIC_CHECK_SECONDS,
    AUTHD_METRIC_CACHE,   /* enum authd_cache */
    AUTHD_METRIC_LOOKUPS, /* authd_metrics_lookup() */
    AUTHD_METRIC_RECORDS, /* enum decisions_metric */
};

/* How a login ended. */
enum authd_login {
    AUTHD_LOGIN_ACCEPTED,
    AUTHD_LOGIN_WRONG,
    AUTHD_LOGIN_DISABLED,
    AUTHD_LOGIN_OTHER_USER,
    AUTHD_LOGIN_TEMPFAIL,
    AUTHD_LOGIN_MALFORMED, /* a response that the mechanism does not take */
    AUTHD_LOGIN_NO_TLS,
    AUTHD_LOGIN_OUT_OF_SCOPE,
    AUTHD_LOGIN_EXPIRED,
    AUTHD_LOGIN_BANNED,
};

enum authd_throttle { AUTHD_THROTTLE_CONNECTION, AUTHD_THROTTLE_HASHING };

enum authd_cache { AUTHD_CACHE_HIT, AUTHD_CACHE_MISS };

unsigned authd_metrics_mechanism(const char *name);
/* One look-up: `kind` is "userdb", "passdb", "request" or a table's name. */
void authd_metrics_lookup(const char *kind, or_status st);

extern const struct metrics_schema authd_metrics;

#endif
