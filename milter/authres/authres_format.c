/*
 * Builds Authentication-Results values. Knows the grammar of RFC 8601 2.2 and nothing of what is
 * reported.
 */
#include "milter/authres/authres_format.h"

#include "common/text/addr.h"
#include "common/text/domain.h"

#include <string.h>

#define LINE_COLUMNS 78
#define TAB_COLUMNS 8

/* RFC 2045 5.1 token: printable ASCII but blanks and tspecials. */
static bool
is_token(struct span word)
{
    for (size_t i = 0; i < word.n; i++) {
        unsigned char c = (unsigned char)word.p[i];

        if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?=", c) != NULL)
            return false;
    }
    return word.n != 0;
}

/* RFC 5322 3.2.3 dot-atom, ASCII only: RFC 6532 bytes would need an EAI message around them. */
static bool
is_dot_atom(struct span s)
{
    static const char specials[] = "!#$%&'*+-/=?^_`{|}~";
    struct span rest = s, atom;

    if (s.n == 0)
        return false;
    while (span_split(&rest, '.', &atom)) {
        if (atom.n == 0)
            return false;
        for (size_t i = 0; i < atom.n; i++) {
            char c = atom.p[i];
            bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

            if (!alnum && (c == '\0' || strchr(specials, c) == NULL))
                return false;
        }
    }
    return true;
}

static bool
is_ascii(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

static void
add_quoted(struct buf *out, struct span text)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        buf_add_char(out, c < ' ' || c >= 0x7f || c == '"' || c == '\\' ? '?' : (char)c);
    }
    buf_add_char(out, '"');
}

/* The blank before a word of `n` bytes, or a fold where the line would get longer than RFC
 * 5322 2.1.1 likes. */
static void
add_blank(struct buf *out, size_t n)
{
    size_t fold = span_rfind(buf_span(out), '\n');
    size_t line = fold == out->n ? out->n : out->n - fold - 1;

    buf_add_cstr(out, line + TAB_COLUMNS + n > LINE_COLUMNS ? "\n\t " : " ");
}

/* " NAME=", with room for `n` bytes behind it. */
static void
add_name(struct buf *out, const char *name, size_t n)
{
    add_blank(out, strlen(name) + 1 + n);
    buf_addf(out, "%s=", name);
}

void
authres_format_start(struct buf *out, struct span authserv_id)
{
    buf_add_char(out, ' ');
    if (is_token(authserv_id))
        buf_add_span(out, authserv_id);
    else
        add_quoted(out, authserv_id);
}

void
authres_format_method(struct buf *out, const char *method, struct span result)
{
    buf_addf(out, ";\n\t%s=", method);
    buf_add_span(out, is_token(result) ? result : SPAN_LIT("permerror"));
}

void
authres_format_reason(struct buf *out, struct span reason)
{
    if (reason.n == 0)
        return;
    add_name(out, "reason", reason.n + 2);
    add_quoted(out, reason);
}

void
authres_format_domain(struct buf *out, const char *property, struct span domain)
{
    if (!is_ascii(domain) || !domain_is_hostname(domain))
        return;
    add_name(out, property, domain.n);
    buf_add_span(out, domain);
}

void
authres_format_address(struct buf *out, const char *property, struct span address)
{
    struct addr a = addr_split(address);

    if (!is_ascii(a.domain) || !domain_is_hostname(a.domain))
        return;
    add_name(out, property, address.n);
    if (is_dot_atom(a.local)) {
        buf_add_span(out, a.local);
        buf_add_char(out, '@');
    }
    buf_add_span(out, a.domain);
}

void
authres_format_word(struct buf *out, const char *property, struct span word)
{
    if (word.n == 0)
        return;
    add_name(out, property, word.n);
    if (is_token(word))
        buf_add_span(out, word);
    else
        add_quoted(out, word);
}
