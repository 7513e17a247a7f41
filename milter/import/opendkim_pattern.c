/*
 * OpenDKIM's two kinds of SigningTable keys, brought to one: wildcard patterns.
 */
#include "milter/import/opendkim_pattern.h"

static struct span
lower(struct arena *mem, struct span s)
{
    struct span copy;

    if (arena_copy(mem, s, &copy) != OR_OK)
        return SPAN_EMPTY;
    char *p = arena_alloc(mem, s.n + 1);
    for (size_t i = 0; p != NULL && i < s.n; i++)
        p[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + ('a' - 'A') : s.p[i]);
    return p != NULL ? span_make(p, s.n) : SPAN_EMPTY;
}

struct span
opendkim_pattern_of_wildcard(struct arena *mem, struct span pattern)
{
    return lower(mem, pattern);
}

static struct span
printed(char *text)
{
    return text != NULL ? span_cstr(text) : SPAN_EMPTY;
}

struct span
opendkim_pattern_of_key(struct arena *mem, struct span key)
{
    size_t at = span_rfind(key, '@');
    struct span user = at < key.n ? span_slice(key, 0, at) : SPAN_LIT("*");
    struct span host = at < key.n ? span_from(key, at + 1) : key;
    const char *dot = span_has_prefix(host, SPAN_LIT(".")) ? "*" : "";

    if (span_equal_cstr(key, "*"))
        return SPAN_LIT("*");
    return lower(mem,
                 printed(arena_printf(mem, "%.*s@%s%.*s", SPAN_ARG(user), dot, SPAN_ARG(host))));
}

/* Wildcard matching that goes back to the last star only: never more than |wide| x |text| steps. A
 * star in `narrow` is a byte that only a star matches, hence the answer's meaning. */
bool
opendkim_pattern_covers(struct span wide, struct span narrow)
{
    size_t w = 0, n = 0, star = wide.n, resume = 0;

    while (n < narrow.n) {
        if (w < wide.n && wide.p[w] == '*') {
            star = w++;
            resume = n;
        } else if (w < wide.n && wide.p[w] == narrow.p[n]) {
            w++;
            n++;
        } else if (star < wide.n) {
            w = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (w < wide.n && wide.p[w] == '*')
        w++;
    return w == wide.n;
}

struct span
opendkim_pattern_domain(struct span pattern)
{
    size_t at = span_rfind(pattern, '@');
    struct span domain = at < pattern.n ? span_from(pattern, at + 1) : SPAN_EMPTY;

    return span_contains_byte(domain, '*') ? SPAN_EMPTY : domain;
}

/* A dot in brackets needs no backslash, which libconfuse would take for its own. */
static struct span
regex_title(struct arena *mem, struct span pattern)
{
    static const char prefix[] = "/(?i)^";
    size_t n = 0;
    char *p = arena_alloc(mem, sizeof(prefix) + pattern.n * 3 + 3);

    if (p == NULL)
        return SPAN_EMPTY;
    for (; n < sizeof(prefix) - 1; n++)
        p[n] = prefix[n];
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '@' || c == '-' ||
                     c == '_' || (unsigned char)c >= 0x80;

        if (c == '*')
            p[n++] = '.';
        else if (c == '/' || c == '^' || c == '\\' || c == '[' || c == ']' || c == '"' || c == '$')
            return SPAN_EMPTY;
        else if (!plain)
            p[n++] = '[';
        p[n++] = c;
        if (!plain && c != '*')
            p[n++] = ']';
    }
    p[n++] = '$';
    p[n++] = '/';
    return span_make(p, n);
}

struct span
opendkim_pattern_title(struct arena *mem, struct span pattern)
{
    struct span domain = opendkim_pattern_domain(pattern);
    struct span rest = span_from(pattern, 3);

    if (span_equal_cstr(pattern, "*") || span_equal_cstr(pattern, "*@*"))
        return SPAN_LIT("*");
    if (!span_contains_byte(pattern, '*'))
        return span_find(pattern, '@') < pattern.n ? pattern : SPAN_EMPTY;
    if (span_has_prefix(pattern, SPAN_LIT("*@")) && domain.n != 0)
        return domain;
    if (span_has_prefix(pattern, SPAN_LIT("*@*.")) && !span_contains_byte(rest, '*'))
        return rest;
    return regex_title(mem, pattern);
}
