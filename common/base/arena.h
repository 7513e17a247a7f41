/*
 * Per-request memory: allocate freely, release at once. An arena has a ceiling so that no peer can
 * make a request grow without bound: past it arena_alloc() returns NULL and the caller answers
 * OR_LIMIT (a 4xx to the peer). A failing malloc() aborts instead (xalloc.h).
 *
 * The first chunk is small (4 KiB) and is kept over arena_reset(); an idle connection that calls
 * arena_fini() holds nothing.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_BASE_ARENA_H
#define OUTRIDER_COMMON_BASE_ARENA_H

#include "common/base/span.h"

#include <stdarg.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t used_bytes;          /* handed out since the last reset */
    size_t max_bytes;
};

void arena_init(struct arena *a, size_t max_bytes);
/* Frees everything; the arena may go on being used. Safe on an initialised, empty arena. */
void arena_fini(struct arena *a);
/* Forgets everything handed out; keeps one chunk for the next request. */
void arena_reset(struct arena *a);

/* Zeroed, aligned for any type; NULL past the ceiling. n == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);
/* count * size with overflow checked; NULL past the ceiling. */
void *arena_alloc_array(struct arena *a, size_t count, size_t size);
/* Copy with a NUL behind it; NULL past the ceiling. */
char *arena_strdup(struct arena *a, struct span s);
/* Copy of a span (also NUL-terminated behind its end). OR_LIMIT past the ceiling. */
or_status arena_copy(struct arena *a, struct span s, struct span *copy_out) OR_MUST_USE;
/* NULL past the ceiling. */
char *arena_printf(struct arena *a, const char *fmt, ...) OR_PRINTF(2, 3);

#endif
