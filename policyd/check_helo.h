/*
 * The HELO name at RCPT: none, one that is no name, one that is not the client's to use.
 * Authenticated and internal clients are not its business.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_HELO_H
#define OUTRIDER_POLICYD_CHECK_HELO_H

#include "policyd/policy_checks.h"

/* A policy_check. Final when the recipient is refused or deferred. */
enum policy_opinion check_helo(struct policy_question *q, struct policy_action *action_out);

#endif
