/*
 * SPF at RCPT: refuse, defer, or tell in a Received-SPF field. Authenticated and internal clients
 * and questions from other SMTP states are not its business.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_SPF_H
#define OUTRIDER_POLICYD_CHECK_SPF_H

#include "policyd/policy_checks.h"

/* A policy_check. An opinion when the recipient is refused or deferred, and once per message for
 * the field. */
bool check_spf(struct policy_question *q, struct policy_action *action_out);

#endif
