/*
 * Growing bytes with a ceiling. Appends return nothing and failure is sticky: append freely, test
 * buf_finish() once. The bytes belong to the buf until buf_fini().
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_BASE_BUF_H
#define OUTRIDER_COMMON_BASE_BUF_H

#include "common/base/span.h"

#include <stdarg.h>

struct buf {
    char *p;     /* not NUL-terminated; NULL while nothing was added */
    size_t n;    /* bytes in use */
    size_t cap;  /* bytes allocated */
    size_t max;  /* ceiling in bytes */
    bool failed; /* the ceiling was hit: contents are incomplete */
};

/* Allocates nothing until the first append. */
void buf_init(struct buf *b, size_t max_bytes);
/* Frees; the buf may be initialised again. Safe on a zeroed struct. */
void buf_fini(struct buf *b);
/* As buf_fini() but wipes the bytes first: for passwords and SASL payloads. */
void buf_fini_wiped(struct buf *b);
/* Empties, keeps the memory, clears failure. */
void buf_reset(struct buf *b);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_span(struct buf *b, struct span s);
void buf_add_cstr(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) OR_PRINTF(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap);

/* Removes `n` bytes from the front (all, when n exceeds what is there). */
void buf_consume(struct buf *b, size_t n);

/* OR_OK, or OR_LIMIT when any append did not fit. */
or_status buf_finish(const struct buf *b) OR_MUST_USE;
/* What is there now; valid until the next change. */
struct span buf_span(const struct buf *b);

#endif
