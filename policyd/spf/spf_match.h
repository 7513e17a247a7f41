/*
 * The mechanisms that look at the client's address (RFC 7208 5.3 to 5.7). "all" and "include" are
 * spf_eval.c's.
 *
 * Each sets *matched_out. OR_MALFORMED: permerror; other failures: temperror.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_SPF_SPF_MATCH_H
#define OUTRIDER_POLICYD_SPF_SPF_MATCH_H

#include "policyd/spf/spf_check.h"
#include "policyd/spf/spf_parse.h"

typedef or_status spf_match_fn(struct spf_check *c, const struct spf_term *term, struct span name,
                               bool *matched_out, struct err *e);

/* `name` is the expanded target. */
spf_match_fn spf_match_a;
spf_match_fn spf_match_mx;
spf_match_fn spf_match_ptr;
spf_match_fn spf_match_exists;
/* ip4 and ip6; `name` is not used. */
spf_match_fn spf_match_network;

#endif
