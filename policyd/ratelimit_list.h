/*
 * The buckets of the limits, looked at and emptied: for the administrator. Buckets of rules that
 * the configuration no longer has limit nobody and are not shown.
 *
 * Threads: immutable; the store locks.
 */
#ifndef OUTRIDER_POLICYD_RATELIMIT_LIST_H
#define OUTRIDER_POLICYD_RATELIMIT_LIST_H

#include "common/base/arena.h"
#include "policyd/ratelimit.h"

#define RATELIMIT_LIST_MAX 100000 /* buckets of one listing */

struct ratelimit_level {
    const struct ratelimit_rule *rule;
    size_t window; /* of the rule's */
    struct span key;
    int64_t used;       /* tokens, 1 to the limit */
    int64_t full_at_ms; /* wall clock: when nothing is used any more */
    int64_t wait_ms;    /* until the next token; 0: there is one */
};

struct ratelimit_list {
    struct ratelimit_level *items; /* in the arena; most loaded first */
    size_t count;
    bool cut; /* there are more than RATELIMIT_LIST_MAX, or than the arena holds */
};

struct ratelimit_list_query {
    const struct ratelimit *limits;
    struct kvstore *store;
    struct span part; /* only keys that contain it; empty: all */
    int64_t now_ms;
};

/* What is in use. RATELIMIT_LIST_BYTES are enough for the arena. */
#define RATELIMIT_LIST_BYTES ((size_t)64 << 20)
or_status ratelimit_list_read(const struct ratelimit_list_query *query, struct arena *mem,
                              struct ratelimit_list *list_out, struct err *e) OR_MUST_USE;

/* Forgets what `key` has used in all windows of a rule. OR_ABSENT: nothing was. */
or_status ratelimit_list_reset(const struct ratelimit_rule *rule, struct kvstore *store,
                               struct span key, struct err *e) OR_MUST_USE;

#endif
