/*
 * mailto URIs (RFC 6068) as the addresses of notifications (RFC 5436).
 *
 * Of the URI's header fields to, cc, bcc, subject and body count; all others are left out: RFC 5436
 * 2.7 forbids most of those that matter, and the rest could only mislead the reader.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_MAILTO_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_MAILTO_H

#include "lmtp/sieve/sieve.h"

/* Views into `mem` and `uri`. OR_MALFORMED: no valid mailto URI with at least one address;
 * OR_LIMIT: more than SIEVE_MAX_NOTIFIED addresses, or `mem` is used up. */
or_status sieve_mailto_parse(struct span uri, struct arena *mem, struct sieve_notification *out,
                             struct err *e) OR_MUST_USE;

#endif
