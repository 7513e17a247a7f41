/*
 * Views of bytes. Every function is total: no input can make it read outside the span.
 */
#include "common/base/span.h"

#include <assert.h>
#include <string.h>

struct span
span_make(const char *p, size_t n)
{
    return (struct span){.p = p, .n = n};
}

struct span
span_cstr(const char *s)
{
    return s != NULL ? span_make(s, strlen(s)) : SPAN_EMPTY;
}

/* ASCII only: tolower() depends on the locale. */
static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
span_equal(struct span a, struct span b)
{
    assert((a.p != NULL || a.n == 0) && (b.p != NULL || b.n == 0));
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_equal_nocase(struct span a, struct span b)
{
    assert((a.p != NULL || a.n == 0) && (b.p != NULL || b.n == 0));
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

int
span_compare(struct span a, struct span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n != 0 ? memcmp(a.p, b.p, n) : 0;

    if (order != 0)
        return order;
    return (a.n > b.n) - (a.n < b.n);
}

bool
span_equal_cstr(struct span a, const char *b)
{
    return span_equal(a, span_cstr(b));
}

bool
span_equal_nocase_cstr(struct span a, const char *b)
{
    return span_equal_nocase(a, span_cstr(b));
}

bool
span_has_prefix(struct span s, struct span prefix)
{
    return s.n >= prefix.n && span_equal(span_slice(s, 0, prefix.n), prefix);
}

bool
span_has_prefix_nocase(struct span s, struct span prefix)
{
    return s.n >= prefix.n && span_equal_nocase(span_slice(s, 0, prefix.n), prefix);
}

bool
span_has_suffix_nocase(struct span s, struct span suffix)
{
    return s.n >= suffix.n && span_equal_nocase(span_from(s, s.n - suffix.n), suffix);
}

bool
span_contains_byte(struct span s, char c)
{
    return span_find(s, c) != s.n;
}

size_t
span_find(struct span s, char c)
{
    const char *at = s.n != 0 ? memchr(s.p, c, s.n) : NULL;

    return at != NULL ? (size_t)(at - s.p) : s.n;
}

size_t
span_rfind(struct span s, char c)
{
    const char *at = s.n != 0 ? memrchr(s.p, c, s.n) : NULL;

    return at != NULL ? (size_t)(at - s.p) : s.n;
}

struct span
span_from(struct span s, size_t from)
{
    return span_slice(s, from, s.n);
}

struct span
span_slice(struct span s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return span_make(s.p != NULL ? s.p + from : s.p, to - from);
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_trim(struct span s)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s = span_from(s, 1);
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool
span_split(struct span *rest, char sep, struct span *part_out)
{
    if (rest->p == NULL)
        return false;
    size_t at = span_find(*rest, sep);

    *part_out = span_slice(*rest, 0, at);
    *rest = at < rest->n ? span_from(*rest, at + 1) : span_make(NULL, 0);
    return true;
}

or_status
span_parse_u64(struct span s, uint64_t max, uint64_t *value_out)
{
    uint64_t value = 0;

    if (s.n == 0)
        return OR_MALFORMED;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return OR_MALFORMED;
    for (size_t i = 0; i < s.n; i++) {
        uint64_t digit = (uint64_t)(s.p[i] - '0');

        if (value > (max - (digit > max ? max : digit)) / 10 || digit > max)
            return OR_LIMIT;
        value = value * 10 + digit;
    }
    *value_out = value;
    return OR_OK;
}
