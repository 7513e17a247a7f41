/*
 * "name=value" lines of Postfix's policy delegation. Knows framing only; what the names mean is the
 * sessions' business.
 */
#include "common/text/attrs.h"

or_status
attrs_add_line(struct attrs *a, struct span line, struct err *e)
{
    size_t equals = span_find(line, '=');

    if (line.n > ATTRS_MAX_LINE_BYTES)
        return err_set(e, OR_LIMIT, "attribute line over %d bytes", ATTRS_MAX_LINE_BYTES);
    if (equals == line.n)
        return err_set(e, OR_MALFORMED, "\"%.*s\" is not name=value", SPAN_ARG(line));
    if (equals == 0)
        return err_set(e, OR_MALFORMED, "attribute without a name");
    if (a->count >= ATTRS_MAX)
        return err_set(e, OR_LIMIT, "more than %d attributes", ATTRS_MAX);
    a->items[a->count++] = (struct attr){
        .name = span_slice(line, 0, equals),
        .value = span_from(line, equals + 1),
    };
    return OR_OK;
}

or_status
attrs_parse(struct span block, struct attrs *attrs_out, struct err *e)
{
    struct span rest = block, line;

    attrs_out->count = 0;
    if (block.n > ATTRS_MAX_BYTES)
        return err_set(e, OR_LIMIT, "attributes over %d bytes", ATTRS_MAX_BYTES);
    while (span_split(&rest, '\n', &line)) {
        if (line.n == 0)
            break;
        or_status st = attrs_add_line(attrs_out, line, e);
        if (st != OR_OK)
            return st;
    }
    if (rest.n != 0)
        return err_set(e, OR_MALFORMED, "bytes after the empty line");
    return OR_OK;
}

struct span
attrs_get(const struct attrs *a, const char *name)
{
    struct span value;
    size_t at = 0;

    return attrs_next(a, name, &at, &value) ? value : span_make(NULL, 0);
}

bool
attrs_next(const struct attrs *a, const char *name, size_t *at, struct span *value_out)
{
    while (*at < a->count) {
        const struct attr *item = &a->items[(*at)++];

        if (!span_equal_cstr(item->name, name))
            continue;
        *value_out = item->value;
        return true;
    }
    return false;
}

void
attrs_format(struct buf *out, const char *name, struct span value)
{
    buf_add_cstr(out, name);
    buf_add_char(out, '=');
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];

        buf_add_char(out, c == '\n' || c == '\r' || c == '\0' ? ' ' : c);
    }
    buf_add_char(out, '\n');
}

void
attrs_format_end(struct buf *out)
{
    buf_add_char(out, '\n');
}
