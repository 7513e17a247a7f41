/*
 * SMTP paths. Refuses what RFC 5321 does not allow; decides nothing about who may be written to.
 */
#include "common/text/addr.h"

#include "common/text/domain.h"
#include "common/text/utf8.h"

#include <string.h>

/* The unread part of a path, and where unquoted bytes go (as many as the path has, at most). */
struct cursor {
    struct span rest;
    char *text;
    size_t text_n;
    struct err *e;
};

static bool
is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

/* RFC 5322 3.2.3 atext, with UTF-8 as in RFC 6531 3.3. */
static bool
is_atext(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80 || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
peek(const struct cursor *c, char byte)
{
    return c->rest.n > 0 && c->rest.p[0] == byte;
}

static char
take(struct cursor *c)
{
    char byte = c->rest.p[0];

    c->rest = span_from(c->rest, 1);
    return byte;
}

/* RFC 5321 4.1.2 Quoted-string; the opening quote is already taken. */
static or_status
take_quoted(struct cursor *c)
{
    while (c->rest.n > 0 && !peek(c, '"')) {
        if (peek(c, '\\'))
            take(c);
        if (c->rest.n == 0)
            break;
        c->text[c->text_n++] = take(c);
    }
    if (c->rest.n == 0)
        return err_set(c->e, OR_MALFORMED, "the quoted local part does not end");
    take(c);
    return OR_OK;
}

/* RFC 5321 4.1.2 Dot-string. */
static or_status
take_dot_string(struct cursor *c)
{
    bool after_dot = true;

    for (; c->rest.n > 0 && (is_atext(c->rest.p[0]) || peek(c, '.')); after_dot = false) {
        char byte = take(c);

        c->text[c->text_n++] = byte;
        if (byte != '.')
            continue;
        if (after_dot || c->rest.n == 0 || !is_atext(c->rest.p[0]))
            return err_set(c->e, OR_MALFORMED, "misplaced dot in the local part");
    }
    return !after_dot ? OR_OK : err_set(c->e, OR_MALFORMED, "no local part");
}

static or_status
take_local(struct cursor *c, struct span *local_out)
{
    size_t start = c->text_n;
    or_status st;

    if (peek(c, '"')) {
        take(c);
        st = take_quoted(c);
    } else {
        st = take_dot_string(c);
    }
    if (st != OR_OK)
        return st;
    *local_out = span_make(c->text + start, c->text_n - start);
    return OR_OK;
}

/* RFC 5321 4.1.3: "[" dcontent "]" */
static or_status
take_literal(struct cursor *c, struct span *domain_out)
{
    size_t end = span_find(c->rest, ']');

    if (end == c->rest.n || end < 2)
        return err_set(c->e, OR_MALFORMED, "the address literal is empty or does not end");
    for (size_t i = 1; i < end; i++) {
        unsigned char byte = (unsigned char)c->rest.p[i];

        if (byte <= ' ' || byte >= 0x7f || byte == '[' || byte == '\\')
            return err_set(c->e, OR_MALFORMED, "forbidden byte in the address literal");
    }
    *domain_out = span_slice(c->rest, 0, end + 1);
    c->rest = span_from(c->rest, end + 1);
    return OR_OK;
}

/* What may stand in a domain name; whether it is one is domain_is_hostname()'s word. */
static or_status
take_domain(struct cursor *c, struct span *domain_out)
{
    size_t n = 0;

    if (peek(c, '['))
        return take_literal(c, domain_out);
    while (n < c->rest.n && (is_atext(c->rest.p[n]) || c->rest.p[n] == '.'))
        n++;
    struct span name = span_slice(c->rest, 0, n);
    c->rest = span_from(c->rest, n);
    if (name.n > 1 && name.p[name.n - 1] == '.')
        name.n--;
    if (!domain_is_hostname(name))
        return err_set(c->e, OR_MALFORMED, "\"%.*s\" is not a domain name", SPAN_ARG(name));
    *domain_out = name;
    return OR_OK;
}

/* RFC 5321 4.1.2 A-d-l: "@a,@b:" before the mailbox. MUST be accepted, SHOULD be ignored. */
static or_status
skip_route(struct cursor *c)
{
    struct span ignored;

    while (peek(c, '@')) {
        take(c);
        or_status st = take_domain(c, &ignored);
        if (st != OR_OK)
            return st;
        if (peek(c, ',')) {
            take(c);
            continue;
        }
        if (!peek(c, ':'))
            break;
        take(c);
        return OR_OK;
    }
    return err_set(c->e, OR_MALFORMED, "the source route does not end in \":\"");
}

static or_status
take_mailbox(struct cursor *c, struct addr *addr_out)
{
    struct addr a = {.local = SPAN_EMPTY, .domain = SPAN_EMPTY};
    or_status st = take_local(c, &a.local);

    if (st != OR_OK)
        return st;
    if (peek(c, '@')) {
        take(c);
        st = take_domain(c, &a.domain);
        if (st != OR_OK)
            return st;
    } else if (!span_equal_nocase_cstr(a.local, "postmaster")) {
        /* RFC 5321 4.1.1.3: only the postmaster may do without. */
        return err_set(c->e, OR_MALFORMED, "no \"@\" and domain");
    }
    *addr_out = a;
    return OR_OK;
}

static or_status
take_path(struct cursor *c, bool bare_ok, struct addr *addr_out)
{
    or_status st = OR_OK;

    if (!peek(c, '<')) {
        if (!bare_ok)
            return err_set(c->e, OR_MALFORMED, "the address is not in <>");
        return take_mailbox(c, addr_out);
    }
    take(c);
    if (peek(c, '>')) {
        take(c);
        *addr_out = (struct addr){.local = SPAN_EMPTY, .domain = SPAN_EMPTY};
        return OR_OK;
    }
    if (peek(c, '@'))
        st = skip_route(c);
    if (st == OR_OK)
        st = take_mailbox(c, addr_out);
    if (st != OR_OK)
        return st;
    if (!peek(c, '>'))
        return err_set(c->e, OR_MALFORMED, "\">\" is missing or comes too late");
    take(c);
    return OR_OK;
}

/* On the whole argument, parameters included: nothing of it may break a line or end a C string. */
static or_status
check_bytes(struct span s, struct err *e)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_control(s.p[i]))
            return err_set(e, OR_MALFORMED, "control byte in an address");
    return utf8_is_valid(s) ? OR_OK : err_set(e, OR_MALFORMED, "bad UTF-8 in an address");
}

or_status
addr_parse_path(struct span s, bool bare_ok, struct arena *mem, struct addr *addr_out,
                struct span *rest_out, struct err *e)
{
    struct cursor c = {.rest = span_trim(s), .e = e};
    size_t bytes = c.rest.n;
    struct addr a;

    or_status st = check_bytes(c.rest, e);
    if (st != OR_OK)
        return st;
    c.text = arena_alloc(mem, bytes);
    if (c.text == NULL)
        return err_set(e, OR_LIMIT, "no memory left for this request");
    st = take_path(&c, bare_ok, &a);
    if (st != OR_OK)
        return st;
    if (bytes - c.rest.n > ADDR_MAX_BYTES)
        return err_set(e, OR_LIMIT, "address over %d bytes", ADDR_MAX_BYTES);
    if (c.rest.n > 0 && (rest_out == NULL || !peek(&c, ' ')))
        return err_set(e, OR_MALFORMED, "\"%.*s\" follows the address", SPAN_ARG(c.rest));
    *addr_out = a;
    if (rest_out != NULL)
        *rest_out = span_trim(c.rest);
    return OR_OK;
}

struct addr
addr_split(struct span s)
{
    size_t at = span_rfind(s, '@');
    struct addr a = {.local = span_slice(s, 0, at), .domain = span_from(s, at + 1)};

    if (a.domain.n > 0 && a.domain.p[a.domain.n - 1] == '.')
        a.domain.n--;
    return a;
}

bool
addr_is_null(const struct addr *a)
{
    return a->local.n == 0 && a->domain.n == 0;
}

static bool
is_dot_string(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool is_inner = i > 0 && i + 1 < s.n && s.p[i - 1] != '.';

        if (!is_atext(s.p[i]) && !(s.p[i] == '.' && is_inner))
            return false;
    }
    return s.n > 0;
}

/* What stands here goes into headers and SMTP lines, and addr_split() lets everything through:
 * control bytes become "?". */
static void
add_printable(struct buf *out, char c)
{
    buf_add_char(out, is_control(c) ? '?' : c);
}

void
addr_format(struct buf *out, const struct addr *a)
{
    if (addr_is_null(a))
        return;
    bool is_plain = is_dot_string(a->local);
    if (!is_plain)
        buf_add_char(out, '"');
    for (size_t i = 0; i < a->local.n; i++) {
        if (!is_plain && (a->local.p[i] == '"' || a->local.p[i] == '\\'))
            buf_add_char(out, '\\');
        add_printable(out, a->local.p[i]);
    }
    if (!is_plain)
        buf_add_char(out, '"');
    if (a->domain.n == 0)
        return;
    buf_add_char(out, '@');
    for (size_t i = 0; i < a->domain.n; i++)
        add_printable(out, a->domain.p[i]);
}

void
addr_split_detail(struct span local, char separator, struct span *base_out, struct span *detail_out)
{
    size_t at = local.n > 0 ? 1 + span_find(span_from(local, 1), separator) : 0;

    *base_out = span_slice(local, 0, at);
    *detail_out = at < local.n ? span_from(local, at + 1) : span_make(NULL, 0);
}
