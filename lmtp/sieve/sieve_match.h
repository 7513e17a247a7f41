/*
 * Match types, comparators and relations (RFC 5228 2.7, RFC 5231, RFC 4790): does any of the values
 * that a test finds match any of its keys?
 *
 *     sieve_match_begin -> sieve_match_value for each value -> sieve_match_end
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_MATCH_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_MATCH_H

#include "lmtp/sieve/sieve_table.h"

struct sieve_patterns;

struct sieve_match {
    struct sieve_run *run;
    const struct sieve_node *node;
    enum sieve_match_type type;
    struct span *keys; /* variables put in */
    size_t key_count;
    uint64_t entities; /* values seen */
    bool matched;
    or_status status;
};

/* Whether comparator, match type and relation of a node exist and go together. OR_MALFORMED. */
or_status sieve_match_check(const struct sieve_node *node, struct err *e) OR_MUST_USE;
enum sieve_match_type sieve_match_type(const struct sieve_node *node);
bool sieve_match_is_octet(const struct sieve_node *node);
bool sieve_match_is_numeric(const struct sieve_node *node);

/* OR_LIMIT: the run's memory is used up. */
or_status sieve_match_begin(struct sieve_match *m, struct sieve_run *r,
                            const struct sieve_node *node) OR_MUST_USE;
void sieve_match_value(struct sieve_match *m, struct span value);
/* OR_LIMIT: a ceiling was reached on the way. */
or_status sieve_match_end(struct sieve_match *m, bool *matched_out) OR_MUST_USE;

/* RFC 5228 2.7.1: '*' and '?' in `pattern`, backslash before what is meant literally. `captures`
 * (RFC 5229 3.2; may be NULL) get what each wildcard stood for, the first SIEVE_GLOB_CAPTURES of
 * them, as short as possible; *work is decreased by the steps taken, OR_LIMIT at 0. OR_ABSENT: no
 * match. */
#define SIEVE_GLOB_CAPTURES 9
struct sieve_glob {
    struct span pattern;
    struct span value;
    bool octet; /* else letters match in any case and '?' is a character of UTF-8 */
    size_t *work;
    struct span captures[SIEVE_GLOB_CAPTURES];
    size_t capture_count;
};
or_status sieve_glob_match(struct sieve_glob *g) OR_MUST_USE;

#endif
