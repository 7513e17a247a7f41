/*
 * A direct-mapped table: the hash of a sender says where it stands. The hash is keyed with random
 * bytes, so that nobody can choose senders that push others out.
 */
#include "policyd/recent_senders.h"

#include "common/base/crypto.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 4096
#define KEY_BYTES 16

struct slot {
    uint64_t hash;
    struct ip client; /* family 0: empty */
};

struct recent_senders {
    char key[KEY_BYTES];
    struct lock lock;
    struct slot slots[SLOTS];
};

struct recent_senders *
recent_senders_new(void)
{
    struct recent_senders *senders = xcalloc(1, sizeof(*senders));

    crypto_random(senders->key, sizeof(senders->key));
    lock_init(&senders->lock, LOCK_RECENT_SENDERS);
    return senders;
}

void
recent_senders_free(struct recent_senders *senders)
{
    if (senders == NULL)
        return;
    lock_fini(&senders->lock);
    free(senders);
}

static uint64_t
hash_of(const struct recent_senders *senders, struct span sender)
{
    unsigned char mac[CRYPTO_DIGEST_MAX_BYTES];
    uint64_t hash;

    crypto_hmac(CRYPTO_SHA256, span_make(senders->key, sizeof(senders->key)), sender, mac);
    memcpy(&hash, mac, sizeof(hash));
    return hash;
}

void
recent_senders_note(struct recent_senders *senders, struct span sender, const struct ip *client)
{
    uint64_t hash = hash_of(senders, sender);

    lock_take(&senders->lock);
    senders->slots[hash % SLOTS] = (struct slot){.hash = hash, .client = *client};
    lock_drop(&senders->lock);
}

bool
recent_senders_find(struct recent_senders *senders, struct span sender, struct ip *client_out)
{
    uint64_t hash = hash_of(senders, sender);

    lock_take(&senders->lock);
    struct slot slot = senders->slots[hash % SLOTS];
    lock_drop(&senders->lock);
    if (slot.client.family == 0 || slot.hash != hash)
        return false;
    *client_out = slot.client;
    return true;
}
