/*
 * The brake on accounts that are not what they were: a login that sends to many more recipients in
 * an hour than it ever did, or whose mail comes back, has probably been stolen.
 *
 * In the store, for each login: "brake/hour/H/LOGIN" and "brake/day/D/LOGIN" count recipients,
 * "brake/bounces/D/LOGIN" what came back, "brake/usual/LOGIN" is its history (the busiest hour,
 * which fades by half in about a month), "brake/held/LOGIN" the brake itself, with the reason.
 *
 * Threads: immutable; the store locks.
 */
#ifndef OUTRIDER_POLICYD_BRAKE_H
#define OUTRIDER_POLICYD_BRAKE_H

#include "common/run/kvstore.h"

#include <time.h>

#define BRAKE_MAX_REASON_BYTES 200
#define BRAKE_MAX_FACTOR 1000

struct brake_settings {
    int64_t min_recipients; /* an hour with fewer is never too many */
    int64_t factor;         /* times the usual is too many */
    int64_t bounces;        /* a day, and a quarter of the day's recipients: too many; 0: any */
    int64_t hold_s;
};

struct brake_outcome {
    bool held;
    bool is_new; /* with this call: exactly one caller hears so, over all hosts */
    char reason[BRAKE_MAX_REASON_BYTES];
};

/* A message of this login to `recipients`. OR_TEMPFAIL: the store cannot be asked. */
or_status brake_sent(struct kvstore *store, const struct brake_settings *settings,
                     struct span login, int64_t recipients, time_t now,
                     struct brake_outcome *outcome_out, struct err *e) OR_MUST_USE;
/* A bounce to an address that may be a login. */
or_status
brake_bounced(struct kvstore *store, const struct brake_settings *settings, struct span login,
              time_t now, struct brake_outcome *outcome_out, struct err *e) OR_MUST_USE;

/* Who is held, and why; false ends the walk. As kvstore_each(). */
typedef bool (*brake_visit)(void *context, struct span login, struct span reason);
or_status
brake_each(struct kvstore *store, brake_visit visit, void *context, struct err *e) OR_MUST_USE;
/* Lets a login go; its hours begin anew. OR_ABSENT: it is not held. */
or_status
brake_release(struct kvstore *store, struct span login, time_t now, struct err *e) OR_MUST_USE;

#endif
