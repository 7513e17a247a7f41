/*
 * An action that outlives the run it came of.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_ACTION_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_ACTION_H

#include "lmtp/sieve/sieve.h"

/* Everything it points to is copied into `mem`. OR_LIMIT: that is used up. */
or_status sieve_action_copy(const struct sieve_action *action, struct arena *mem,
                            struct sieve_action *copy_out) OR_MUST_USE;

#endif
