/*
 * SPF at RCPT: refuse, defer, or tell in a Received-SPF field. Authenticated and internal clients
 * and questions from other SMTP states are not its business.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_SPF_H
#define OUTRIDER_POLICYD_CHECK_SPF_H

#include "policyd/policy_checks.h"

/* A policy_check. Final when the recipient is refused or deferred; a header once per message. */
enum policy_opinion check_spf(struct policy_question *q, struct policy_action *action_out);

#endif
