/*
 * The defence against guessing: who has failed lately, how much longer he waits, and who may not
 * try at all for now.
 *
 * Strategy. A failure costs points, for the client's address, its network (/24, /64), the user, and
 * the user from that network. Points fade by half in minutes or hours. A wrong password costs
 * once however often the same one comes (a telephone with an old password is no attacker); a name
 * that nobody has costs more; a password tried on many users costs much more. Past the threshold an
 * address is banned, past five times that its network, each time for twice as long; so is a network
 * that asks for many names that nobody has, however slowly. From where a user has logged in lately
 * his failures cost a quarter, and he is let through a ban: nobody locks him out from there.
 *
 * What is counted is in this process; bans and good logins are in the store, which several machines
 * may share. Without the store the defence goes on with what it knows.
 *
 * Threads: locked (LOCK_GUARD; never held across the store).
 */
#ifndef OUTRIDER_AUTHD_GUARD_GUARD_H
#define OUTRIDER_AUTHD_GUARD_GUARD_H

#include "authd/guard/guard_bans.h"
#include "authd/guard/guard_scores.h"
#include "common/run/conf.h"
#include "common/run/kvstore.h"

#define GUARD_MAX_DELAY_MS 7000 /* Postfix waits 10 s in all */

struct guard;

/* How strict; from the settings in force. */
struct guard_policy {
    int64_t threshold; /* points; 0: nobody is banned */
    int64_t ban_s, ban_max_s;
    int64_t delay_ms; /* of the first failure */
    const struct conf_cidrs *never;
};

/* Who tries. All borrowed. */
struct guard_attempt {
    struct span client; /* its address as text; empty or none: not known, and nothing is counted */
    struct span user;   /* canonical where it is an address */
    struct span password; /* empty: the mechanism shows none */
};

struct guard_verdict {
    bool banned;
    bool trusted; /* this user has logged in from that network lately */
    struct guard_ban ban;
};

/* `store` stays the caller's; NULL: none. */
struct guard *guard_new(struct kvstore *store);
void guard_free(struct guard *guard); /* NULL is allowed; nobody may be inside a call */

/* Before a password is looked at. */
struct guard_verdict guard_ask(struct guard *guard, const struct guard_policy *policy,
                               const struct guard_attempt *attempt, time_t now);

/* It was wrong, or nobody has that name (`is_stranger`). How long the refusal waits. */
struct guard_outcome {
    int64_t delay_ms;
    bool counted;         /* not the same mistake as before */
    bool banned;          /* with this one */
    struct guard_ban ban; /* when it is */
};
struct guard_outcome guard_bad(struct guard *guard, const struct guard_policy *policy,
                               const struct guard_attempt *attempt, bool is_stranger, time_t now);

/* It was right. True: from a place that is new for this user (see guard_store_set_good()). */
bool guard_good(struct guard *guard, const struct guard_attempt *attempt, struct span country,
                time_t now);

/* What guard_watch.c does once a second: takes over the store's bans when they have changed, and
 * gives the caller what the hook has yet to be told, at most `max`; the caller says what it could
 * not tell with guard_untold(). One thread only. */
struct guard_news {
    struct guard_ban ban;
    bool lifted;
};
size_t guard_refresh(struct guard *guard, time_t now, struct guard_news *news, size_t max);
void guard_untold(struct guard *guard, const struct guard_news *news);

#endif
