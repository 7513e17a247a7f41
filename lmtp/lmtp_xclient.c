/*
 * "NAME=value" words; values are xtext (RFC 3461 4), or one of two words in brackets.
 */
#include "lmtp/lmtp_xclient.h"

#include <string.h>

/* -1: not one of the upper-case digits that xtext has. */
static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static or_status
decode_xtext(struct span value, struct buf *out)
{
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];

        if (c == '+') {
            int high = i + 2 < value.n ? hex_digit(value.p[i + 1]) : -1;
            int low = i + 2 < value.n ? hex_digit(value.p[i + 2]) : -1;

            if (high < 0 || low < 0 || (high | low) == 0)
                return OR_MALFORMED;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c <= ' ' || c == '=' || c == 0x7f) {
            return OR_MALFORMED;
        }
        buf_add_char(out, c);
    }
    return buf_finish(out);
}

static or_status
take_addr(struct span value, struct lmtp_xclient *c)
{
    struct span prefix = SPAN_LIT("IPV6:");

    c->has_ip = true;
    if (value.n == 0)
        return OR_OK;
    return ip_parse(span_has_prefix_nocase(value, prefix) ? span_from(value, prefix.n) : value,
                    &c->ip);
}

static or_status
take_helo(struct span value, struct lmtp_xclient *c)
{
    if (value.n >= sizeof(c->helo) || span_contains_byte(value, '\0'))
        return OR_MALFORMED;
    c->has_helo = true;
    memcpy(c->helo, value.p, value.n);
    c->helo[value.n] = '\0';
    return OR_OK;
}

/* In the order of LMTP_XCLIENT_ATTRIBUTES, and what proxies send without asking. */
static const struct {
    const char *name;
    or_status (*take)(struct span value, struct lmtp_xclient *c); /* NULL: of no use here */
} attributes[] = {
    {"NAME", NULL},      {"ADDR", take_addr}, {"PORT", NULL},     {"PROTO", NULL},
    {"HELO", take_helo}, {"LOGIN", NULL},     {"DESTADDR", NULL}, {"DESTPORT", NULL},
};

static or_status
take_value(size_t i, struct span value, struct lmtp_xclient *c)
{
    struct buf decoded;

    if (span_equal_nocase_cstr(value, "[UNAVAILABLE]") ||
        span_equal_nocase_cstr(value, "[TEMPUNAVAIL]"))
        value = SPAN_EMPTY;
    buf_init(&decoded, LMTP_XCLIENT_HELO_BYTES);
    or_status st = decode_xtext(value, &decoded);
    if (st == OR_OK && attributes[i].take != NULL)
        st = attributes[i].take(buf_span(&decoded), c);
    buf_fini(&decoded);
    return st;
}

static or_status
take_word(struct span word, struct lmtp_xclient *c)
{
    size_t equals = span_find(word, '=');

    if (equals == word.n)
        return OR_MALFORMED;
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
        if (span_equal_nocase_cstr(span_slice(word, 0, equals), attributes[i].name))
            return take_value(i, span_from(word, equals + 1), c);
    return OR_MALFORMED;
}

or_status
lmtp_xclient_parse(struct span argument, struct lmtp_xclient *client_out)
{
    struct lmtp_xclient c = {.has_ip = false};
    struct span word;
    bool any = false;

    while (span_split(&argument, ' ', &word)) {
        if (word.n == 0)
            continue;
        or_status st = take_word(word, &c);
        if (st != OR_OK)
            return st;
        any = true;
    }
    if (!any)
        return OR_MALFORMED;
    *client_out = c;
    return OR_OK;
}
