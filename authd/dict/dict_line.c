/*
 * What dict lines are made of.
 */
#include "authd/dict/dict_line.h"

or_status
dict_line_parse(struct span line, struct arena *mem, struct dict_line *line_out, struct err *e)
{
    line_out->command = line.n > 0 ? line.p[0] : '\0';
    if (span_contains_byte(line, '\0'))
        return err_set(e, OR_MALFORMED, "NUL in a line");
    or_status st = tabline_parse(span_from(line, 1), mem, &line_out->fields, e);
    if (st != OR_OK)
        return st;
    for (size_t i = 0; i < line_out->fields.count; i++)
        if (span_contains_byte(line_out->fields.fields[i], '\0'))
            return err_set(e, OR_MALFORMED, "NUL in a field");
    return OR_OK;
}

struct span
dict_line_field(const struct dict_line *line, size_t at)
{
    return at < line->fields.count ? line->fields.fields[at] : SPAN_EMPTY;
}

or_status
dict_line_number(const struct dict_line *line, size_t at, int64_t lowest, int64_t *number_out)
{
    struct span field = dict_line_field(line, at);
    bool negative = lowest < 0 && field.n > 0 && field.p[0] == '-';
    uint64_t number;

    if (span_parse_u64(span_from(field, negative ? 1 : 0), INT64_MAX, &number) != OR_OK)
        return OR_MALFORMED;
    *number_out = negative ? -(int64_t)number : (int64_t)number;
    return OR_OK;
}

or_status
dict_line_unescape_name(struct span name, struct arena *mem, struct span *name_out)
{
    char *out = arena_alloc(mem, name.n + 1);
    size_t n = 0;

    if (out == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < name.n; i++) {
        bool escaped = name.p[i] == '\\' && i + 1 < name.n;

        i += escaped;
        out[n++] = escaped && name.p[i] == '|' ? '/' : name.p[i];
    }
    *name_out = span_make(out, n);
    return OR_OK;
}
