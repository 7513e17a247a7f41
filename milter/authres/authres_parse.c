/*
 * Whose Authentication-Results field is this? Errs towards "ours": a wrongly removed foreign field
 * costs nothing, a surviving forged one is trusted by every filter behind us.
 */
#include "milter/authres/authres_parse.h"

#include "common/text/header.h"

#define AUTHSERV_ID_MAX_BYTES 255

/* The id: a token or a quoted string, unquoted into `out`. False when there is none that we can
 * read. */
static bool
read_id(struct span value, char out[AUTHSERV_ID_MAX_BYTES], size_t *n_out)
{
    size_t n = 0, i = 0;

    if (header_skip_cfws(&value) != OR_OK || value.n == 0)
        return false;
    bool quoted = value.p[0] == '"';
    for (i = quoted ? 1 : 0; i < value.n && n < AUTHSERV_ID_MAX_BYTES; i++) {
        char c = value.p[i];

        if (quoted ? c == '"' : c <= ' ' || c == ';' || c == '(')
            break;
        if (quoted && c == '\\' && i + 1 < value.n)
            c = value.p[++i];
        out[n++] = c;
    }
    *n_out = n;
    return n != 0 && n < AUTHSERV_ID_MAX_BYTES && (!quoted || i < value.n);
}

static bool
contains_nocase(struct span haystack, struct span needle)
{
    for (size_t i = 0; i + needle.n <= haystack.n; i++)
        if (span_equal_nocase(span_slice(haystack, i, i + needle.n), needle))
            return true;
    return false;
}

static struct span
without_final_dot(struct span s)
{
    return s.n > 0 && s.p[s.n - 1] == '.' ? span_slice(s, 0, s.n - 1) : s;
}

bool
authres_claims_id(struct span value, struct span authserv_id)
{
    char id[AUTHSERV_ID_MAX_BYTES];
    size_t n;

    if (!read_id(value, id, &n))
        return contains_nocase(value, authserv_id);
    return span_equal_nocase(without_final_dot(span_make(id, n)), without_final_dot(authserv_id));
}
