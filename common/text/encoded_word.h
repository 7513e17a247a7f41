/*
 * Encoded words of RFC 2047 ("=?utf-8?Q?caf=C3=A9?="), from UTF-8 and to it.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_ENCODED_WORD_H
#define OUTRIDER_COMMON_TEXT_ENCODED_WORD_H

#include "common/base/arena.h"
#include "common/base/buf.h"

/* Decodes every encoded word in an unfolded field value; blanks between two of them go (RFC 2047
 * 6.2). A word that does not follow the grammar, has an unknown charset or does not decode stays as
 * it is. OR_LIMIT: the arena is used up. */
or_status
encoded_word_decode(struct span text, struct arena *mem, struct span *text_out) OR_MUST_USE;

/* ASCII as it is; other text as encoded words, one on each line ("\n " between them). Control
 * characters in ASCII are the caller's to keep out. */
void encoded_word_encode(struct buf *out, struct span text);

#endif
