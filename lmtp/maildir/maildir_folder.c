/*
 * Modified UTF-7: printable ASCII stands for itself ('&' as "&-"), everything else as UTF-16 in a
 * base64 of its own between '&' and '-'.
 */
#include "lmtp/maildir/maildir_folder.h"

#include "common/text/utf8.h"

#include <string.h>

/* RFC 3501 5.1.3: ',' instead of '/', no padding. */
static const char base64_mutf7[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* Bits of UTF-16 on their way into 6-bit letters. */
struct shift {
    struct buf *out;
    uint32_t bits;
    unsigned count; /* bits waiting, below 6 between calls */
    bool open;      /* inside '&' ... '-' */
};

static void
shift_put(struct shift *s, uint32_t unit16)
{
    if (!s->open)
        buf_add_char(s->out, '&');
    s->open = true;
    s->bits = s->bits << 16 | unit16;
    s->count += 16;
    while (s->count >= 6) {
        s->count -= 6;
        buf_add_char(s->out, base64_mutf7[s->bits >> s->count & 0x3f]);
    }
    s->bits &= (1u << s->count) - 1;
}

static void
shift_close(struct shift *s)
{
    if (!s->open)
        return;
    if (s->count > 0)
        buf_add_char(s->out, base64_mutf7[s->bits << (6 - s->count) & 0x3f]);
    buf_add_char(s->out, '-');
    s->bits = 0;
    s->count = 0;
    s->open = false;
}

static void
encode(struct shift *s, uint32_t c)
{
    if (c >= 0x20 && c < 0x7f) {
        shift_close(s);
        buf_add_char(s->out, (char)c);
        if (c == '&')
            buf_add_char(s->out, '-');
    } else if (c < 0x10000) {
        shift_put(s, c);
    } else {
        shift_put(s, 0xd800 + ((c - 0x10000) >> 10));
        shift_put(s, 0xdc00 + ((c - 0x10000) & 0x3ff));
    }
}

/* '.' separates levels, '/' leaves the directory, '*' and '%' are IMAP's wildcards. */
static bool
is_allowed(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != '.' && c != '/' && c != '*' && c != '%';
}

or_status
maildir_folder_dirname(struct span name, char out[MAILDIR_FOLDER_BYTES])
{
    struct buf text;
    struct shift s = {.out = &text};
    uint32_t c;
    or_status st = OR_OK;

    if (name.n == 0 || name.p[0] == ' ' || name.p[name.n - 1] == ' ' ||
        span_equal_nocase_cstr(name, "INBOX"))
        return OR_MALFORMED;
    buf_init(&text, MAILDIR_FOLDER_BYTES - 1);
    buf_add_char(&text, '.');
    while ((st = utf8_next(&name, &c)) == OR_OK && is_allowed(c))
        encode(&s, c);
    shift_close(&s);
    if (st != OR_ABSENT) { /* a byte or a character that may not stand there */
        st = OR_MALFORMED;
        goto out;
    }
    st = buf_finish(&text);
    if (st != OR_OK)
        goto out;
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
out:
    buf_fini(&text);
    return st;
}

/* The level in front of the first separator. */
static struct span
next_level(struct span *rest)
{
    size_t dot = span_find(*rest, '.'), slash = span_find(*rest, '/');
    size_t end = dot < slash ? dot : slash;
    struct span level = span_slice(*rest, 0, end);

    *rest = end < rest->n ? span_from(*rest, end + 1) : (struct span){NULL, 0};
    return level;
}

or_status
maildir_folder_path(struct span name, char out[MAILDIR_FOLDER_BYTES])
{
    char level[MAILDIR_FOLDER_BYTES];
    size_t used = 0;
    struct span rest = name;

    out[0] = '\0';
    if (span_equal_nocase_cstr(next_level(&rest), "INBOX"))
        name = rest;
    while (name.p != NULL) {
        or_status st = maildir_folder_dirname(next_level(&name), level);

        if (st != OR_OK)
            return st;
        if (used + strlen(level) >= MAILDIR_FOLDER_BYTES)
            return OR_LIMIT;
        memcpy(out + used, level, strlen(level) + 1);
        used += strlen(level);
    }
    return OR_OK;
}
