/*
 * The verdict about a whole message: what our milter collected goes in, SPF and DMARC are
 * evaluated, an action comes out (common/run/verdict.h has question and answer).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_VERDICT_SESSION_H
#define OUTRIDER_POLICYD_VERDICT_SESSION_H

#include "common/run/verdict.h"
#include "policyd/policyd.h"

/* Appends the answer and logs the decision. OR_MALFORMED or OR_LIMIT when the question cannot be
 * read; nothing is appended then. */
or_status verdict_session_answer(const struct policyd_work *w, const struct attrs *attrs,
                                 struct buf *reply, struct err *e) OR_MUST_USE;

#endif
