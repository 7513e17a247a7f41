/*
 * Variables (RFC 5229): ${name} and ${1} in strings, and what they stand for during a run.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_VARS_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_VARS_H

#include "lmtp/sieve/sieve_tree.h"

struct sieve_run;

struct sieve_variable {
    struct span name;
    struct span value;
};

/* RFC 5229 3: a reference into a namespace that nobody declared is an error of the script;
 * `has_global`: "global" is declared (RFC 6609 3.4.2). */
or_status sieve_vars_check(struct span text, bool has_global, struct err *e) OR_MUST_USE;
/* Whether anything in `text` is a reference. */
bool sieve_vars_has(struct span text);
/* RFC 5229 3: a letter or underscore, then also digits. */
bool sieve_vars_is_name(struct span name);
/* A name to which a value can be given: "name" or, with `has_global`, "global.name". */
bool sieve_vars_is_settable(struct span name, bool has_global);

/* `text` with references replaced, when the script requires variables. OR_LIMIT over
 * SIEVE_MAX_STRING_BYTES or the run's memory. */
or_status sieve_vars_expand(struct sieve_run *r, struct span text, struct span *out) OR_MUST_USE;
/* The same for all strings of an argument. */
or_status sieve_vars_strings(struct sieve_run *r, const struct sieve_arg *arg,
                             struct span **strings_out, size_t *count_out) OR_MUST_USE;

/* Cut after SIEVE_MAX_VARIABLE_BYTES, on a character's edge. OR_LIMIT: too many variables. */
or_status sieve_vars_set(struct sieve_run *r, struct span name, struct span value) OR_MUST_USE;
/* Empty when it was never set. */
struct span sieve_vars_get(struct sieve_run *r, struct span name);
/* From here on the script's variable of that name is the one that all scripts share (RFC 6609
 * 3.4.1). OR_MALFORMED: it has one of its own already; OR_LIMIT. */
or_status sieve_vars_share(struct sieve_run *r, struct span name) OR_MUST_USE;

/* Remembers what ${0} and ${1}... stand for after a match (RFC 5229 3.2). Does nothing unless the
 * script requires variables. OR_LIMIT. */
or_status sieve_vars_capture(struct sieve_run *r, struct span whole, const struct span *parts,
                             size_t count) OR_MUST_USE;

#endif
