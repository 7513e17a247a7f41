/* The decoded text is never longer than the encoded one: "${unicode:10FFFF}" gives four bytes. */
#include "lmtp/sieve/sieve_encoded.h"

#include "common/base/buf.h"

#define MAX_HEX_DIGITS 8

enum encoding { ENCODING_NONE, ENCODING_HEX, ENCODING_UNICODE };

static enum encoding
take_prefix(struct span *s)
{
    static const struct {
        struct span prefix;
        enum encoding encoding;
    } prefixes[] = {{SPAN_INIT("${hex:"), ENCODING_HEX},
                    {SPAN_INIT("${unicode:"), ENCODING_UNICODE}};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (!span_has_prefix_nocase(*s, prefixes[i].prefix))
            continue;
        *s = span_from(*s, prefixes[i].prefix.n);
        return prefixes[i].encoding;
    }
    return ENCODING_NONE;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next number; false: there is none or it is too long for its kind. */
static bool
take_hex(struct span *s, enum encoding encoding, uint32_t *value_out)
{
    size_t n = 0, max = encoding == ENCODING_HEX ? 2 : MAX_HEX_DIGITS;
    uint32_t value = 0;

    while (n < s->n && n < max && hex_digit(s->p[n]) >= 0)
        value = value << 4 | (uint32_t)hex_digit(s->p[n++]);
    if (n == 0 || (n < s->n && hex_digit(s->p[n]) >= 0))
        return false;
    *s = span_from(*s, n);
    *value_out = value;
    return true;
}

static void
skip_blanks(struct span *s)
{
    while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t' || s->p[0] == '\r' || s->p[0] == '\n'))
        *s = span_from(*s, 1);
}

static void
add_utf8(struct buf *out, uint32_t c)
{
    static const unsigned char leads[] = {0, 0xC0, 0xE0, 0xF0};
    unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

    buf_add_char(out, (char)(leads[more] | c >> (6 * more)));
    while (more-- > 0)
        buf_add_char(out, (char)(0x80 | (c >> (6 * more) & 0x3F)));
}

static bool
is_character(uint32_t c, enum encoding encoding)
{
    if (encoding == ENCODING_HEX)
        return c != 0;
    return c != 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

/* One "${...}" at the front of *s: OR_ABSENT when it is none. */
static or_status
take_encoded(struct span *s, struct buf *out, struct err *e)
{
    struct span rest = *s;
    enum encoding encoding = take_prefix(&rest);
    uint32_t c;
    size_t start = out->n;
    bool any = false, bad = false;

    if (encoding == ENCODING_NONE)
        return OR_ABSENT;
    for (skip_blanks(&rest); take_hex(&rest, encoding, &c); skip_blanks(&rest)) {
        any = true;
        bad = bad || !is_character(c, encoding);
        if (encoding == ENCODING_HEX)
            buf_add_char(out, (char)c);
        else if (!bad)
            add_utf8(out, c);
    }
    if (!any || rest.n == 0 || rest.p[0] != '}') {
        out->n = start;
        return OR_ABSENT;
    }
    if (bad)
        return err_set(e, OR_MALFORMED, "expected a character's number in \"${%s:\"",
                       encoding == ENCODING_HEX ? "hex" : "unicode");
    *s = span_from(rest, 1);
    return OR_OK;
}

or_status
sieve_encoded_decode(struct span text, struct arena *mem, struct span *text_out, struct err *e)
{
    struct span s = text;
    struct buf out;
    or_status st = OR_OK;

    if (!span_contains_byte(text, '$'))
        return OR_OK;
    buf_init(&out, text.n + 4);
    while (s.n > 0 && (st == OR_OK || st == OR_ABSENT)) {
        st = take_encoded(&s, &out, e);
        if (st == OR_ABSENT) {
            buf_add_char(&out, s.p[0]);
            s = span_from(s, 1);
        }
    }
    if (st == OR_ABSENT)
        st = OR_OK;
    if (st == OR_OK)
        st = buf_finish(&out);
    if (st == OR_OK)
        st = arena_copy(mem, buf_span(&out), text_out);
    buf_fini(&out);
    return st;
}
