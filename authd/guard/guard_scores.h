/*
 * Numbers that fade: how much was seen of something lately. A bounded table in memory; of things
 * that share a place the one that fades first goes.
 *
 * Threads: the caller locks.
 */
#ifndef OUTRIDER_AUTHD_GUARD_GUARD_SCORES_H
#define OUTRIDER_AUTHD_GUARD_GUARD_SCORES_H

#include "common/base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define GUARD_SCORES_ENTRIES 131072 /* 32 bytes each, allocated as they come */

/* What is counted; the same words count apart for each. */
enum guard_kind {
    GUARD_CLIENT,        /* failures of an address */
    GUARD_NETWORK,       /* of its network */
    GUARD_USER,          /* for a user, wherever from */
    GUARD_PAIR,          /* for a user from a network */
    GUARD_STRANGERS,     /* names that nobody has, from a network */
    GUARD_TRIED,         /* this password for this user from this network: counted before */
    GUARD_PASSWORD_USER, /* this password for this user */
    GUARD_PASSWORD,      /* users for whom this password was tried */
    GUARD_GOOD,          /* logins of a user from a network */
    GUARD_NOT_GOOD,      /* the store was asked about that, and knew of none */
    GUARD_KINDS,
};

struct guard_scores;

struct guard_scores *guard_scores_new(void);
void guard_scores_free(struct guard_scores *scores);

/* Of up to three words together, by a secret of the table's: nobody outside can choose words that
 * share a place. Of the same words the keys of all kinds have the same hash. */
struct guard_key {
    enum guard_kind kind;
    uint64_t hash;
};
struct guard_key guard_scores_key(const struct guard_scores *scores, enum guard_kind kind,
                                  struct span a, struct span b, struct span c);

/* What is left of it now: half of it after the kind's half-life, and so on. */
double guard_scores_get(const struct guard_scores *scores, struct guard_key key, time_t now);
/* Adds, and gives the sum. */
double
guard_scores_add(struct guard_scores *scores, struct guard_key key, double points, time_t now);
void guard_scores_forget(struct guard_scores *scores, struct guard_key key);

#endif
