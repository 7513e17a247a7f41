/*
 * Folder names: whatever is accepted is one directory below the Maildir, and decodes to what it was
 * made from.
 */
#include "lmtp/maildir/maildir_folder.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static void
add_utf8(struct buf *out, uint32_t c)
{
    static const struct {
        uint32_t below;
        unsigned char lead, more;
    } forms[] = {{0x80, 0x00, 0}, {0x800, 0xc0, 1}, {0x10000, 0xe0, 2}, {0x110000, 0xf0, 3}};
    size_t i = 0;

    while (c >= forms[i].below)
        i++;
    buf_add_char(out, (char)(forms[i].lead | c >> (6 * forms[i].more)));
    for (unsigned k = forms[i].more; k > 0; k--)
        buf_add_char(out, (char)(0x80 | (c >> (6 * (k - 1)) & 0x3f)));
}

/* The letters between '&' and '-'. */
static void
decode_shift(struct span letters, struct buf *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    uint32_t bits = 0, high = 0;
    unsigned count = 0;

    for (size_t i = 0; i < letters.n; i++) {
        const char *at = strchr(alphabet, letters.p[i]);

        require(at != NULL && letters.p[i] != '\0');
        bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0x3fffff;
        count += 6;
        if (count < 16)
            continue;
        count -= 16;
        uint32_t unit = bits >> count & 0xffff;
        if (unit >= 0xd800 && unit < 0xdc00)
            high = unit;
        else if (unit >= 0xdc00 && unit < 0xe000)
            add_utf8(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
        else
            add_utf8(out, unit);
    }
    require(count < 6 && (bits & ((1u << count) - 1)) == 0);
}

static void
decode(struct span s, struct buf *out)
{
    while (s.n > 0) {
        size_t run = span_find(s, '&');

        buf_add_span(out, span_slice(s, 0, run));
        if (run == s.n)
            return;
        s = span_from(s, run + 1);
        size_t end = span_find(s, '-');
        require(end < s.n);
        if (end == 0)
            buf_add_char(out, '&');
        else
            decode_shift(span_slice(s, 0, end), out);
        s = span_from(s, end + 1);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span name = span_make((const char *)data, size);
    char dirname[MAILDIR_FOLDER_BYTES];
    struct buf back;

    if (maildir_folder_dirname(name, dirname) != OR_OK)
        return 0;
    size_t n = strlen(dirname);
    require(n >= 2 && n <= 255 && dirname[0] == '.');
    require(strchr(dirname + 1, '.') == NULL && strchr(dirname, '/') == NULL);
    for (size_t i = 0; i < n; i++)
        require(dirname[i] >= ' ' && dirname[i] < 0x7f);
    buf_init(&back, 4096);
    decode(span_make(dirname + 1, n - 1), &back);
    require(span_equal(buf_span(&back), name));
    buf_fini(&back);
    return 0;
}
