/*
 * Slots of parsed keys. The lock is held for a comparison and a count, never while OpenSSL reads a
 * key.
 */
#include "milter/dkim/dkim_keycache.h"

#include "common/base/crypto.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"

#include <stdlib.h>

struct slot {
    enum dkim_key_type type;
    char *bytes;
    size_t n;
    struct dkim_public *key; /* NULL: empty */
};

struct dkim_keycache {
    struct lock lock;
    uint64_t seed;
    struct slot slots[DKIM_KEYCACHE_SLOTS];
};

struct dkim_keycache *
dkim_keycache_new(void)
{
    struct dkim_keycache *cache = xcalloc(1, sizeof(*cache));

    lock_init(&cache->lock, LOCK_DKIM_KEYS);
    crypto_random(&cache->seed, sizeof(cache->seed));
    return cache;
}

static void
clear_slot(struct slot *slot)
{
    dkim_public_free(slot->key);
    free(slot->bytes);
    *slot = (struct slot){.key = NULL};
}

void
dkim_keycache_free(struct dkim_keycache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < DKIM_KEYCACHE_SLOTS; i++)
        clear_slot(&cache->slots[i]);
    lock_fini(&cache->lock);
    free(cache);
}

/* FNV-1a. */
static struct slot *
slot_of(struct dkim_keycache *cache, enum dkim_key_type type, struct span bytes)
{
    uint64_t h = cache->seed ^ (uint64_t)type;

    for (size_t i = 0; i < bytes.n; i++)
        h = (h ^ (unsigned char)bytes.p[i]) * UINT64_C(1099511628211);
    return &cache->slots[(h ^ h >> 32) % DKIM_KEYCACHE_SLOTS];
}

static struct dkim_public *
find(struct dkim_keycache *cache, enum dkim_key_type type, struct span bytes)
{
    struct slot *slot = slot_of(cache, type, bytes);
    struct dkim_public *key = NULL;

    lock_take(&cache->lock);
    if (slot->key != NULL && slot->type == type &&
        span_equal(span_make(slot->bytes, slot->n), bytes))
        key = dkim_public_share(slot->key);
    lock_drop(&cache->lock);
    return key;
}

static void
keep(struct dkim_keycache *cache, enum dkim_key_type type, struct span bytes,
     struct dkim_public *key)
{
    struct slot *slot = slot_of(cache, type, bytes);
    struct slot fresh = {.type = type,
                         .bytes = xmemdup0(bytes.p, bytes.n),
                         .n = bytes.n,
                         .key = dkim_public_share(key)};

    lock_take(&cache->lock);
    struct slot old = *slot;
    *slot = fresh;
    lock_drop(&cache->lock);
    clear_slot(&old);
}

or_status
dkim_keycache_parse(struct dkim_keycache *cache, enum dkim_key_type type, struct span bytes,
                    struct dkim_public **key_out, struct err *e)
{
    bool fits = cache != NULL && bytes.n <= DKIM_KEYCACHE_MAX_BYTES;
    struct dkim_public *key = fits ? find(cache, type, bytes) : NULL;

    if (key != NULL) {
        *key_out = key;
        return OR_OK;
    }
    or_status st = dkim_public_parse(type, bytes, key_out, e);
    if (st == OR_OK && fits)
        keep(cache, type, bytes, *key_out);
    return st;
}
