/*
 * DNS block and allow lists at RCPT: refuse or defer by the sum of what they say. Authenticated and
 * internal clients are not looked up.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_CHECK_DNSBL_H
#define OUTRIDER_POLICYD_CHECK_DNSBL_H

#include "policyd/dnslist_eval.h"
#include "policyd/policy_checks.h"

/* A policy_check. Final from dnslist-defer-score or dnslist-reject-score on. */
enum policy_opinion check_dnsbl(struct policy_question *q, struct policy_action *action_out);

/* What the lists say, for other checks; asked at most once for each question. */
const struct dnslist_outcome *check_dnsbl_outcome(struct policy_question *q);

/* Whether an allow list vouches; leaves "CHECK=allowlisted" for the log. Asks nobody where no list
 * could. */
bool check_dnsbl_vouches(struct policy_question *q, const char *check);

#endif
