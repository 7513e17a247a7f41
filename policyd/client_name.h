/*
 * The name of a client: a PTR record whose name leads back to the address (FCrDNS, RFC 8601 3,
 * iprev). Postfix says "unknown" for each way in which that can fail; here they are told apart.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CLIENT_NAME_H
#define OUTRIDER_POLICYD_CLIENT_NAME_H

#include "policyd/policyd.h"

#define CLIENT_NAME_MAX_NAMES 10 /* PTR records looked at; as RFC 7208 4.6.4 says of SPF's ptr */

enum client_name_state {
    CLIENT_NAME_CONFIRMED,
    CLIENT_NAME_NO_PTR,
    CLIENT_NAME_UNCONFIRMED, /* there are names; none leads back */
    CLIENT_NAME_TEMPERROR,   /* DNS does not say */
};

/* *name_out: the confirmed name, or the first one that leads elsewhere; empty for the other states.
 * Lives in the request's arena. */
enum client_name_state
client_name_find(const struct policyd_work *w, const struct ip *client, struct span *name_out);

#endif
