/*
 * One connection to the policy socket: questions of Postfix's smtpd and of our milter, one after
 * the other.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_POLICY_SESSION_H
#define OUTRIDER_POLICYD_POLICY_SESSION_H

#include "common/run/stream.h"
#include "policyd/policyd.h"

/* Returns when the peer leaves, idles too long, sends nonsense, or the daemon drains. The caller
 * frees the stream. */
void policy_session_run(struct stream *stream, const struct policyd_host *host);

#endif
