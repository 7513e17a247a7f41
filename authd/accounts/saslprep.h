/*
 * SASLprep (RFC 4013): one form for names and passwords that look the same but were typed as
 * different bytes, on another keyboard or system.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_SASLPREP_H
#define OUTRIDER_AUTHD_ACCOUNTS_SASLPREP_H

#include "common/base/buf.h"

#define SASLPREP_MAX_BYTES 1023

/* A query (RFC 3454 7: unassigned code points are let through). OR_MALFORMED: not UTF-8, a
 * character that RFC 4013 2.3 prohibits (control characters, private use), text of both directions,
 * nothing left, NUL, or over SASLPREP_MAX_BYTES; `out` is then as it was. ASCII without control
 * characters comes back as it is. OR_LIMIT: past the buffer's ceiling. */
or_status saslprep(struct span text, struct buf *out) OR_MUST_USE;

#endif
