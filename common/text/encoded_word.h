/*
 * Encoded words of RFC 2047 ("=?utf-8?Q?caf=C3=A9?="), decoded to UTF-8.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_ENCODED_WORD_H
#define OUTRIDER_COMMON_TEXT_ENCODED_WORD_H

#include "common/base/arena.h"

/* Decodes every encoded word in an unfolded field value; blanks between two of them go (RFC 2047
 * 6.2). A word that does not follow the grammar, has an unknown charset or does not decode stays as
 * it is. OR_LIMIT: the arena is used up. */
or_status
encoded_word_decode(struct span text, struct arena *mem, struct span *text_out) OR_MUST_USE;

#endif
