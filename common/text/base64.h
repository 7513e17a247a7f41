/*
 * Base64 (RFC 4648 section 4).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_BASE64_H
#define OUTRIDER_COMMON_TEXT_BASE64_H

#include "common/base/buf.h"

enum base64_blanks {
    BASE64_STRICT,   /* nothing but the alphabet and padding (SASL, RFC 4954 4) */
    BASE64_SKIP_FWS, /* SP, TAB, CR, LF anywhere are skipped (DKIM, RFC 6376 3.5) */
};

void base64_encode(struct buf *out, struct span bytes);
/* Appends the decoded bytes, or nothing. OR_MALFORMED on other bytes, wrong padding or trailing
 * bits; missing padding is accepted only with BASE64_SKIP_FWS (DNS keys in the wild). OR_LIMIT when
 * `out` is full. */
or_status base64_decode(struct span text, enum base64_blanks blanks, struct buf *out) OR_MUST_USE;

#endif
