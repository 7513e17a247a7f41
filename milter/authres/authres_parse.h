/*
 * Reading Authentication-Results fields far enough to know whose they are: forged ones that carry
 * our own authserv-id must not survive (RFC 8601 section 5).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_AUTHRES_AUTHRES_PARSE_H
#define OUTRIDER_MILTER_AUTHRES_AUTHRES_PARSE_H

#include "common/base/span.h"

/* True when the field value names `authserv_id` as its authserv-id: compared without case, comments
 * and quoting undone, a final dot ignored. A value whose id cannot be read but in which our id
 * occurs anywhere is claimed to be ours too: some reader behind us may be more lenient than RFC
 * 8601. */
bool authres_claims_id(struct span value, struct span authserv_id);

#endif
