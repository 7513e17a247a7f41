/*
 * Header fields as bytes. Views into the message wherever possible: what DKIM signs is never copied
 * or changed here.
 */
#include "common/text/header.h"

#include "common/base/buf.h"

#include <stdio.h>
#include <string.h>

#define MAX_COMMENT_DEPTH 32 /* deeper is an attack on recursive readers, never mail */

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool
is_cfws_blank(char c)
{
    return is_blank(c) || c == '\r' || c == '\n';
}

/* Takes one line off the front of *rest; the view is without its LF or CRLF. */
static struct span
take_line(struct span *rest)
{
    size_t end = span_find(*rest, '\n');
    struct span line = span_slice(*rest, 0, end);

    *rest = span_from(*rest, end + 1);
    if (line.n > 0 && line.n == end && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* RFC 5322 2.2: printable ASCII, then (obsolete, 4.5) white space, then the colon. */
static bool
split_field(struct span line, struct header_field *field_out)
{
    size_t colon = span_find(line, ':');
    struct span name = span_slice(line, 0, colon);

    if (colon == line.n)
        return false;
    while (name.n > 0 && is_blank(name.p[name.n - 1]))
        name.n--;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] >= 0x7f)
            return false;
    *field_out = (struct header_field){
        .name = name,
        .value = span_from(line, colon + 1),
        .raw = line,
    };
    return name.n > 0;
}

static void
extend_field(struct header_field *field, struct span line)
{
    const char *end = line.p + line.n;

    field->value.n = (size_t)(end - field->value.p);
    field->raw.n = (size_t)(end - field->raw.p);
}

/* Walks the header. Fills fields[] up to `max` and returns how many there are, counting at most one
 * more than `max`. */
static size_t
scan(struct span message, struct header_field *fields, size_t max, size_t *body_offset_out)
{
    struct span rest = message;
    struct header_field field;
    size_t count = 0;

    while (rest.n > 0 && count <= max) {
        size_t line_start = message.n - rest.n;
        struct span line = take_line(&rest);

        *body_offset_out = message.n - rest.n;
        if (line.n == 0)
            return count;
        if (is_blank(line.p[0]) && count > 0) {
            extend_field(&fields[count - 1], line);
            continue;
        }
        if (!split_field(line, &field)) {
            *body_offset_out = line_start;
            return count;
        }
        if (count < max)
            fields[count] = field;
        count++;
    }
    return count;
}

/* An upper bound for the number of fields, so that one allocation of the right size will do. */
static size_t
count_lines(struct span message)
{
    struct span rest = message;
    size_t lines = 0;

    while (rest.n > 0 && lines < HEADER_MAX_FIELDS) {
        struct span line = take_line(&rest);

        if (line.n == 0)
            break;
        lines += !is_blank(line.p[0]);
    }
    return lines;
}

or_status
header_parse(struct span message, struct arena *mem, struct header_block *block_out, struct err *e)
{
    size_t max = count_lines(message);
    struct header_block block = {0};

    block.fields = arena_alloc_array(mem, max, sizeof(*block.fields));
    if (block.fields == NULL)
        return err_set(e, OR_LIMIT, "no memory left for this message's header");
    block.count = scan(message, block.fields, max, &block.body_offset);
    if (block.count > max)
        return err_set(e, OR_LIMIT, "more than %d header fields", HEADER_MAX_FIELDS);
    *block_out = block;
    return OR_OK;
}

const struct header_field *
header_find(const struct header_block *block, const char *name)
{
    for (size_t i = 0; i < block->count; i++)
        if (span_equal_nocase_cstr(block->fields[i].name, name))
            return &block->fields[i];
    return NULL;
}

size_t
header_count(const struct header_block *block, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < block->count; i++)
        count += span_equal_nocase_cstr(block->fields[i].name, name);
    return count;
}

/* Bytes of the line end at `at` that white space follows; 0 when there is none. */
static size_t
fold_bytes(struct span s, size_t at)
{
    size_t n = at + 1 < s.n && s.p[at] == '\r' && s.p[at + 1] == '\n' ? 2 : s.p[at] == '\n';

    return n != 0 && at + n < s.n && is_blank(s.p[at + n]) ? n : 0;
}

or_status
header_unfold(struct span value, struct arena *mem, struct span *text_out)
{
    struct span s = span_trim(value);
    char *text = arena_alloc(mem, s.n + 1);
    size_t n = 0;

    if (text == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < s.n; i++) {
        size_t skip = fold_bytes(s, i);

        if (skip != 0) {
            i += skip - 1;
            continue;
        }
        char c = s.p[i];
        text[n++] = c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
    }
    *text_out = span_trim(span_make(text, n));
    return OR_OK;
}

/* *s begins with "("; takes the comment off. */
static or_status
skip_comment(struct span *s)
{
    unsigned depth = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (s->p[i] == '\\') {
            i++;
        } else if (s->p[i] == '(') {
            if (++depth > MAX_COMMENT_DEPTH)
                return OR_LIMIT;
        } else if (s->p[i] == ')' && --depth == 0) {
            *s = span_from(*s, i + 1);
            return OR_OK;
        }
    }
    return OR_MALFORMED;
}

or_status
header_skip_cfws(struct span *s)
{
    struct span rest = *s;

    for (;;) {
        while (rest.n > 0 && is_cfws_blank(rest.p[0]))
            rest = span_from(rest, 1);
        if (rest.n == 0 || rest.p[0] != '(')
            break;
        or_status st = skip_comment(&rest);
        if (st != OR_OK)
            return st;
    }
    *s = rest;
    return OR_OK;
}

void
header_format_date(time_t when, char out[HEADER_DATE_BYTES])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;

    /* Only a time beyond the year 2^31 fails; strftime() would speak the locale's language. */
    if (gmtime_r(&when, &tm) == NULL)
        tm = (struct tm){.tm_mday = 1, .tm_year = 70, .tm_wday = 4};
    snprintf(out, HEADER_DATE_BYTES, "%s, %02d %s %04ld %02d:%02d:%02d +0000", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900L, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
