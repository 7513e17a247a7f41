/*
 * Which checks are asked, in which order, who decides by them, and whom they let be: `checks` and
 * the sections `check "NAME" { ... }`, made ready.
 *
 * Threads: immutable once built.
 */
#ifndef OUTRIDER_POLICYD_POLICY_PLAN_H
#define OUTRIDER_POLICYD_POLICY_PLAN_H

#include "common/text/addrpattern.h"
#include "policyd/policyd_conf.h"

/* One check of the plan. */
struct policy_step {
    int check;   /* its row in policy_checks.c */
    bool shadow; /* only logged */
    const struct conf_cidrs *skip_clients;
    struct addrpattern *skip_senders;
    size_t skip_sender_count;
    struct addrpattern *skip_recipients;
    size_t skip_recipient_count;
};

struct policy_plan {
    struct policy_step steps[POLICYD_MAX_CHECKS];
    size_t count;
    struct arena mem;
};

/* OR_CONFIG: a check that there is not, one that is named twice, a pattern that is none. The plan
 * uses the settings. Freed with policy_plan_fini(), also after a failure. */
or_status policy_plan_init(struct policy_plan *plan, const struct policyd_settings *settings,
                           struct err *e) OR_MUST_USE;
void policy_plan_fini(struct policy_plan *plan);

/* Whom a check is about. Domains are canonical; empty ones match no pattern but "*" and "<>". */
struct policy_parties {
    struct ip client;
    struct span sender_local, sender_domain;
    struct span recipient_local, recipient_domain;
};
/* The option by which the check lets these be ("skip-clients"); NULL: it does not. */
const char *policy_plan_skips(const struct policy_step *step, const struct policy_parties *parties);

#endif
