/*
 * How many connections each address has open, so that one client cannot take them all.
 *
 * Threads: locked (LOCK_LMTP_CLIENTS). Counting walks the list of all connections, which
 * max-connections keeps short.
 */
#ifndef OUTRIDER_LMTP_LMTP_CLIENTS_H
#define OUTRIDER_LMTP_LMTP_CLIENTS_H

#include "common/base/locks.h"
#include "common/text/ip.h"

/* One connection; lives in its session. */
struct lmtp_client {
    struct ip ip;
    struct lmtp_client *next, *previous;
    bool listed;
};

struct lmtp_clients {
    struct lock lock;
    struct lmtp_client *first;
};

void lmtp_clients_init(struct lmtp_clients *clients);
void lmtp_clients_fini(struct lmtp_clients *clients);

/* Counts a connection from `ip` in. False when that address has `max` already: then it is not. */
bool lmtp_clients_enter(struct lmtp_clients *clients, struct lmtp_client *client,
                        const struct ip *ip, size_t max);
/* Counts it out; nothing happens when it was never in. */
void lmtp_clients_leave(struct lmtp_clients *clients, struct lmtp_client *client);

#endif
