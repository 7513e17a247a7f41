/*
 * Reading Authentication-Results fields (RFC 8601, and RFC 5451 before it): whose they are, since
 * forged ones that carry our own authserv-id must not survive (RFC 8601 section 5), and what those
 * say that we trust.
 *
 * Tolerant of what is written in the wild: no authserv-id at all (Exchange Online), properties
 * without a type ("action=none"), values with bytes that are no token, unknown methods, a result
 * that cannot be read between others. Not tolerant of a quoted string or comment that does not end:
 * nobody can tell there what was meant as a result.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_AUTHRES_AUTHRES_PARSE_H
#define OUTRIDER_MILTER_AUTHRES_AUTHRES_PARSE_H

#include "common/base/arena.h"

/* Honest fields have 2 KB, ten results, and fewer than ten properties each. */
#define AUTHRES_PARSE_MAX_BYTES 32768
#define AUTHRES_PARSE_MAX_RESULTS 64
#define AUTHRES_PARSE_MAX_PROPERTIES 256 /* of a whole field */

/* header.d=example.org; `type` is empty where there was none. */
struct authres_property {
    struct span type;
    struct span name;
    struct span value; /* quoting and folds undone */
};

/* dkim/1=pass reason="..." header.d=... */
struct authres_result {
    struct span method;
    struct span version; /* of the method; empty: not given */
    struct span result;
    struct span reason; /* empty: none */
    struct authres_property *properties;
    size_t property_count;
};

struct authres {
    struct span id;      /* authserv-id; empty: there is none */
    struct span version; /* empty: not given */
    struct authres_result *results;
    size_t count;
    size_t skipped; /* parts between semicolons that could not be read */
};

/* Reads a field value (of ARC-Authentication-Results: what follows "i=1;"). Everything is in the
 * arena or a view into `value`. OR_MALFORMED: a quoted string or comment does not end. OR_LIMIT:
 * past the ceilings above or the arena. */
or_status authres_parse(struct span value, struct arena *mem, struct authres *authres_out,
                        struct err *e) OR_MUST_USE;

/* First property of that type and name (no case); empty: none. */
struct span
authres_property(const struct authres_result *result, const char *type, const char *name);

/* True when the field value names `authserv_id` as its authserv-id: compared without case, comments
 * and quoting undone, a final dot and a version ("id 1", "id/1") ignored. A value whose id cannot
 * be read but in which our id occurs anywhere is claimed to be ours too: some reader behind us may
 * be more lenient than RFC 8601. */
bool authres_claims_id(struct span value, struct span authserv_id);

#endif
