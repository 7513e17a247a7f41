/*
 * Domain names as text. Decides what two programs must agree on before names may be compared;
 * refuses what could be read in two ways.
 */
#include "common/text/domain.h"

#include "common/base/buf.h"
#include "common/text/utf8.h"

#include <idn2.h>
#include <string.h>

/* An input longer than this cannot become a name of 253 bytes: UTF-8 needs at most four bytes for
 * what Punycode writes in one or more. */
#define MAX_INPUT_BYTES ((size_t)4 * DOMAIN_MAX_BYTES)

static bool
is_ldh_or_underscore(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static struct span
without_final_dot(struct span name)
{
    if (name.n > 1 && name.p[name.n - 1] == '.')
        name.n--;
    return name;
}

/* One label with bytes outside ASCII. Labels are converted one by one, so that an xn-- label beside
 * it passes as it stands, like in a name that is all ASCII. */
static or_status
add_idn_label(struct buf *out, struct span label, struct err *e)
{
    char text[MAX_INPUT_BYTES + 1];
    char *ascii = NULL;

    memcpy(text, label.p, label.n);
    text[label.n] = '\0';
    int rc = idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK)
        return err_set(e, OR_MALFORMED, "\"%s\" is not an IDN label: %s", text, idn2_strerror(rc));
    bool is_plain = true;
    for (const char *c = ascii; *c != '\0'; c++)
        is_plain = is_plain && (is_ldh_or_underscore(*c) || *c == '.');
    if (is_plain)
        buf_add_cstr(out, ascii);
    idn2_free(ascii);
    /* UTS 46 maps some signs to "/", "@", "(" and the like: never inside a name. */
    return is_plain ? OR_OK : err_set(e, OR_MALFORMED, "\"%s\" hides punctuation", text);
}

static or_status
add_labels(struct buf *out, struct span name, struct err *e)
{
    struct span rest = name, label;

    for (bool first = true; span_split(&rest, '.', &label); first = false) {
        if (!first)
            buf_add_char(out, '.');
        if (utf8_is_ascii(label)) {
            buf_add_span(out, label);
            continue;
        }
        or_status st = add_idn_label(out, label, e);
        if (st != OR_OK)
            return st;
    }
    return buf_finish(out) == OR_OK ? OR_OK : err_set(e, OR_MALFORMED, "domain name too long");
}

/* Checks an all-ASCII name and lowers it in place. */
static or_status
check_ascii(char *p, size_t n, struct err *e)
{
    size_t label_bytes = 0;

    for (size_t i = 0; i <= n; i++) {
        if (i == n || p[i] == '.') {
            if (label_bytes == 0)
                return err_set(e, OR_MALFORMED, "domain name with an empty label");
            if (label_bytes > DOMAIN_MAX_LABEL_BYTES)
                return err_set(e, OR_MALFORMED, "label over %d bytes", DOMAIN_MAX_LABEL_BYTES);
            label_bytes = 0;
            continue;
        }
        if (p[i] <= ' ' || p[i] == 0x7f)
            return err_set(e, OR_MALFORMED, "blank or control byte in a domain name");
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] - 'A' + 'a');
        label_bytes++;
    }
    return n <= DOMAIN_MAX_BYTES ? OR_OK : err_set(e, OR_MALFORMED, "domain name too long");
}

static bool
has_control(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

or_status
domain_canonical(struct span name, struct arena *mem, struct span *canonical_out, struct err *e)
{
    struct buf ascii;
    or_status st;

    name = without_final_dot(name);
    if (name.n == 0)
        return err_set(e, OR_MALFORMED, "empty domain name");
    if (name.n > MAX_INPUT_BYTES)
        return err_set(e, OR_MALFORMED, "domain name too long");
    if (has_control(name) || !utf8_is_valid(name))
        return err_set(e, OR_MALFORMED, "control byte or bad UTF-8 in a domain name");
    buf_init(&ascii, MAX_INPUT_BYTES);
    st = add_labels(&ascii, name, e);
    if (st == OR_OK)
        st = check_ascii(ascii.p, ascii.n, e);
    if (st == OR_OK && arena_copy(mem, buf_span(&ascii), canonical_out) != OR_OK)
        st = err_set(e, OR_LIMIT, "no memory left for this request");
    buf_fini(&ascii);
    return st;
}

/* Code points outside ASCII that no name has and that change how a header reads: spaces, direction
 * marks, invisible and private ones. */
static bool
is_hidden(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x0080, 0x00a0}, {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x1680, 0x1680}, {0x180e, 0x180e},
        {0x2000, 0x206f}, {0x3000, 0x3002}, {0xe000, 0xf8ff}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
        {0xff01, 0xff0f}, {0xff1a, 0xff20}, {0xff61, 0xff61}, {0xfff0, 0xffff}, {0xe0000, 0x10ffff},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

static bool
is_hostname_label(struct span label)
{
    uint32_t c = 0;

    if (label.n == 0 || label.n > DOMAIN_MAX_LABEL_BYTES)
        return false;
    while (label.n != 0) {
        if (utf8_next(&label, &c) != OR_OK)
            return false;
        if (c < 0x80 ? !is_ldh_or_underscore((char)c) : is_hidden(c))
            return false;
    }
    return true;
}

bool
domain_is_hostname(struct span name)
{
    struct span rest = name, label;

    if (name.n == 0 || name.n > DOMAIN_MAX_BYTES)
        return false;
    while (span_split(&rest, '.', &label))
        if (!is_hostname_label(label))
            return false;
    return true;
}

bool
domain_equal(struct span a, struct span b)
{
    return span_equal_nocase(without_final_dot(a), without_final_dot(b));
}

bool
domain_is_within(struct span name, struct span ancestor)
{
    name = without_final_dot(name);
    ancestor = without_final_dot(ancestor);
    if (ancestor.n == 0 || !span_has_suffix_nocase(name, ancestor))
        return false;
    return name.n == ancestor.n || name.p[name.n - ancestor.n - 1] == '.';
}

size_t
domain_label_count(struct span name)
{
    size_t count = name.n != 0;

    for (size_t i = 0; i < name.n; i++)
        count += name.p[i] == '.';
    return count;
}

struct span
domain_rightmost(struct span name, size_t labels)
{
    struct span left = name;

    if (labels == 0)
        return span_from(name, name.n);
    for (; labels > 0; labels--) {
        size_t dot = span_rfind(left, '.');

        if (dot == left.n)
            return name;
        left = span_slice(left, 0, dot);
    }
    return span_from(name, left.n + 1);
}

struct span
domain_parent(struct span name)
{
    return span_from(name, span_find(name, '.') + 1);
}
