/*
 * Rate limits: rules of the configuration, each a set of token buckets for every key that occurs.
 *
 *     rate "users" { by = {"sasl-user"} limits = {"100/1h", "500/1d"} count = recipients }
 *
 * A rule applies to a request that has all of its `by`; all its buckets give or none does. Buckets
 * lie in the state store under "rate/RULE/WINDOW/KEY", so that several hosts share them.
 *
 * Threads: immutable once built; the store locks.
 */
#ifndef OUTRIDER_POLICYD_RATELIMIT_H
#define OUTRIDER_POLICYD_RATELIMIT_H

#include "common/run/kvstore.h"
#include "policyd/policyd_conf.h"

#define RATELIMIT_MAX_WINDOWS 8
#define RATELIMIT_PREFIX "rate/" /* of all keys in the store */
#define RATELIMIT_MAX_KEYS 6     /* of one `by` */

enum ratelimit_key {
    RATELIMIT_SASL_USER,
    RATELIMIT_CLIENT,
    RATELIMIT_CLIENT_NET, /* /24, /64 */
    RATELIMIT_SENDER,
    RATELIMIT_SENDER_DOMAIN,
    RATELIMIT_RECIPIENT_DOMAIN,
};
#define RATELIMIT_KEYS 6

struct ratelimit_rule {
    const struct policyd_rate *conf; /* title, action, what is counted and when */
    enum ratelimit_key by[RATELIMIT_MAX_KEYS];
    size_t by_count;
    struct {
        int64_t limit;
        int64_t window_ms;
    } windows[RATELIMIT_MAX_WINDOWS];
    size_t window_count;
};

struct ratelimit {
    struct ratelimit_rule *rules;
    size_t count;
};

/* OR_CONFIG names the section and what is wrong in it. Uses the settings; freed with
 * ratelimit_fini(), also after a failure. */
or_status ratelimit_init(struct ratelimit *limits, const struct policyd_settings *settings,
                         struct err *e) OR_MUST_USE;
void ratelimit_fini(struct ratelimit *limits);

/* A request as rules see it; an empty value is one that the request does not have. */
struct ratelimit_request {
    struct span values[RATELIMIT_KEYS]; /* by enum ratelimit_key */
    int64_t cost;
    int64_t now_ms;
};

/* Where a bucket lies: "rate/RULE/SECONDS/", with `who` ("a|b": one part for each `by`) behind. */
void
ratelimit_key(const struct ratelimit_rule *rule, size_t window, struct span who, struct buf *out);

/* The rule's buckets, asked and charged. OR_ABSENT: the rule does not apply; OR_TEMPFAIL: the store
 * cannot be asked. *window_out is the index of the window that refused. */
or_status ratelimit_check(const struct ratelimit_rule *rule, struct kvstore *store,
                          const struct ratelimit_request *request, struct kvstore_taken *taken_out,
                          struct err *e) OR_MUST_USE;

#endif
