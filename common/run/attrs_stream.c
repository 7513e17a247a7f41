/* A line's bytes belong to the stream until the next read, so each one is copied before it is
 * split. */
#include "common/run/attrs_stream.h"

static or_status
read_line(struct stream *s, struct arena *mem, struct span *line_out, struct err *e)
{
    struct span line;
    or_status st = stream_read_line(s, ATTRS_MAX_LINE_BYTES, &line);

    if (st == OR_LIMIT)
        return err_set(e, st, "a line over %d bytes", ATTRS_MAX_LINE_BYTES);
    if (st != OR_OK)
        return err_set(e, st, "no more lines (%s)", or_status_name(st));
    if (arena_copy(mem, line, line_out) != OR_OK)
        return err_set(e, OR_LIMIT, "attributes too large for one request");
    return OR_OK;
}

or_status
attrs_stream_read(struct stream *s, struct arena *mem, struct attrs *attrs_out, struct err *e)
{
    struct span line = SPAN_EMPTY;
    size_t total = 0;

    attrs_out->count = 0;
    for (;;) {
        or_status st = read_line(s, mem, &line, e);
        if (st != OR_OK || line.n == 0)
            return st;
        total += line.n + 1;
        if (total > ATTRS_MAX_BYTES)
            return err_set(e, OR_LIMIT, "attributes over %d bytes", ATTRS_MAX_BYTES);
        st = attrs_add_line(attrs_out, line, e);
        if (st != OR_OK)
            return st;
    }
}
