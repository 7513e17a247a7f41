/*
 * The client's name at RCPT: no PTR record, or names that do not lead back to its address.
 * Authenticated and internal clients are not its business.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_CLIENT_H
#define OUTRIDER_POLICYD_CHECK_CLIENT_H

#include "policyd/policy_checks.h"

/* A policy_check. Final when the recipient is refused or deferred. */
enum policy_opinion check_client(struct policy_question *q, struct policy_action *action_out);

#endif
