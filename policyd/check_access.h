/*
 * The administrator's access rules (access-file), at RCPT, for everybody: ours and strangers.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_ACCESS_H
#define OUTRIDER_POLICYD_CHECK_ACCESS_H

#include "policyd/policy_checks.h"

/* A policy_check. */
enum policy_opinion check_access(struct policy_question *q, struct policy_action *action_out);

#endif
