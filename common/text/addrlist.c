/*
 * RFC 5322 address lists, read the one way that every careful program reads them.
 *
 * The verdict hangs on the domain found here while a person sees what their mail program finds, so
 * the parser refuses wherever the two may part ("Composition Kills", Chen, Paxson, Jiang 2020):
 * NUL, bare CR and LF, bad UTF-8 in an address, an address that does not end, two addresses without
 * a comma, source routes, comments that hold an address, encoded words or list punctuation in a
 * local part. Encoded words in display names stay undecoded; bytes of old charsets there are let
 * be, since they name nobody.
 */
#include "common/text/addrlist.h"

#include "common/text/domain.h"
#include "common/text/header.h"
#include "common/text/utf8.h"

#include <string.h>

enum token_type {
    TOKEN_END,
    TOKEN_ATOM,
    TOKEN_QUOTED,  /* text: what stands between the quotes, pairs still in */
    TOKEN_LITERAL, /* text: with brackets */
    TOKEN_SPECIAL, /* text: the one byte */
};

struct token {
    enum token_type type;
    struct span text;
};

struct parser {
    struct span all;  /* unfolded */
    struct span rest; /* behind the current token */
    struct token token;
    bool comment_has_at; /* a comment since the last reset held an "@" */
    char *text;          /* addresses, unquoted: never more bytes than `all` */
    size_t text_n;
    struct addrlist list;
    struct err *e;
};

static or_status
fail(const struct parser *p, const char *what)
{
    return err_set(p->e, OR_MALFORMED, "address list, byte %zu: %s", p->all.n - p->rest.n, what);
}

/* RFC 5322 3.2.3, with UTF-8 as in RFC 6532 3.2. */
static bool
is_atext(char c)
{
    if ((unsigned char)c >= 0x80)
        return true;
    return c > ' ' && c < 0x7f && strchr("()<>[]:;@\\,.\"", c) == NULL;
}

static or_status
take_quoted(struct parser *p)
{
    for (size_t i = 1; i < p->rest.n; i++) {
        if (p->rest.p[i] == '\\') {
            i++;
        } else if (p->rest.p[i] == '"') {
            p->token = (struct token){TOKEN_QUOTED, span_slice(p->rest, 1, i)};
            p->rest = span_from(p->rest, i + 1);
            return OR_OK;
        }
    }
    return fail(p, "a quoted string does not end");
}

/* RFC 5322 3.4.1 domain-literal, without the blanks and quoted pairs nobody writes. */
static or_status
take_literal(struct parser *p)
{
    size_t end = span_find(p->rest, ']');

    if (end == p->rest.n || end < 2)
        return fail(p, "a domain literal is empty or does not end");
    for (size_t i = 1; i < end; i++) {
        unsigned char c = (unsigned char)p->rest.p[i];

        if (c <= ' ' || c >= 0x7f || c == '[' || c == '\\')
            return fail(p, "forbidden byte in a domain literal");
    }
    p->token = (struct token){TOKEN_LITERAL, span_slice(p->rest, 0, end + 1)};
    p->rest = span_from(p->rest, end + 1);
    return OR_OK;
}

/* Moves to the next token, over blanks and comments. */
static or_status
next(struct parser *p)
{
    struct span before = p->rest;
    or_status st = header_skip_cfws(&p->rest);
    size_t n = 0;

    if (st != OR_OK)
        return fail(p, st == OR_LIMIT ? "comments too deep" : "a comment does not end");
    /* Outside comments there are only blanks. */
    if (span_contains_byte(span_slice(before, 0, before.n - p->rest.n), '@'))
        p->comment_has_at = true;
    if (p->rest.n == 0) {
        p->token = (struct token){TOKEN_END, p->rest};
        return OR_OK;
    }
    if (p->rest.p[0] == '"')
        return take_quoted(p);
    if (p->rest.p[0] == '[')
        return take_literal(p);
    while (n < p->rest.n && is_atext(p->rest.p[n]))
        n++;
    p->token.type = n > 0 ? TOKEN_ATOM : TOKEN_SPECIAL;
    p->token.text = span_slice(p->rest, 0, n > 0 ? n : 1);
    p->rest = span_from(p->rest, p->token.text.n);
    return OR_OK;
}

static bool
at_special(const struct parser *p, char c)
{
    return p->token.type == TOKEN_SPECIAL && p->token.text.p[0] == c;
}

static bool
at_word(const struct parser *p)
{
    return p->token.type == TOKEN_ATOM || p->token.type == TOKEN_QUOTED;
}

static void
keep(struct parser *p, struct span bytes)
{
    memcpy(p->text + p->text_n, bytes.p, bytes.n);
    p->text_n += bytes.n;
}

static void
keep_word(struct parser *p)
{
    struct span s = p->token.text;

    if (p->token.type != TOKEN_QUOTED) {
        keep(p, s);
        return;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        p->text[p->text_n++] = s.p[i];
    }
}

/* Words and dots: a display name or a local part, what follows tells. */
struct words {
    struct span text; /* unquoted, with the dots but without blanks */
    size_t count;     /* of words */
    bool is_phrase;   /* two words stand side by side: no local part */
};

static or_status
take_words(struct parser *p, struct words *words_out)
{
    struct words w = {0};
    size_t start = p->text_n;
    bool after_word = false;

    while (at_word(p) || at_special(p, '.')) {
        bool is_word = at_word(p);

        w.is_phrase = w.is_phrase || (is_word && after_word);
        w.count += is_word;
        after_word = is_word;
        keep_word(p);
        or_status st = next(p);
        if (st != OR_OK)
            return st;
    }
    w.text = span_make(p->text + start, p->text_n - start);
    *words_out = w;
    return OR_OK;
}

/* RFC 2047 5 (3) forbids encoded words in addresses; some programs decode them all the same. */
static bool
has_encoded_word(struct span s)
{
    const char *open = s.n > 0 ? memmem(s.p, s.n, "=?", 2) : NULL;

    if (open == NULL)
        return false;
    struct span behind = span_from(s, (size_t)(open - s.p) + 2);
    return behind.n > 0 && memmem(behind.p, behind.n, "?=", 2) != NULL;
}

/* Dots may stand anywhere ("a..b", "a.@docomo.ne.jp" are in use and everyone agrees on the domain).
 */
static or_status
check_local(const struct parser *p, const struct words *w)
{
    if (w->count == 0)
        return fail(p, "no local part before \"@\"");
    if (w->is_phrase)
        return fail(p, "two words before \"@\"");
    if (has_encoded_word(w->text))
        return fail(p, "encoded word in a local part");
    if (!utf8_is_valid(w->text))
        return fail(p, "bad UTF-8 in a local part");
    for (size_t i = 0; i < w->text.n; i++)
        if (span_contains_byte(SPAN_LIT("<>,\t"), w->text.p[i]))
            return fail(p, "list punctuation or a TAB in a local part");
    return OR_OK;
}

/* The current token is the "@". RFC 5322 4.4: blanks and comments may stand around the dots. */
static or_status
take_domain(struct parser *p, struct span *domain_out)
{
    size_t start = p->text_n;
    bool is_literal, more;
    or_status st = next(p);

    if (st != OR_OK)
        return st;
    is_literal = p->token.type == TOKEN_LITERAL;
    do {
        if (p->token.type != TOKEN_ATOM && !is_literal)
            return fail(p, "no domain after \"@\" or \".\"");
        keep(p, p->token.text);
        st = next(p);
        if (st != OR_OK)
            return st;
        more = !is_literal && at_special(p, '.');
        if (more) {
            keep(p, p->token.text);
            st = next(p);
        }
    } while (st == OR_OK && more);
    struct span domain = span_make(p->text + start, p->text_n - start);
    if (st == OR_OK && !is_literal && !domain_is_hostname(domain))
        return fail(p, "not a domain name");
    *domain_out = domain;
    return st;
}

/* "@" is the current token, `w` what stood before it. */
static or_status
take_addr_spec(struct parser *p, const struct words *w)
{
    struct addr a = {.local = w->text};

    if (!at_special(p, '@'))
        return fail(p, "no \"@\" where an address must have one");
    or_status st = check_local(p, w);
    if (st == OR_OK)
        st = take_domain(p, &a.domain);
    if (st != OR_OK)
        return st;
    if (p->list.count == ADDRLIST_MAX)
        return err_set(p->e, OR_LIMIT, "more than %d addresses", ADDRLIST_MAX);
    p->list.items[p->list.count++] = a;
    return OR_OK;
}

/* The current token is the "<". */
static or_status
take_angle_addr(struct parser *p)
{
    struct words w;
    or_status st = next(p);

    if (st != OR_OK)
        return st;
    /* RFC 5322 4.4 obs-route. Some programs show the route's domain instead of the address's. */
    if (at_special(p, '@') || at_special(p, ','))
        return fail(p, "source route in an address");
    st = take_words(p, &w);
    if (st == OR_OK)
        st = take_addr_spec(p, &w);
    if (st != OR_OK)
        return st;
    return at_special(p, '>') ? next(p) : fail(p, "\">\" is missing or comes too late");
}

/* name-addr or addr-spec whose words were taken already. */
static or_status
take_mailbox(struct parser *p, const struct words *w)
{
    or_status st;

    if (at_special(p, '<')) {
        p->text_n -= w->text.n; /* a display name: not kept */
        p->comment_has_at = false;
        st = take_angle_addr(p);
    } else {
        st = take_addr_spec(p, w);
    }
    /* a@b(c@d): programs that look for "@" or skip comments badly find d. */
    if (st == OR_OK && p->comment_has_at)
        return fail(p, "a comment beside an address holds an \"@\"");
    return st;
}

/* One mailbox of a group and what must follow it. RFC 5322 3.4: groups do not nest. */
static or_status
take_member(struct parser *p)
{
    struct words w;
    or_status st = take_words(p, &w);

    if (st == OR_OK)
        st = take_mailbox(p, &w);
    if (st != OR_OK)
        return st;
    if (p->token.type != TOKEN_END && !at_special(p, ',') && !at_special(p, ';'))
        return fail(p, "no comma between two addresses");
    return OR_OK;
}

/* The current token is the ":" behind the group's name. */
static or_status
take_group(struct parser *p)
{
    p->comment_has_at = false;
    or_status st = next(p);

    while (st == OR_OK && !at_special(p, ';')) {
        if (p->token.type == TOKEN_END)
            return fail(p, "a group does not end in \";\"");
        st = at_special(p, ',') ? next(p) : take_member(p);
    }
    return st == OR_OK ? next(p) : st;
}

static or_status
take_address(struct parser *p)
{
    struct words w;
    or_status st = take_words(p, &w);

    if (st != OR_OK)
        return st;
    if (!at_special(p, ':'))
        return take_mailbox(p, &w);
    if (w.count == 0)
        return fail(p, "a group without a name");
    p->text_n -= w.text.n;
    return take_group(p);
}

/* RFC 5322 4.4 allows empty elements ("a@b,,c@d"). */
static or_status
take_list(struct parser *p)
{
    bool is_empty = true;
    or_status st = next(p);

    while (st == OR_OK && p->token.type != TOKEN_END) {
        if (at_special(p, ',')) {
            st = next(p);
            continue;
        }
        is_empty = false;
        st = take_address(p);
        if (st == OR_OK && p->token.type != TOKEN_END && !at_special(p, ','))
            st = fail(p, "no comma between two addresses");
    }
    if (st == OR_OK && is_empty)
        st = fail(p, "no address");
    return st;
}

/* What one program skips, another ends the field at. */
static or_status
check_bytes(struct span s, struct err *e)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        char following = i + 1 < s.n ? s.p[i + 1] : '\0';
        bool is_fold = (c == '\r' && following == '\n') ||
                       (c == '\n' && (following == ' ' || following == '\t'));

        if (((unsigned char)c < ' ' && c != '\t' && !is_fold) || c == 0x7f)
            return err_set(e, OR_MALFORMED, "address list: control byte at byte %zu", i);
    }
    return OR_OK;
}

or_status
addrlist_parse(struct span value, struct arena *mem, struct addrlist *list_out, struct err *e)
{
    struct parser p = {.e = e};
    struct span trimmed = span_trim(value);
    or_status st = check_bytes(trimmed, e);

    if (st != OR_OK)
        return st;
    st = header_unfold(trimmed, mem, &p.all);
    if (st == OR_OK) {
        p.text = arena_alloc(mem, p.all.n);
        p.list.items = arena_alloc_array(mem, ADDRLIST_MAX, sizeof(*p.list.items));
    }
    if (p.text == NULL || p.list.items == NULL)
        return err_set(e, OR_LIMIT, "no memory left for this request");
    p.rest = p.all;
    st = take_list(&p);
    if (st == OR_OK)
        *list_out = p.list;
    return st;
}
