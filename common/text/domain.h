/*
 * Domain names as text: one canonical form (lower-case A-labels, no trailing dot) and comparison by
 * label. IDNA 2008 through libidn2 (RFC 5891, RFC 8616).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_DOMAIN_H
#define OUTRIDER_COMMON_TEXT_DOMAIN_H

#include "common/base/arena.h"

#define DOMAIN_MAX_BYTES 253 /* RFC 1035 2.3.4 in text form without the final dot */
#define DOMAIN_MAX_LABEL_BYTES 63

/* Canonical form: U-labels to A-labels, ASCII lower case, final dot dropped. Underscores and other
 * printable ASCII bytes pass (DNS names are not only host names); empty labels, labels over 63
 * bytes, names over 253 bytes, blanks, control bytes and bad UTF-8 are OR_MALFORMED. */
or_status domain_canonical(struct span name, struct arena *mem, struct span *canonical_out,
                           struct err *e) OR_MUST_USE;

/* Letters, digits, hyphen, underscore, UTF-8 letters; at least one label; each 1..63 bytes. What
 * may be printed into a header unquoted (CVE-2020-12272). */
bool domain_is_hostname(struct span name);

/* The next three take canonical names. */
bool domain_equal(struct span a, struct span b); /* also true for case and final-dot differences */
/* True when `name` is `ancestor` itself or ends in "." ancestor. */
bool domain_is_within(struct span name, struct span ancestor);
size_t domain_label_count(struct span name);
/* The rightmost `labels` labels; the whole name when it has no more. */
struct span domain_rightmost(struct span name, size_t labels);
/* Without the leftmost label; empty for a single label. */
struct span domain_parent(struct span name);

#endif
