/*
 * UTF-8 decoding by the table of RFC 3629 section 4.
 */
#include "common/text/utf8.h"

/* How a sequence goes on after its first byte. The range of the second byte is what excludes
 * overlong forms, surrogates and code points past U+10FFFF. */
struct lead {
    unsigned char first, last;
    unsigned char second_min, second_max;
    unsigned char length;
};

static const struct lead leads[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static const struct lead *
find_lead(unsigned char byte)
{
    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
        if (byte >= leads[i].first && byte <= leads[i].last)
            return &leads[i];
    return NULL;
}

or_status
utf8_next(struct span *s, uint32_t *code_point_out)
{
    static const unsigned char payload_masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};

    if (s->n == 0)
        return OR_ABSENT;
    const unsigned char *p = (const unsigned char *)s->p;
    const struct lead *lead = find_lead(p[0]);
    if (lead == NULL || lead->length > s->n)
        return OR_MALFORMED;
    if (lead->length > 1 && (p[1] < lead->second_min || p[1] > lead->second_max))
        return OR_MALFORMED;
    uint32_t code_point = p[0] & payload_masks[lead->length];
    for (size_t i = 1; i < lead->length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return OR_MALFORMED;
        code_point = code_point << 6 | (p[i] & 0x3fu);
    }
    *s = span_from(*s, lead->length);
    *code_point_out = code_point;
    return OR_OK;
}

/* Nearly all text is ASCII to its end. */
static size_t
ascii_length(struct span s)
{
    size_t n = 0;

    while (n < s.n && (unsigned char)s.p[n] < 0x80)
        n++;
    return n;
}

bool
utf8_is_valid(struct span s)
{
    uint32_t ignored;
    or_status st;

    do {
        s = span_from(s, ascii_length(s));
        st = utf8_next(&s, &ignored);
    } while (st == OR_OK);
    return st == OR_ABSENT;
}

bool
utf8_is_ascii(struct span s)
{
    return ascii_length(s) == s.n;
}
