/*
 * Dovecot's lines. Escapes are undone after the split, so an escaped TAB never separates fields.
 */
#include "common/text/tabline.h"

#define ESCAPE '\x01'

/* What follows the escape byte, and what it stands for. */
static const struct {
    char letter;
    char byte;
} escapes[] = {{'0', '\0'}, {'1', ESCAPE}, {'t', '\t'}, {'r', '\r'}, {'n', '\n'}};

#define ESCAPE_COUNT (sizeof(escapes) / sizeof(escapes[0]))

static or_status
unescape_byte(char letter, char *byte_out)
{
    for (size_t i = 0; i < ESCAPE_COUNT; i++) {
        if (escapes[i].letter != letter)
            continue;
        *byte_out = escapes[i].byte;
        return OR_OK;
    }
    return OR_MALFORMED;
}

static or_status
unescape(struct span field, struct arena *mem, struct span *field_out, struct err *e)
{
    char *copy = arena_alloc(mem, field.n);
    size_t n = 0;

    if (copy == NULL)
        return err_set(e, OR_LIMIT, "no memory left for this request");
    for (size_t i = 0; i < field.n; i++) {
        if (field.p[i] != ESCAPE) {
            copy[n++] = field.p[i];
            continue;
        }
        if (++i == field.n || unescape_byte(field.p[i], &copy[n++]) != OR_OK)
            return err_set(e, OR_MALFORMED, "unknown escape in a line");
    }
    *field_out = span_make(copy, n);
    return OR_OK;
}

or_status
tabline_parse(struct span line, struct arena *mem, struct tabline *line_out, struct err *e)
{
    struct span rest = line.p != NULL ? line : SPAN_EMPTY, field;

    line_out->count = 0;
    while (span_split(&rest, '\t', &field)) {
        if (line_out->count == TABLINE_MAX_FIELDS)
            return err_set(e, OR_LIMIT, "more than %d fields in a line", TABLINE_MAX_FIELDS);
        if (span_contains_byte(field, ESCAPE)) {
            or_status st = unescape(field, mem, &field, e);

            if (st != OR_OK)
                return st;
        }
        line_out->fields[line_out->count++] = field;
    }
    return OR_OK;
}

struct span
tabline_get(const struct tabline *line, size_t from, const char *key)
{
    for (size_t i = from; i < line->count; i++) {
        struct span field = line->fields[i];
        size_t equals = span_find(field, '=');

        if (span_equal_cstr(span_slice(field, 0, equals), key))
            return span_from(field, equals + 1);
    }
    return span_make(NULL, 0);
}

static void
escape_byte(struct buf *out, char byte)
{
    for (size_t i = 0; i < ESCAPE_COUNT; i++) {
        if (escapes[i].byte != byte)
            continue;
        buf_add_char(out, ESCAPE);
        buf_add_char(out, escapes[i].letter);
        return;
    }
    buf_add_char(out, byte);
}

void
tabline_escape(struct buf *out, struct span field)
{
    for (size_t i = 0; i < field.n; i++)
        escape_byte(out, field.p[i]);
}
