/*
 * malloc() that never returns NULL: out of memory is logged and aborts, so that there are no
 * untested recovery paths. For what outlives a request (caches, configuration); requests use an
 * arena.
 *
 * Threads: locked (by the C library).
 */
#ifndef OUTRIDER_COMMON_BASE_XALLOC_H
#define OUTRIDER_COMMON_BASE_XALLOC_H

#include <stddef.h>

void *xmalloc(size_t n);
/* Zeroed; count * size with overflow checked. */
void *xcalloc(size_t count, size_t size);
/* As reallocarray(3). */
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
/* Copy of n bytes with a NUL behind. */
char *xmemdup0(const void *p, size_t n);

#endif
