/*
 * ${hex: 24 40} and ${unicode: 20AC} in strings (RFC 5228 2.4.2.4).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_ENCODED_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_ENCODED_H

#include "common/base/arena.h"

/* What does not follow the grammar stays as it is. OR_MALFORMED: a value that is no character, NUL
 * included; OR_LIMIT: the arena is used up. */
or_status sieve_encoded_decode(struct span text, struct arena *mem, struct span *text_out,
                               struct err *e) OR_MUST_USE;

#endif
