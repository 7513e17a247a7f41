/*
 * A view of bytes: pointer and length. Network data is always a span; it may hold NUL and is never
 * given to str*(). A span owns nothing and lives as long as what it points into.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_BASE_SPAN_H
#define OUTRIDER_COMMON_BASE_SPAN_H

#include "common/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *p;
    size_t n;
};

#define SPAN_LIT(s) ((struct span){.p = (s), .n = sizeof(s) - 1})
/* The same where a constant is needed: initialisers of static tables. */
#define SPAN_INIT(s)                                                                               \
    {                                                                                              \
        .p = (s), .n = sizeof(s) - 1                                                               \
    }
#define SPAN_EMPTY ((struct span){.p = "", .n = 0})
/* For printf("%.*s"). */
#define SPAN_ARG(s) ((int)((s).n > 4096 ? 4096 : (s).n)), ((s).p)

struct span span_make(const char *p, size_t n);
/* NULL gives an empty span. */
struct span span_cstr(const char *s);

bool span_equal(struct span a, struct span b);
/* ASCII only: other bytes compare exactly. */
bool span_equal_nocase(struct span a, struct span b);
/* <0, 0, >0 as memcmp; a prefix sorts first. */
int span_compare(struct span a, struct span b);
bool span_equal_cstr(struct span a, const char *b);
bool span_equal_nocase_cstr(struct span a, const char *b);
bool span_has_prefix(struct span s, struct span prefix);
bool span_has_prefix_nocase(struct span s, struct span prefix);
bool span_has_suffix_nocase(struct span s, struct span suffix);
bool span_contains_byte(struct span s, char c);

/* Position of the first (last) `c`, or s.n when there is none. */
size_t span_find(struct span s, char c);
size_t span_rfind(struct span s, char c);

/* from..end and from..to, both clamped to the span. */
struct span span_from(struct span s, size_t from);
struct span span_slice(struct span s, size_t from, size_t to);

/* Strips SP, TAB, CR, LF at both ends. */
struct span span_trim(struct span s);

/* Takes the part before the first `sep` off the front of *rest; false once *rest is used up.
 * "a,,b" gives "a", "", "b"; "" gives nothing; "a," gives "a", "". Start with *rest = the whole. A
 * used-up *rest has p == NULL. */
bool span_split(struct span *rest, char sep, struct span *part_out);

/* Decimal digits only (no sign, no blanks), at most `max`. OR_MALFORMED or OR_LIMIT otherwise. */
or_status span_parse_u64(struct span s, uint64_t max, uint64_t *value_out) OR_MUST_USE;

#endif
