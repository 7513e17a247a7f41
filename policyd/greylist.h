/*
 * Greylisting (RFC 6647): a sender that we have not seen before is asked to come again later. What
 * sends spam by the million rarely does; a mail server always does.
 *
 * A triplet is who delivers, for whom, to whom. "Who" is an identity where there is one (a domain
 * that SPF or the host's confirmed name vouches for), so that a retry from another address of the
 * same pool counts; else the client's network. Kept in the state store under a digest: nothing can
 * be read off it.
 *
 * Threads: immutable; the store locks.
 */
#ifndef OUTRIDER_POLICYD_GREYLIST_H
#define OUTRIDER_POLICYD_GREYLIST_H

#include "common/run/kvstore.h"
#include "common/text/ip.h"
#include "policyd/policyd_conf.h"

#include <time.h>

struct greylist_settings {
    int64_t delay_s;    /* from the first try until it may pass */
    int64_t window_s;   /* in which the second try must come */
    int64_t lifetime_s; /* of what has passed, from its last mail */
    int64_t auto_allow; /* deliveries after which an identity is not asked again; 0: never */
};

/* As configured. */
struct greylist_settings greylist_settings_of(const struct policyd_settings *settings);

struct greylist_triplet {
    struct span identity;  /* "spf:example.org", "host:example.org", "net:192.0.2.0" */
    struct span network;   /* "net:..." too: what is known by it counts; empty: is the identity */
    struct span sender;    /* internal form; empty for <> */
    struct span recipient; /* internal form */
    time_t now;
};

enum greylist_verdict {
    GREYLIST_KNOWN,   /* passed before */
    GREYLIST_ALLOWED, /* an identity that has come back often enough */
    GREYLIST_WAITED,  /* came back in time: passes from now on */
    GREYLIST_NEW,     /* first try: come again */
    GREYLIST_EARLY,   /* came back too early */
};

struct greylist_outcome {
    enum greylist_verdict verdict;
    int64_t wait_s;   /* NEW, EARLY: how long still */
    int64_t waited_s; /* WAITED: since the first try */
};

/* "net:192.0.2.0", "net:2001:db8::": a client by its /24 or /64. NULL: the arena. */
char *greylist_network(const struct ip *client, struct arena *mem);

/* Asks and writes. OR_TEMPFAIL: the store cannot be asked; nobody should wait for that. */
or_status greylist_check(struct kvstore *store, const struct greylist_settings *settings,
                         const struct greylist_triplet *triplet,
                         struct greylist_outcome *outcome_out, struct err *e) OR_MUST_USE;

/* What another greylist knew. */
struct greylist_past {
    time_t first, last; /* tries of a triplet; `last` alone for an identity */
    int64_t times;      /* an identity: how often it came back */
};

/* Takes it over; what is there already stays. A triplet whose tries are greylist-delay apart has
 * passed, another one waits on. *taken_out: false when it is too old, or there already. */
or_status greylist_import(struct kvstore *store, const struct greylist_settings *settings,
                          const struct greylist_triplet *triplet, const struct greylist_past *past,
                          bool *taken_out, struct err *e) OR_MUST_USE;
/* The same for an identity; `triplet` has no more than that, and `now`. */
or_status
greylist_import_identity(struct kvstore *store, const struct greylist_settings *settings,
                         const struct greylist_triplet *triplet, const struct greylist_past *past,
                         bool *taken_out, struct err *e) OR_MUST_USE;

/* "known", "allowed", "waited", "new", "early". */
const char *greylist_verdict_name(enum greylist_verdict verdict);

#endif
