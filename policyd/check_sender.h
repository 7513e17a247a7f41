/*
 * The sender's domain at RCPT: can a bounce get there? <> is nobody's and never refused.
 * Authenticated and internal clients are not its business.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_SENDER_H
#define OUTRIDER_POLICYD_CHECK_SENDER_H

#include "policyd/policy_checks.h"

/* A policy_check. Final when the recipient is refused or deferred. */
enum policy_opinion check_sender(struct policy_question *q, struct policy_action *action_out);

#endif
