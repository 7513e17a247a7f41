/*
 * Chunked bump allocation. Chunks double from 4 KiB so that a small request costs one malloc; a
 * request larger than the next chunk gets one of its own size.
 */
#include "common/base/arena.h"

#include "common/base/xalloc.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_FIRST_BYTES 4032 /* with the chunk's head and malloc's own, just under a page */
#define ARENA_LARGEST_BYTES 65536

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) char bytes[];
};

void
arena_init(struct arena *a, size_t max_bytes)
{
    *a = (struct arena){.max_bytes = max_bytes};
}

static void
free_chunks(struct arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
}

void
arena_fini(struct arena *a)
{
    free_chunks(a->chunks);
    a->chunks = NULL;
    a->used_bytes = 0;
}

void
arena_reset(struct arena *a)
{
    struct arena_chunk *last = a->chunks;

    /* The oldest chunk is the small one: keeping it keeps idle connections cheap. */
    while (last != NULL && last->next != NULL) {
        struct arena_chunk *next = last->next;

        free(last);
        last = next;
    }
    if (last != NULL)
        last->used = 0;
    a->chunks = last;
    a->used_bytes = 0;
}

static struct arena_chunk *
add_chunk(struct arena *a, size_t need)
{
    size_t size = a->chunks != NULL ? a->chunks->size * 2 : ARENA_FIRST_BYTES;

    if (size > ARENA_LARGEST_BYTES)
        size = ARENA_LARGEST_BYTES;
    if (size < need)
        size = need;
    struct arena_chunk *chunk = xmalloc(sizeof(*chunk) + size);
    *chunk = (struct arena_chunk){.next = a->chunks, .size = size};
    a->chunks = chunk;
    return chunk;
}

void *
arena_alloc(struct arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);

    if (n == 0)
        n = 1;
    if (n > a->max_bytes)
        return NULL;
    n = (n + align - 1) & ~(align - 1);
    if (n > a->max_bytes || a->used_bytes > a->max_bytes - n)
        return NULL;
    struct arena_chunk *chunk = a->chunks;
    if (chunk == NULL || chunk->size - chunk->used < n)
        chunk = add_chunk(a, n);
    void *p = chunk->bytes + chunk->used;
    chunk->used += n;
    a->used_bytes += n;
    return memset(p, 0, n);
}

void *
arena_alloc_array(struct arena *a, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return arena_alloc(a, bytes);
}

char *
arena_strdup(struct arena *a, struct span s)
{
    char *copy = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;

    if (copy != NULL && s.n != 0)
        memcpy(copy, s.p, s.n);
    return copy;
}

or_status
arena_copy(struct arena *a, struct span s, struct span *copy_out)
{
    char *copy = arena_strdup(a, s);

    if (copy == NULL)
        return OR_LIMIT;
    *copy_out = span_make(copy, s.n);
    return OR_OK;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    char *text = NULL;

    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0)
        text = arena_alloc(a, (size_t)n + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return text;
}
