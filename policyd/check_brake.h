/*
 * The brake on stolen accounts: counts what a login sends (END-OF-MESSAGE) and what comes back to
 * it (RCPT), and puts the mail of one that is held on hold.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_BRAKE_H
#define OUTRIDER_POLICYD_CHECK_BRAKE_H

#include "policyd/policy_checks.h"

/* A policy_check. Final for a login that is held. */
enum policy_opinion check_brake(struct policy_question *q, struct policy_action *action_out);

#endif
