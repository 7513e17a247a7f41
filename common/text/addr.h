/*
 * RFC 5321 paths and mailboxes as they stand in an envelope: "<alice@example.org>", "<>", with
 * source route, quoted local part, UTF-8 (RFC 6531) and address literals.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_ADDR_H
#define OUTRIDER_COMMON_TEXT_ADDR_H

#include "common/base/arena.h"
#include "common/base/buf.h"

#define ADDR_MAX_LOCAL_BYTES 64   /* RFC 5321 4.5.3.1.1 */
#define ADDR_MAX_DOMAIN_BYTES 255 /* RFC 5321 4.5.3.1.2 */
/* Accepted longer than 64: VERP and SRS senders exceed it in practice; nothing is sized by it. */
#define ADDR_MAX_BYTES 998

/* Both empty: the null path. `local` is unquoted (internal form), `domain` as written, without
 * trailing dot; a literal keeps its brackets. */
struct addr {
    struct span local;
    struct span domain;
};

/* A path as in MAIL FROM and RCPT TO: angle brackets required unless `bare_ok`; "<>" gives the null
 * path; a source route is skipped (RFC 5321 4.1.2 says to ignore it). On success *rest_out (may be
 * NULL) is what follows the ">" (the parameters). OR_MALFORMED names what is wrong. Control bytes
 * and NUL are refused everywhere. */
or_status addr_parse_path(struct span s, bool bare_ok, struct arena *mem, struct addr *addr_out,
                          struct span *rest_out, struct err *e) OR_MUST_USE;

/* An address in Postfix's internal form ("a b@example.com"): splits at the last '@', no unquoting.
 * An empty string gives the null path; one without '@' gives an empty domain. */
struct addr addr_split(struct span s);

bool addr_is_null(const struct addr *a);

/* "local@domain", the local part quoted when its bytes need it; "" for the null path (no brackets).
 */
void addr_format(struct buf *out, const struct addr *a);

/* user+detail: base is what stands before the first `separator` (never an empty base), detail what
 * follows; detail.p is NULL when there is none. */
void addr_split_detail(struct span local, char separator, struct span *base_out,
                       struct span *detail_out);

#endif
