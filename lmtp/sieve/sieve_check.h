/*
 * Does a parsed script mean something: every command, test, tag and argument against
 * sieve_table.h, extensions against what was required (RFC 5228 2.10.5).
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_CHECK_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_CHECK_H

#include "lmtp/sieve/sieve_table.h"

struct pattern;

/* Compiled expressions of a script, to be freed with it. */
struct sieve_patterns {
    struct pattern **items;
    struct sieve_patterns *next;
    size_t count;
};

struct sieve_check {
    const char *name; /* of the script */
    struct arena *mem;
    uint64_t required;    /* so far; by require and ihave */
    uint64_t declared;    /* by require alone */
    bool may_require;     /* nothing but require has been seen */
    uint64_t unavailable; /* what this place does not offer */
    bool no_redirect;
    bool is_missing; /* the last failure is that there is no such thing, or that it was not required
                      */
    struct sieve_patterns *patterns;
    struct err *e;
};

/* Sorts arguments, looks rows up, compiles expressions. On failure the error is located, and
 * c->patterns still belong to the caller. */
or_status sieve_check_run(struct sieve_check *c, struct sieve_node *first) OR_MUST_USE;

/* For the rows' own checks: "name:line:column: <formatted>". */
or_status sieve_check_fail(struct sieve_check *c, struct sieve_pos pos, const char *fmt, ...)
    OR_PRINTF(3, 4) OR_MUST_USE;

/* The same for a thing that another implementation may have: with ihave an error only when it is
 * run. */
or_status sieve_check_missing(struct sieve_check *c, struct sieve_pos pos, const char *fmt, ...)
    OR_PRINTF(3, 4) OR_MUST_USE;

/* OR_OK when `bits` are none or one of them was required; `what` is what needs it. */
or_status sieve_check_required(struct sieve_check *c, uint64_t bits, struct sieve_pos pos,
                               struct span what) OR_MUST_USE;

#endif
