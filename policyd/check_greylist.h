/*
 * Greylisting at RCPT, of clients that are neither ours nor authenticated.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_GREYLIST_H
#define OUTRIDER_POLICYD_CHECK_GREYLIST_H

#include "policyd/policy_checks.h"

/* A policy_check. Final while a triplet waits. */
enum policy_opinion check_greylist(struct policy_question *q, struct policy_action *action_out);

#endif
