/*
 * Base64. The decoder takes exactly one text for each byte string (padding and trailing bits are
 * checked), so that what was compared or signed cannot be written in a second way.
 */
#include "common/text/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define NOT_A_DIGIT 64u

void
base64_encode(struct buf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        unsigned char a = (unsigned char)bytes.p[i];
        unsigned char b = left > 1 ? (unsigned char)bytes.p[i + 1] : 0;
        unsigned char c = left > 2 ? (unsigned char)bytes.p[i + 2] : 0;
        char quad[4] = {
            alphabet[a >> 2],
            alphabet[(a & 0x03) << 4 | b >> 4],
            left > 1 ? alphabet[(b & 0x0f) << 2 | c >> 6] : '=',
            left > 2 ? alphabet[c & 0x3f] : '=',
        };

        buf_add(out, quad, sizeof(quad));
    }
}

static unsigned
digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : NOT_A_DIGIT;
}

static bool
is_fws(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What one pass over the text has seen. */
struct decoder {
    uint32_t bits; /* of the quantum at hand */
    size_t digits;
    size_t pads;
};

static or_status
take_char(struct decoder *d, char c, struct buf *out)
{
    if (c == '=') {
        d->pads++;
        return OR_OK;
    }
    unsigned value = digit_value(c);
    if (value == NOT_A_DIGIT || d->pads != 0)
        return OR_MALFORMED;
    d->bits = d->bits << 6 | value;
    if (++d->digits % 4 == 0) {
        char bytes[3] = {(char)(d->bits >> 16), (char)(d->bits >> 8), (char)d->bits};

        buf_add(out, bytes, sizeof(bytes));
        d->bits = 0;
    }
    return OR_OK;
}

/* The last, partial quantum. */
static or_status
take_end(const struct decoder *d, enum base64_blanks blanks, struct buf *out)
{
    size_t partial = d->digits % 4;
    size_t pads_due = (4 - partial) % 4;

    if (partial == 1)
        return OR_MALFORMED;
    if (d->pads != pads_due && !(d->pads == 0 && blanks == BASE64_SKIP_FWS))
        return OR_MALFORMED;
    if (partial == 2) {
        if ((d->bits & 0x0f) != 0)
            return OR_MALFORMED;
        buf_add_char(out, (char)(d->bits >> 4));
    } else if (partial == 3) {
        if ((d->bits & 0x03) != 0)
            return OR_MALFORMED;
        buf_add_char(out, (char)(d->bits >> 10));
        buf_add_char(out, (char)(d->bits >> 2));
    }
    return OR_OK;
}

or_status
base64_decode(struct span text, enum base64_blanks blanks, struct buf *out)
{
    struct decoder d = {0};
    size_t start = out->n;
    or_status st = OR_OK;

    for (size_t i = 0; i < text.n && st == OR_OK; i++)
        if (blanks != BASE64_SKIP_FWS || !is_fws(text.p[i]))
            st = take_char(&d, text.p[i], out);
    if (st == OR_OK)
        st = take_end(&d, blanks, out);
    if (st == OR_OK)
        st = buf_finish(out);
    if (st != OR_OK)
        out->n = start; /* nothing half-decoded is left for a careless caller */
    return st;
}
