/*
 * Netstrings ("LEN:bytes,"), the framing of Postfix's socketmap.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_NETSTRING_H
#define OUTRIDER_COMMON_TEXT_NETSTRING_H

#include "common/base/buf.h"

/* Takes one netstring off the front of `input`. OR_OK: *payload_out views into `input`,
 * *consumed_out bytes were used. OR_ABSENT: not complete yet, read more. OR_MALFORMED: not a
 * netstring (leading zeros included). OR_LIMIT: announces more than `max_bytes`. */
or_status netstring_parse(struct span input, size_t max_bytes, struct span *payload_out,
                          size_t *consumed_out) OR_MUST_USE;
void netstring_format(struct buf *out, struct span payload);

#endif
