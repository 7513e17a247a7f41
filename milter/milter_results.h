/*
 * From results to words: the question for policyd, and the Authentication-Results field.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_MILTER_RESULTS_H
#define OUTRIDER_MILTER_MILTER_RESULTS_H

#include "common/run/verdict.h"
#include "milter/milter_message.h"

/* Fills in the question from a message whose signatures are verified. Everything is in the
 * message's arena. OR_LIMIT past it. */
or_status
milter_results_question(struct milter_message *m, struct verdict_question *q_out) OR_MUST_USE;

/* Appends the value of our Authentication-Results field: every signature and the ARC chain, then
 * SPF and DMARC as `answer` has them (NULL: policyd was not asked). */
void milter_results_format(struct buf *out, const struct milter_message *m,
                           const struct verdict_answer *answer);

#endif
