/*
 * Growing bytes with a ceiling: doubling growth, sticky failure.
 */
#include "common/base/buf.h"

#include "common/base/crypto.h"
#include "common/base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_BYTES 128

void
buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max = max_bytes};
}

void
buf_fini(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void
buf_fini_wiped(struct buf *b)
{
    if (b->p != NULL)
        crypto_wipe(b->p, b->cap);
    buf_fini(b);
}

void
buf_reset(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

/* Makes room for `more` bytes; false (and sticky failure) past the ceiling. Old bytes are wiped
 * before they are given back, since any buf may hold a password. */
static bool
buf_reserve(struct buf *b, size_t more)
{
    if (b->failed || more > b->max - b->n) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + more;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap != 0 ? b->cap : BUF_FIRST_BYTES;
    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    if (cap > b->max)
        cap = b->max;
    char *bigger = xmalloc(cap);
    if (b->p != NULL) {
        memcpy(bigger, b->p, b->n);
        crypto_wipe(b->p, b->n);
        free(b->p);
    }
    b->p = bigger;
    b->cap = cap;
    return true;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0 || !buf_reserve(b, n))
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void
buf_add_span(struct buf *b, struct span s)
{
    buf_add(b, s.p, s.n);
}

void
buf_add_cstr(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void
buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(b, fmt, ap);
    va_end(ap);
}

void
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
    char small[256];
    va_list again;

    va_copy(again, ap);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n < sizeof(small)) {
        buf_add(b, small, (size_t)n);
    } else {
        char *big = xmalloc((size_t)n + 1);

        vsnprintf(big, (size_t)n + 1, fmt, again);
        buf_add(b, big, (size_t)n);
        free(big);
    }
    va_end(again);
}

void
buf_consume(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

or_status
buf_finish(const struct buf *b)
{
    return b->failed ? OR_LIMIT : OR_OK;
}

struct span
buf_span(const struct buf *b)
{
    return b->p != NULL ? span_make(b->p, b->n) : SPAN_EMPTY;
}
