/*
 * Where mail to a sender's domain would go (RFC 5321 5.1, RFC 7505).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_SENDER_DOMAIN_H
#define OUTRIDER_POLICYD_SENDER_DOMAIN_H

#include "policyd/policyd.h"

#define SENDER_DOMAIN_MAX_HOSTS 10 /* MX records whose addresses are looked at */

enum sender_domain_route {
    SENDER_DOMAIN_FINE,
    SENDER_DOMAIN_NULL_MX,   /* RFC 7505: it takes no mail, so none comes from it */
    SENDER_DOMAIN_NOT_FOUND, /* neither MX nor address */
    SENDER_DOMAIN_BAD_MX,    /* no host of it has an address of the public Internet */
    SENDER_DOMAIN_TEMPERROR, /* DNS does not say */
    SENDER_DOMAIN_ROUTES,
};

/* `domain` is canonical. Whether hosts have public addresses costs questions of its own and is
 * asked only with `look_at_hosts`; trouble with those counts as a public address. */
enum sender_domain_route
sender_domain_find(const struct policyd_work *w, struct span domain, bool look_at_hosts);

/* Whether nobody on the Internet can be reached there: loopback, private, link-local, multicast and
 * the like (RFC 6890). */
bool sender_domain_is_private(const struct ip *ip);

#endif
