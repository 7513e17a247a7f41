/*
 * The charset is the sender's word: only names in the table below reach iconv(3), which would load
 * a module for any other (CVE-2024-2961 was in one of those). That is why a general MIME library
 * does not do this: it opens whatever charset the message names.
 */
#include "common/text/encoded_word.h"

#include "common/text/base64.h"
#include "common/text/utf8.h"

#include <iconv.h>

/* RFC 2047 2: an encoded word has at most 75 characters, 12 of them "=?utf-8?B?" and "?=". */
#define MAX_PIECE_BYTES 45
#define GROWTH 4 /* bytes of UTF-8 for one byte of any charset below, and more */

static const char *const charsets[] = {
    "utf-8",        "us-ascii",     "iso-8859-1",   "iso-8859-2",   "iso-8859-3",   "iso-8859-4",
    "iso-8859-5",   "iso-8859-6",   "iso-8859-7",   "iso-8859-8",   "iso-8859-9",   "iso-8859-10",
    "iso-8859-13",  "iso-8859-14",  "iso-8859-15",  "iso-8859-16",  "windows-1250", "windows-1251",
    "windows-1252", "windows-1253", "windows-1254", "windows-1255", "windows-1256", "windows-1257",
    "windows-1258", "koi8-r",       "koi8-u",       "iso-2022-jp",  "shift_jis",    "euc-jp",
    "gb2312",       "gbk",          "gb18030",      "big5",         "euc-kr",
};

struct word {
    struct span charset;
    char encoding; /* 'q' or 'b' */
    struct span text;
    size_t length; /* of the whole word */
};

/* RFC 2047 2, with RFC 2231 5: "charset*language". */
static bool
read_word(struct span s, struct word *word_out)
{
    struct span rest, parts[3];

    if (!span_has_prefix(s, SPAN_LIT("=?")))
        return false;
    rest = span_from(s, 2);
    for (size_t i = 0; i < 3; i++) {
        size_t n = span_find(rest, '?');

        if (n == rest.n)
            return false;
        parts[i] = span_slice(rest, 0, n);
        rest = span_from(rest, n + 1);
    }
    if (rest.n == 0 || rest.p[0] != '=' || parts[1].n != 1)
        return false;
    for (size_t i = 0; i < parts[2].n; i++)
        if (parts[2].p[i] == '\t')
            return false;
    *word_out = (struct word){.charset = span_slice(parts[0], 0, span_find(parts[0], '*')),
                              .encoding = (char)(parts[1].p[0] | 0x20),
                              .text = parts[2],
                              .length = s.n - rest.n + 1};
    return true;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2047 4.2. */
static or_status
decode_q(struct span s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i] == '_' ? ' ' : s.p[i];

        if (c == '=') {
            if (i + 2 >= s.n || hex_digit(s.p[i + 1]) < 0 || hex_digit(s.p[i + 2]) < 0)
                return OR_MALFORMED;
            c = (char)(hex_digit(s.p[i + 1]) << 4 | hex_digit(s.p[i + 2]));
            i += 2;
        }
        buf_add_char(out, c);
    }
    return OR_OK;
}

static const char *
find_charset(struct span name)
{
    for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++)
        if (span_equal_nocase_cstr(name, charsets[i]))
            return charsets[i];
    return NULL;
}

static or_status
convert(const char *charset, struct buf *bytes, struct buf *out)
{
    struct buf room;
    iconv_t cd = iconv_open("UTF-8", charset);

    if (cd == (iconv_t)-1)
        return OR_ABSENT;
    buf_init(&room, GROWTH * bytes->n + 1);
    for (size_t i = 0; i < GROWTH * bytes->n + 1; i++)
        buf_add_char(&room, ' ');
    char *from = bytes->p, *to = room.p;
    size_t from_left = bytes->n, to_left = room.n;
    size_t rc = iconv(cd, &from, &from_left, &to, &to_left);
    (void)iconv_close(cd);
    if (rc != (size_t)-1)
        buf_add(out, room.p, room.n - to_left);
    buf_fini(&room);
    return rc != (size_t)-1 ? OR_OK : OR_MALFORMED;
}

/* Appends the word's text in UTF-8; nothing unless OR_OK. */
static or_status
add_word(const struct word *w, struct buf *out)
{
    const char *charset = find_charset(w->charset);
    struct buf bytes;
    or_status st = OR_MALFORMED;

    if (charset == NULL)
        return OR_ABSENT;
    buf_init(&bytes, w->text.n + 4);
    if (w->encoding == 'q')
        st = decode_q(w->text, &bytes);
    else if (w->encoding == 'b')
        st = base64_decode(w->text, BASE64_SKIP_FWS, &bytes);
    if (st == OR_OK && bytes.n > 0 && utf8_is_valid(buf_span(&bytes)) &&
        (charset == charsets[0] || charset == charsets[1]))
        buf_add_span(out, buf_span(&bytes));
    else if (st == OR_OK && bytes.n > 0)
        st = convert(charset, &bytes, out);
    buf_fini(&bytes);
    return st;
}

static size_t
blanks(struct span s)
{
    size_t n = 0;

    while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t' || s.p[n] == '\r' || s.p[n] == '\n'))
        n++;
    return n;
}

static void
decode_all(struct span s, struct buf *out)
{
    bool after_word = false;
    struct word w;

    while (s.n > 0) {
        size_t gap = after_word ? blanks(s) : 0;

        if (read_word(span_from(s, gap), &w) && add_word(&w, out) == OR_OK) {
            s = span_from(s, gap + w.length);
            after_word = true;
            continue;
        }
        after_word = false;
        buf_add_char(out, s.p[0]);
        s = span_from(s, 1);
    }
}

or_status
encoded_word_decode(struct span text, struct arena *mem, struct span *text_out)
{
    struct buf out;

    *text_out = text;
    if (!span_contains_byte(text, '?'))
        return OR_OK;
    buf_init(&out, GROWTH * text.n + 1);
    decode_all(text, &out);
    or_status st = buf_finish(&out);
    if (st == OR_OK)
        st = arena_copy(mem, buf_span(&out), text_out);
    buf_fini(&out);
    return st;
}

/* The longest piece for one encoded word; characters stay whole (RFC 2047 5). */
static struct span
take_piece(struct span *rest)
{
    struct span start = *rest, seen = *rest;
    uint32_t character;

    while (utf8_next(&seen, &character) == OR_OK && start.n - seen.n <= MAX_PIECE_BYTES)
        *rest = seen;
    if (rest->n == start.n) /* not UTF-8 */
        *rest = span_from(start, 1);
    return span_slice(start, 0, start.n - rest->n);
}

void
encoded_word_encode(struct buf *out, struct span text)
{
    const char *before = "";

    if (utf8_is_ascii(text)) {
        buf_add_span(out, text);
        return;
    }
    while (text.n > 0) {
        buf_addf(out, "%s=?utf-8?B?", before);
        base64_encode(out, take_piece(&text));
        buf_add_cstr(out, "?=");
        before = "\n ";
    }
}
