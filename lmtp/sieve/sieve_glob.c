/*
 * Wildcards without recursion: only the latest '*' is ever tried again, one character longer, so
 * the work is at most the product of both lengths, and every step is counted.
 */
#include "lmtp/sieve/sieve_match.h"

#include "common/text/utf8.h"

struct cursor {
    size_t p;       /* in the pattern */
    size_t v;       /* in the value */
    size_t capture; /* wildcards passed */
};

static size_t
character_length(const struct sieve_glob *g, size_t at)
{
    struct span rest = span_from(g->value, at);
    uint32_t c;

    if (g->octet || utf8_next(&rest, &c) != OR_OK)
        return 1;
    return g->value.n - at - rest.n;
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static void
capture(struct sieve_glob *g, size_t index, size_t from, size_t to)
{
    if (index < SIEVE_GLOB_CAPTURES)
        g->captures[index] = span_slice(g->value, from, to);
}

/* One step forward without a '*'; false: no match here. */
static bool
step(struct sieve_glob *g, struct cursor *at)
{
    if (at->p >= g->pattern.n || at->v >= g->value.n)
        return false;
    char c = g->pattern.p[at->p];
    if (c == '?') {
        size_t n = character_length(g, at->v);

        capture(g, at->capture++, at->v, at->v + n);
        at->p++;
        at->v += n;
        return true;
    }
    size_t skip = c == '\\' && at->p + 1 < g->pattern.n ? 1 : 0;
    char wanted = g->pattern.p[at->p + skip], found = g->value.p[at->v];
    if (g->octet ? wanted != found : lower(wanted) != lower(found))
        return false;
    at->p += 1 + skip;
    at->v++;
    return true;
}

static bool
at_star(const struct sieve_glob *g, const struct cursor *at)
{
    return at->p < g->pattern.n && g->pattern.p[at->p] == '*';
}

or_status
sieve_glob_match(struct sieve_glob *g)
{
    struct cursor at = {0}, star = {0}; /* star: behind the latest one, and where it ends */
    size_t star_from = 0;
    bool have_star = false;

    while (at.p < g->pattern.n || at.v < g->value.n) {
        if ((*g->work)-- <= 1) {
            *g->work = 0;
            return OR_LIMIT;
        }
        if (at_star(g, &at)) {
            star_from = at.v;
            at.p++;
            capture(g, at.capture++, at.v, at.v);
            star = at;
            have_star = true;
        } else if (!step(g, &at)) {
            if (!have_star || star.v >= g->value.n)
                return OR_ABSENT;
            star.v += character_length(g, star.v);
            capture(g, star.capture - 1, star_from, star.v);
            at = star;
        }
    }
    g->capture_count = at.capture < SIEVE_GLOB_CAPTURES ? at.capture : SIEVE_GLOB_CAPTURES;
    return OR_OK;
}
