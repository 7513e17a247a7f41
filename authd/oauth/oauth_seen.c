/*
 * One place for each token, by its digest: finding and forgetting cost the same however much is
 * kept.
 */
#include "authd/oauth/oauth_seen.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    unsigned char digest[CRYPTO_DIGEST_MAX_BYTES];
    int64_t until_mono_ms; /* 0: free */
    size_t user_bytes;
    char user[JWT_MAX_USER_BYTES];
};

struct oauth_seen {
    struct lock lock;
    char secret[CRYPTO_DIGEST_MAX_BYTES];
    struct entry entries[OAUTH_SEEN_ENTRIES];
};

struct oauth_seen *
oauth_seen_new(void)
{
    struct oauth_seen *seen = xcalloc(1, sizeof(*seen));

    lock_init(&seen->lock, LOCK_OAUTH_SEEN);
    crypto_random(seen->secret, sizeof(seen->secret));
    return seen;
}

void
oauth_seen_free(struct oauth_seen *seen)
{
    if (seen == NULL)
        return;
    lock_fini(&seen->lock);
    crypto_wipe(seen->secret, sizeof(seen->secret));
    free(seen);
}

static struct entry *
place(struct oauth_seen *seen, struct span token, unsigned char digest[CRYPTO_DIGEST_MAX_BYTES])
{
    crypto_hmac(CRYPTO_SHA256, span_make(seen->secret, sizeof(seen->secret)), token, digest);
    return &seen->entries[(digest[0] + 256u * digest[1]) % OAUTH_SEEN_ENTRIES];
}

or_status
oauth_seen_find(struct oauth_seen *seen, struct span token, struct arena *mem,
                struct span *user_out)
{
    unsigned char digest[CRYPTO_DIGEST_MAX_BYTES];
    const struct entry *entry = place(seen, token, digest);
    or_status st = OR_ABSENT;

    lock_take(&seen->lock);
    if (entry->until_mono_ms > clock_mono_ms() &&
        memcmp(entry->digest, digest, sizeof(digest)) == 0)
        st = arena_copy(mem, span_make(entry->user, entry->user_bytes), user_out);
    lock_drop(&seen->lock);
    return st;
}

void
oauth_seen_add(struct oauth_seen *seen, struct span token, struct span user, int64_t until_mono_ms)
{
    unsigned char digest[CRYPTO_DIGEST_MAX_BYTES];
    struct entry *entry = place(seen, token, digest);

    if (user.n > JWT_MAX_USER_BYTES)
        return;
    lock_take(&seen->lock);
    memcpy(entry->digest, digest, sizeof(digest));
    memcpy(entry->user, user.p, user.n);
    entry->user_bytes = user.n;
    entry->until_mono_ms = until_mono_ms;
    lock_drop(&seen->lock);
}
