/*
 * An action that outlives the run it came of.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_ACTION_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_ACTION_H

#include "lmtp/sieve/sieve.h"

/* Everything it points to is copied into `mem`, but for its header. OR_LIMIT: that is used up. */
or_status sieve_action_copy(const struct sieve_action *action, struct arena *mem,
                            struct sieve_action *copy_out) OR_MUST_USE;
/* The same for a header, which several actions may share. */
or_status sieve_action_copy_header(const struct header_block *header, struct arena *mem,
                                   const struct header_block **copy_out) OR_MUST_USE;

#endif
