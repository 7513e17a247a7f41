/*
 * What the options on-none, on-fail, on-policy, on-temperror and on-permerror make of a message's
 * DKIM result. DMARC's verdict is policyd's; the stricter of the two counts.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_MILTER_ACTION_H
#define OUTRIDER_MILTER_MILTER_ACTION_H

#include "common/run/verdict.h"
#include "milter/milter_message.h"

struct milter_action {
    enum verdict_action action;
    struct span dsn;  /* RFC 7372: "5.7.20"; "4.7.20" for a tempfail */
    struct span text; /* for the client, one line; in the message's arena */
};

/* After dkim_verify_body(). VERDICT_ACCEPT comes without dsn and text. */
struct milter_action milter_action_of(struct milter_message *m);

/* accept, quarantine, tempfail, reject: true when `a` is further to the right than `b`. */
bool milter_action_is_stricter(enum verdict_action a, enum verdict_action b);

#endif
