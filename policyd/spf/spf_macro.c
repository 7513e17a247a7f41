/*
 * Scanning and expanding macro strings (RFC 7208 7). Nothing here allocates by what a record says:
 * values are cut into parts in place, and the output buffer has its own ceiling.
 */
#include "policyd/spf/spf_macro.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static char
to_lower(char c)
{
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

/* RFC 7208 7.1 macro-literal: visible bytes but "%"; explain-string adds the blank. */
static bool
is_literal(char c, enum spf_macro_where where)
{
    if (c == ' ')
        return where == SPF_MACRO_EXPLANATION;
    return c > ' ' && c <= '~' && c != '%';
}

static or_status
check_letter(char letter, enum spf_macro_where where, struct err *e)
{
    if (letter != '\0' && strchr("slodiphv", letter) != NULL)
        return OR_OK;
    if (letter == '\0' || strchr("crt", letter) == NULL)
        return err_set(e, OR_MALFORMED, "unknown macro letter in \"%%{%c\"", letter);
    if (where == SPF_MACRO_TERM)
        return err_set(e, OR_MALFORMED, "macro %%{%c} is allowed in explanation texts only",
                       letter);
    return OR_OK;
}

/* transformers = *DIGIT [ "r" ]. The number saturates: no record can overflow it. */
static or_status
scan_transformers(struct span body, size_t *at, struct spf_macro_token *token, struct err *e)
{
    unsigned parts = 0;
    size_t i = *at;

    while (i < body.n && is_digit(body.p[i])) {
        parts = parts * 10 + (unsigned)(body.p[i] - '0');
        if (parts > SPF_MACRO_MAX_PARTS)
            parts = SPF_MACRO_MAX_PARTS;
        i++;
    }
    /* RFC 7208 7.3: if a DIGIT is specified, it MUST be nonzero. */
    if (i > *at && parts == 0)
        return err_set(e, OR_MALFORMED, "a macro keeps zero parts");
    token->parts = parts;
    if (i < body.n && to_lower(body.p[i]) == 'r') {
        token->reverse = true;
        i++;
    }
    *at = i;
    return OR_OK;
}

/* What stands between "%{" and "}". */
static or_status
scan_expand(struct span body, enum spf_macro_where where, struct spf_macro_token *token,
            struct err *e)
{
    if (body.n == 0)
        return err_set(e, OR_MALFORMED, "empty macro \"%%{}\"");
    token->letter = to_lower(body.p[0]);
    token->url_escape = is_upper(body.p[0]);
    or_status st = check_letter(token->letter, where, e);
    if (st != OR_OK)
        return st;

    size_t at = 1;
    st = scan_transformers(body, &at, token, e);
    if (st != OR_OK)
        return st;
    token->delimiters = span_from(body, at);
    for (size_t i = 0; i < token->delimiters.n; i++) {
        if (!span_contains_byte(SPAN_LIT(".-+,/_="), token->delimiters.p[i]))
            return err_set(e, OR_MALFORMED, "bad delimiter in macro \"%%{%.*s}\"", SPAN_ARG(body));
    }
    return OR_OK;
}

static or_status
scan_percent(struct span *rest, enum spf_macro_where where, struct spf_macro_token *token,
             struct err *e)
{
    token->is_expand = true;
    switch (rest->n > 1 ? rest->p[1] : '\0') {
    case '%':
        token->literal = SPAN_LIT("%");
        break;
    case '_':
        token->literal = SPAN_LIT(" ");
        break;
    case '-':
        token->literal = SPAN_LIT("%20");
        break;
    case '{': {
        size_t end = span_find(*rest, '}');
        if (end == rest->n)
            return err_set(e, OR_MALFORMED, "macro without closing brace");
        struct span body = span_slice(*rest, 2, end);
        *rest = span_from(*rest, end + 1);
        return scan_expand(body, where, token, e);
    }
    default:
        return err_set(e, OR_MALFORMED, "\"%%\" must be followed by one of { %% _ -");
    }
    *rest = span_from(*rest, 2);
    return OR_OK;
}

or_status
spf_macro_next(struct span *rest, enum spf_macro_where where, struct spf_macro_token *token_out,
               struct err *e)
{
    struct spf_macro_token token = {.literal = SPAN_EMPTY, .delimiters = SPAN_EMPTY};
    size_t n = 0;

    while (n < rest->n && is_literal(rest->p[n], where))
        n++;
    if (n > 0) {
        token.literal = span_slice(*rest, 0, n);
        *rest = span_from(*rest, n);
    } else if (rest->p[0] == '%') {
        or_status st = scan_percent(rest, where, &token, e);
        if (st != OR_OK)
            return st;
    } else {
        /* RFC 7208 3.1: records and explanations are ASCII; no tabs, no control bytes. */
        return err_set(e, OR_MALFORMED, "byte 0x%02x is not allowed", (unsigned char)rest->p[0]);
    }
    *token_out = token;
    return OR_OK;
}

or_status
spf_macro_check(struct span text, enum spf_macro_where where, struct err *e)
{
    struct spf_macro_token token = {.letter = '\0'};

    while (text.n > 0) {
        or_status st = spf_macro_next(&text, where, &token, e);
        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

bool
spf_macro_uses(struct span text, const char *letters)
{
    struct spf_macro_token token = {.letter = '\0'};

    while (text.n > 0) {
        if (spf_macro_next(&text, SPF_MACRO_EXPLANATION, &token, NULL) != OR_OK)
            return false;
        if (token.letter != '\0' && strchr(letters, token.letter) != NULL)
            return true;
    }
    return false;
}

/* RFC 3986 2.3 unreserved. */
static bool
is_unreserved(char c)
{
    char lower = to_lower(c);

    return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

static void
add_part(struct buf *out, struct span part, bool url_escape)
{
    if (!url_escape) {
        buf_add_span(out, part);
        return;
    }
    for (size_t i = 0; i < part.n; i++) {
        if (is_unreserved(part.p[i]))
            buf_add_char(out, part.p[i]);
        else
            buf_addf(out, "%%%02X", (unsigned char)part.p[i]);
    }
}

static bool
is_delimiter(const struct spf_macro_token *token, char c)
{
    return token->delimiters.n == 0 ? c == '.' : span_contains_byte(token->delimiters, c);
}

static size_t
count_parts(const struct spf_macro_token *token, struct span value)
{
    size_t count = 1;

    for (size_t i = 0; i < value.n; i++) {
        if (is_delimiter(token, value.p[i]))
            count++;
    }
    return count;
}

/* Takes the next part off the front (or, reversed, off the back) of *rest. */
static struct span
take_part(const struct spf_macro_token *token, struct span *rest)
{
    struct span part;
    size_t at;

    if (token->reverse) {
        for (at = rest->n; at > 0 && !is_delimiter(token, rest->p[at - 1]);)
            at--;
        part = span_from(*rest, at);
        *rest = span_slice(*rest, 0, at > 0 ? at - 1 : 0);
    } else {
        for (at = 0; at < rest->n && !is_delimiter(token, rest->p[at]);)
            at++;
        part = span_slice(*rest, 0, at);
        *rest = span_from(*rest, at + 1);
    }
    return part;
}

/* RFC 7208 7.3: split on the delimiters, reverse, keep right-hand parts, join with dots, then
 * escape. */
static void
add_value(struct buf *out, const struct spf_macro_token *token, struct span value)
{
    size_t count = count_parts(token, value);
    size_t skip = token->parts != 0 && token->parts < count ? count - token->parts : 0;

    for (size_t i = 0; i < count; i++) {
        struct span part = take_part(token, &value);
        if (i < skip)
            continue;
        if (i > skip)
            buf_add_char(out, '.');
        add_part(out, part, token->url_escape);
    }
}

/* RFC 7208 7.3: dotted quad, or each nibble of an IPv6 address followed by a dot. Capitals as in
 * the published test suite; DNS does not care. */
static struct span
dotted_ip(const struct ip *ip, char text[IP_REVERSE_BYTES])
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;

    if (ip->family == AF_INET) {
        ip_format(ip, text);
        return span_cstr(text);
    }
    for (size_t i = 0; i < sizeof(ip->bytes); i++) {
        text[n++] = hex[ip->bytes[i] >> 4];
        text[n++] = '.';
        text[n++] = hex[ip->bytes[i] & 15];
        text[n++] = '.';
    }
    return span_make(text, n - 1);
}

/* `scratch` is for the values that are computed. */
static struct span
value_of(char letter, const struct spf_macro_values *v, char scratch[IP_REVERSE_BYTES])
{
    switch (letter) {
    case 's':
        return v->sender;
    case 'l':
        return v->sender_local;
    case 'o':
        return v->sender_domain;
    case 'd':
        return v->domain;
    case 'h':
        return v->helo;
    case 'p':
        return v->validated;
    case 'r':
        return v->receiver;
    case 'v':
        return v->ip.family == AF_INET ? SPAN_LIT("in-addr") : SPAN_LIT("ip6");
    case 'i':
        return dotted_ip(&v->ip, scratch);
    case 't':
        (void)snprintf(scratch, IP_REVERSE_BYTES, "%lld", (long long)v->now);
        return span_cstr(scratch);
    default: /* 'c': the scanner lets no other letter through */
        ip_format(&v->ip, scratch);
        return span_cstr(scratch);
    }
}

or_status
spf_macro_expand(struct span text, enum spf_macro_where where,
                 const struct spf_macro_values *values, struct buf *out, struct err *e)
{
    struct spf_macro_token token = {.letter = '\0'};
    char scratch[IP_REVERSE_BYTES];

    while (text.n > 0 && !out->failed) {
        or_status st = spf_macro_next(&text, where, &token, e);
        if (st != OR_OK)
            return st;
        if (token.letter == '\0')
            buf_add_span(out, token.literal);
        else
            add_value(out, &token, value_of(token.letter, values, scratch));
    }
    if (buf_finish(out) != OR_OK)
        return err_set(e, OR_LIMIT, "the expansion is longer than %zu bytes", out->max);
    return OR_OK;
}
