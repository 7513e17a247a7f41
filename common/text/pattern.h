/*
 * Regular expressions as the configuration has them (PCRE2, UTF-8, without regard to case unless
 * asked). A match is bounded in steps and memory: an expression that would search for ever does not
 * match, and says so.
 *
 * Threads: immutable once compiled.
 */
#ifndef OUTRIDER_COMMON_TEXT_PATTERN_H
#define OUTRIDER_COMMON_TEXT_PATTERN_H

#include "common/base/span.h"

#define PATTERN_MAX_BYTES 4096          /* of an expression */
#define PATTERN_MAX_SUBJECT_BYTES 65536 /* longer text does not match */

enum pattern_case { PATTERN_ANY_CASE, PATTERN_EXACT_CASE };

struct pattern;

/* OR_MALFORMED: what PCRE2 says, and at which byte; OR_LIMIT: too long. */
or_status pattern_compile(struct span expression, enum pattern_case letters,
                          struct pattern **pattern_out, struct err *e) OR_MUST_USE;
void pattern_free(struct pattern *pattern); /* NULL is allowed */

/* OR_OK: it matches somewhere in `subject`; OR_ABSENT: it does not, also because the subject is too
 * long or no UTF-8; OR_LIMIT: it would have taken too many steps. */
or_status pattern_match(const struct pattern *pattern, struct span subject) OR_MUST_USE;

/* The same, and what the groups matched: groups_out[0] is the whole, an unset group is empty.
 * At most `max` are written; *count_out is how many. */
or_status pattern_match_groups(const struct pattern *pattern, struct span subject,
                               struct span *groups_out, size_t max, size_t *count_out) OR_MUST_USE;

#endif
