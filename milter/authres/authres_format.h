/*
 * The Authentication-Results field (RFC 8601, registered methods dkim, spf, dmarc): building its
 * value.
 *
 * Values that came from outside are printed only where they are what they claim to be: a domain
 * that is no host name, or a local part that is no dot-atom, is left out rather than quoted
 * (CVE-2020-12272).
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_AUTHRES_AUTHRES_FORMAT_H
#define OUTRIDER_MILTER_AUTHRES_AUTHRES_FORMAT_H

#include "common/base/buf.h"

/* Larger than any value with the most signatures; past it buf_finish() says OR_LIMIT. */
#define AUTHRES_MAX_BYTES 16384

/* Starts the value in `out` (initialised by the caller): " ID". */
void authres_format_start(struct buf *out, struct span authserv_id);

/* ";\n\tMETHOD=RESULT", folded with LF as milters hand fields to Postfix. A result that is no token
 * becomes "permerror". */
void authres_format_method(struct buf *out, const char *method, struct span result);

/* The words of a method stand on one line while they fit into 78 columns. */

/* " reason=\"...\"": quoted, control bytes and quotes replaced. Empty: nothing. */
void authres_format_reason(struct buf *out, struct span reason);

/* The next three add " PTYPE.PROPERTY=VALUE", or nothing where the value is not of its kind. */
void authres_format_domain(struct buf *out, const char *property, struct span domain);
/* local@domain; only the domain when the local part is no dot-atom. */
void authres_format_address(struct buf *out, const char *property, struct span address);
/* A word of RFC 2045 token bytes, or base64 (header.b) as a quoted string. */
void authres_format_word(struct buf *out, const char *property, struct span word);

#endif
