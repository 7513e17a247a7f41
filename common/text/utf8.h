/*
 * Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF. What is
 * not well-formed is read differently by different programs.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_UTF8_H
#define OUTRIDER_COMMON_TEXT_UTF8_H

#include "common/base/span.h"

/* Takes one character off the front of *s. OR_MALFORMED (nothing taken) when it is not well-formed;
 * OR_ABSENT at the end. */
or_status utf8_next(struct span *s, uint32_t *code_point_out) OR_MUST_USE;

/* True for every ASCII string, the empty one included. */
bool utf8_is_valid(struct span s);

bool utf8_is_ascii(struct span s);

#endif
