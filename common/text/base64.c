/*
 * Base64. The decoder takes exactly one text for each byte string (padding and trailing bits are
 * checked), so that what was compared or signed cannot be written in a second way.
 */
#include "common/text/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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

/* One more than the value of each digit, 0 for everything else. */
static const unsigned char digits[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

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
    unsigned digit = digits[(unsigned char)c];
    if (digit == 0 || d->pads != 0)
        return OR_MALFORMED;
    d->bits = d->bits << 6 | (digit - 1);
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
