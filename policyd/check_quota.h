/*
 * Refuses recipients whose mailboxes are full, before the message is sent: a bounce less. Asks the
 * LMTP server (quota_probe.h).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_QUOTA_H
#define OUTRIDER_POLICYD_CHECK_QUOTA_H

#include "policyd/policy_checks.h"

/* A policy_check. Final for a full mailbox. */
enum policy_opinion check_quota(struct policy_question *q, struct policy_action *action_out);

#endif
