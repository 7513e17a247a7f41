/*
 * What can be said of a HELO name without asking anybody (RFC 5321 4.1.1.1, 4.1.3).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_HELO_NAME_H
#define OUTRIDER_POLICYD_HELO_NAME_H

#include "common/text/ip.h"
#include "policyd/policyd_conf.h"

enum helo_finding {
    HELO_FINE_LITERAL, /* the client's address in brackets */
    HELO_FINE_NAME,
    HELO_NONE,
    HELO_INVALID,
    HELO_NOT_FQDN, /* also an address without brackets */
    HELO_WRONG_LITERAL,
    HELO_OUR_NAME,
    HELO_NO_ADDRESS, /* never here: check_helo.c asks DNS */
    HELO_FINDINGS,
};

struct helo_facts {
    struct span name;
    struct ip client;
    struct ip server;                  /* where it connected to; family 0: not known */
    const char *hostname;              /* ours; without a domain it is nobody's in particular */
    const struct conf_list *our_names; /* ".example.org": its subdomains */
};

enum helo_finding helo_name_judge(const struct helo_facts *f);

#endif
