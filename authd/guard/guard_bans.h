/*
 * The addresses and networks that may not log in for now: in memory, found in the time of a few
 * look-ups in a hash table.
 *
 * Threads: the caller locks.
 */
#ifndef OUTRIDER_AUTHD_GUARD_GUARD_BANS_H
#define OUTRIDER_AUTHD_GUARD_GUARD_BANS_H

#include "common/text/ip.h"

#include <time.h>

#define GUARD_BANS_MAX 65536
#define GUARD_REASON_BYTES 120
#define GUARD_NETWORK_BYTES (IP_TEXT_BYTES + 4)

struct guard_ban {
    struct cidr network; /* a single address has the longest prefix */
    time_t since, until;
    unsigned times; /* the how manyth within a week */
    char reason[GUARD_REASON_BYTES];
    bool stored;   /* in the store; gone from there it is lifted */
    unsigned seen; /* the refresh that saw it there (guard.c) */
    bool told;     /* the hook knows of it */
};

struct guard_bans;

struct guard_bans *guard_bans_new(void);
void guard_bans_free(struct guard_bans *bans);

/* Makes it, or changes the one of that network but for `told`. False: there are GUARD_BANS_MAX. */
bool guard_bans_put(struct guard_bans *bans, const struct guard_ban *ban);
/* That of the network itself; NULL: none. Valid until the next change. */
struct guard_ban *guard_bans_get(struct guard_bans *bans, const struct cidr *network);
/* One that holds the address now; NULL: none. */
const struct guard_ban *
guard_bans_find(const struct guard_bans *bans, const struct ip *client, time_t now);
/* Calls `visit` for each; false takes that one out. */
void guard_bans_each(struct guard_bans *bans, bool (*visit)(void *context, struct guard_ban *ban),
                     void *context);

/* "192.0.2.1", "192.0.2.0/24" */
void guard_network_format(const struct cidr *network, char out[GUARD_NETWORK_BYTES]);
/* The address, or its network of `prefix` bits. */
struct cidr guard_network_of(const struct ip *client, unsigned prefix);
unsigned guard_full_prefix(const struct ip *client);

#endif
