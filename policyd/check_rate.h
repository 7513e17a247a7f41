/*
 * Rate limits at RCPT, DATA and END-OF-MESSAGE: the rules whose stage it is, in the file's order.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_RATE_H
#define OUTRIDER_POLICYD_CHECK_RATE_H

#include "policyd/policy_checks.h"

/* A policy_check. Final when a rule refuses. */
enum policy_opinion check_rate(struct policy_question *q, struct policy_action *action_out);

#endif
