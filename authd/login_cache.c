/*
 * A table of sets: a key may stand in the few places of its set only, so that finding and
 * forgetting cost the same however much is kept.
 */
#include "authd/login_cache.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define WAYS 4 /* places of a set */
#define SETS (LOGIN_CACHE_ENTRIES / WAYS)
#define SECRET_BYTES 32
#define MAX_QUESTION_BYTES 8192 /* longer ones are not kept */

struct entry {
    struct login_cache_key key;
    int64_t until_mono_ms; /* 0: free */
};

struct login_cache {
    struct lock lock;
    unsigned char secret[SECRET_BYTES];
    struct entry entries[SETS][WAYS];
};

struct login_cache *
login_cache_new(void)
{
    struct login_cache *cache = xcalloc(1, sizeof(*cache));

    lock_init(&cache->lock, LOCK_LOGIN_CACHE);
    crypto_random(cache->secret, sizeof(cache->secret));
    return cache;
}

void
login_cache_free(struct login_cache *cache)
{
    if (cache == NULL)
        return;
    lock_fini(&cache->lock);
    crypto_wipe(cache->secret, sizeof(cache->secret));
    free(cache);
}

/* Each part with its length in front: no two questions give the same bytes. */
static void
add_part(struct buf *out, struct span part)
{
    uint32_t n = (uint32_t)part.n;

    buf_add(out, (const char *)&n, sizeof(n));
    buf_add_span(out, part);
}

void
login_cache_key(const struct login_cache *cache, const struct login_cache_question *q,
                struct login_cache_key *key_out)
{
    struct buf bytes;

    buf_init(&bytes, MAX_QUESTION_BYTES);
    add_part(&bytes, q->account);
    add_part(&bytes, q->stored);
    add_part(&bytes, q->password);
    if (buf_finish(&bytes) == OR_OK)
        crypto_hmac(CRYPTO_SHA256, span_make((const char *)cache->secret, SECRET_BYTES),
                    buf_span(&bytes), key_out->bytes);
    else
        crypto_random(key_out->bytes, sizeof(key_out->bytes)); /* never found again */
    buf_fini_wiped(&bytes);
}

static struct entry *
set_of(struct login_cache *cache, const struct login_cache_key *key)
{
    uint32_t at;

    memcpy(&at, key->bytes, sizeof(at));
    return cache->entries[at % SETS];
}

bool
login_cache_has(struct login_cache *cache, const struct login_cache_key *key)
{
    int64_t now = clock_mono_ms();
    bool found = false;

    lock_take(&cache->lock);
    const struct entry *set = set_of(cache, key);
    for (size_t i = 0; i < WAYS; i++)
        /* Keys are not known to who asks: comparing them tells nothing. */
        found |= set[i].until_mono_ms > now && memcmp(&set[i].key, key, sizeof(*key)) == 0;
    lock_drop(&cache->lock);
    return found;
}

void
login_cache_add(struct login_cache *cache, const struct login_cache_key *key, int64_t ttl_ms)
{
    lock_take(&cache->lock);
    struct entry *set = set_of(cache, key), *place = &set[0];
    for (size_t i = 1; i < WAYS; i++)
        if (set[i].until_mono_ms < place->until_mono_ms)
            place = &set[i];
    *place = (struct entry){.key = *key, .until_mono_ms = clock_mono_ms() + ttl_ms};
    lock_drop(&cache->lock);
}
