/*
 * Canonicalization: the streaming body must give the same as a simple one written down from RFC
 * 6376 3.4.3 and 3.4.4, wherever the chunks end. The first byte of the input seeds the chunk sizes.
 */
#include "common/base/buf.h"
#include "milter/dkim/dkim_canon.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_BYTES ((size_t)1 << 20)

static void
collect(void *ctx, const char *p, size_t n)
{
    buf_add(ctx, p, n);
}

static bool
has_crlf_at(struct span s, size_t i)
{
    return i + 1 < s.n && s.p[i] == '\r' && s.p[i + 1] == '\n';
}

/* One line without its end, squeezed as relaxed wants it. */
static void
relax_line(struct span line, struct buf *out)
{
    bool wsp = false;

    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == ' ' || line.p[i] == '\t') {
            wsp = true;
            continue;
        }
        if (wsp)
            buf_add_char(out, ' ');
        wsp = false;
        buf_add_char(out, line.p[i]);
    }
}

static void
reference(enum dkim_canon canon, struct span body, struct buf *out)
{
    size_t start = 0;

    for (size_t i = 0; i <= body.n; i++) {
        if (i != body.n && !has_crlf_at(body, i))
            continue;
        struct span line = span_slice(body, start, i);

        if (canon == DKIM_RELAXED)
            relax_line(line, out);
        else
            buf_add_span(out, line);
        buf_add_cstr(out, "\r\n");
        start = i + 2;
        i += i != body.n;
        if (i == body.n)
            break;
    }
    while (out->n >= 4 && out->p[out->n - 3] == '\n' && out->p[out->n - 4] == '\r' &&
           out->p[out->n - 1] == '\n' && out->p[out->n - 2] == '\r')
        out->n -= 2;
    if (canon == DKIM_RELAXED && span_equal_cstr(buf_span(out), "\r\n"))
        out->n = 0;
}

static void
streamed(enum dkim_canon canon, struct span body, unsigned seed, struct buf *out)
{
    struct dkim_canon_body c;

    dkim_canon_body_init(&c, canon, collect, out);
    while (body.n != 0) {
        seed = seed * 1103515245u + 12345u;
        size_t n = seed >> 16 & (seed & 0x8000 ? 0x7u : 0xfffu);

        dkim_canon_body_update(&c, span_slice(body, 0, n));
        body = span_from(body, n);
    }
    dkim_canon_body_finish(&c);
}

static void
check_body(enum dkim_canon canon, struct span body, unsigned seed)
{
    struct buf want, got;

    buf_init(&want, MAX_BYTES);
    buf_init(&got, MAX_BYTES);
    reference(canon, body, &want);
    streamed(canon, body, seed, &got);
    if (!span_equal(buf_span(&want), buf_span(&got)))
        abort();
    buf_fini(&want);
    buf_fini(&got);
}

static bool
has_crlf_inside(struct span s)
{
    for (size_t i = 0; i + 2 < s.n; i++)
        if (has_crlf_at(s, i))
            return true;
    return false;
}

/* Relaxing twice changes nothing more, unless taking a CRLF out has brought a bare CR and LF
 * together. */
static void
check_field(struct span field)
{
    struct arena mem;
    struct span once, twice;

    arena_init(&mem, MAX_BYTES);
    if (dkim_canon_field(DKIM_RELAXED, field, &mem, &once) != OR_OK ||
        dkim_canon_field(DKIM_RELAXED, once, &mem, &twice) != OR_OK)
        abort();
    if (!has_crlf_inside(once) && !span_equal(once, twice))
        abort();
    arena_fini(&mem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > MAX_BYTES / 4)
        return 0;
    struct span body = span_make((const char *)data + 1, size - 1);
    check_body(DKIM_SIMPLE, body, data[0]);
    check_body(DKIM_RELAXED, body, data[0]);
    check_field(body);
    return 0;
}
