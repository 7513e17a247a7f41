/*
 * What was loaded stays the same for the whole run, whatever happens to the file meanwhile.
 */
#include "lmtp/sieve_library.h"

#include <limits.h>
#include <stdio.h>

#define MAX_ENTRIES_BYTES ((size_t)1 << 18) /* more than SIEVE_MAX_INCLUDES of them */

struct sieve_library_entry {
    enum sieve_place place;
    struct span name;
    struct sieve_cached *cached;
    struct sieve_library_entry *next;
};

void
sieve_library_init(struct sieve_library *l)
{
    l->entries = NULL;
    arena_init(&l->mem, MAX_ENTRIES_BYTES);
}

void
sieve_library_fini(struct sieve_library *l)
{
    for (struct sieve_library_entry *x = l->entries; x != NULL; x = x->next)
        sieve_cache_drop(x->cached);
    l->entries = NULL;
    arena_fini(&l->mem);
}

static or_status
load_file(struct sieve_library *l, struct sieve_library_entry *x, struct err *e)
{
    const char *directory = x->place == SIEVE_GLOBAL ? l->global : l->personal;
    char path[PATH_MAX];

    if (directory == NULL || directory[0] == '\0')
        return OR_ABSENT;
    int n = snprintf(path, sizeof(path), "%s/%.*s.sieve", directory, SPAN_ARG(x->name));
    if (n < 0 || (size_t)n >= sizeof(path))
        return OR_ABSENT;
    return sieve_cache_get(l->cache, path, &l->offer, &x->cached, e);
}

or_status
sieve_library_load(struct sieve_library *l, enum sieve_place place, struct span name,
                   const struct sieve_script **script_out, struct err *e)
{
    struct sieve_library_entry *x = l->entries;

    while (x != NULL && !(x->place == place && span_equal(x->name, name)))
        x = x->next;
    if (x == NULL) {
        x = arena_alloc(&l->mem, sizeof(*x));
        if (x == NULL || arena_copy(&l->mem, name, &x->name) != OR_OK)
            return err_set(e, OR_LIMIT, "too many scripts");
        x->place = place;
        or_status st = load_file(l, x, e);
        if (st != OR_OK)
            return st;
        x->next = l->entries;
        l->entries = x;
    }
    *script_out = sieve_cache_script(x->cached);
    return OR_OK;
}
