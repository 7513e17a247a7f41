/*
 * Open addressing, at most half full; which lengths of prefixes there are is kept beside, so that
 * an address is looked up once for each of them.
 */
#include "authd/guard/guard_bans.h"

#include "common/base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PLACES (2 * GUARD_BANS_MAX)
#define LONGEST_PREFIX 128

struct guard_bans {
    struct guard_ban **places; /* PLACES; NULL: free */
    size_t count;
    unsigned used[2][LONGEST_PREFIX + 1]; /* by family and length: how many */
};

struct guard_bans *
guard_bans_new(void)
{
    struct guard_bans *bans = xcalloc(1, sizeof(*bans));

    bans->places = xcalloc(PLACES, sizeof(struct guard_ban *));
    return bans;
}

void
guard_bans_free(struct guard_bans *bans)
{
    for (size_t i = 0; i < PLACES; i++)
        free(bans->places[i]);
    free(bans->places);
    free(bans);
}

unsigned
guard_full_prefix(const struct ip *client)
{
    return client->family == AF_INET ? 32 : 128;
}

struct cidr
guard_network_of(const struct ip *client, unsigned prefix)
{
    struct cidr network = {.base = *client, .prefix = prefix};

    ip_mask(&network.base, prefix);
    return network;
}

void
guard_network_format(const struct cidr *network, char out[GUARD_NETWORK_BYTES])
{
    char address[IP_TEXT_BYTES];

    ip_format(&network->base, address);
    if (network->prefix == guard_full_prefix(&network->base))
        snprintf(out, GUARD_NETWORK_BYTES, "%s", address);
    else
        snprintf(out, GUARD_NETWORK_BYTES, "%s/%u", address, network->prefix);
}

/* FNV-1a; who fills the table by choice of addresses has more addresses than the table has room. */
static size_t
first_place(const struct cidr *network)
{
    uint64_t hash = 14695981039346656037U;

    for (size_t i = 0; i < sizeof(network->base.bytes); i++)
        hash = (hash ^ network->base.bytes[i]) * 1099511628211U;
    hash = (hash ^ network->prefix) * 1099511628211U;
    return (hash ^ (hash >> 32)) % PLACES;
}

static bool
is_same(const struct cidr *a, const struct cidr *b)
{
    return a->prefix == b->prefix && ip_equal(&a->base, &b->base);
}

/* Where it is, or where it would go. */
static size_t
place_of(const struct guard_bans *bans, const struct cidr *network)
{
    size_t at = first_place(network);

    while (bans->places[at] != NULL && !is_same(&bans->places[at]->network, network))
        at = (at + 1) % PLACES;
    return at;
}

static unsigned *
used(struct guard_bans *bans, const struct cidr *network)
{
    return &bans->used[network->base.family == AF_INET6][network->prefix];
}

bool
guard_bans_put(struct guard_bans *bans, const struct guard_ban *ban)
{
    size_t at = place_of(bans, &ban->network);
    bool told = false;

    if (bans->places[at] != NULL) {
        told = bans->places[at]->told;
    } else {
        if (bans->count == GUARD_BANS_MAX)
            return false;
        bans->places[at] = xcalloc(1, sizeof(*ban));
        bans->count++;
        ++*used(bans, &ban->network);
    }
    *bans->places[at] = *ban;
    bans->places[at]->told = told;
    return true;
}

struct guard_ban *
guard_bans_get(struct guard_bans *bans, const struct cidr *network)
{
    return bans->places[place_of(bans, network)];
}

const struct guard_ban *
guard_bans_find(const struct guard_bans *bans, const struct ip *client, time_t now)
{
    const unsigned *lengths = bans->used[client->family == AF_INET6];

    for (unsigned prefix = 0; bans->count > 0 && prefix <= guard_full_prefix(client); prefix++) {
        if (lengths[prefix] == 0)
            continue;
        struct cidr network = guard_network_of(client, prefix);
        const struct guard_ban *ban = bans->places[place_of(bans, &network)];
        if (ban != NULL && ban->until > now)
            return ban;
    }
    return NULL;
}

/* Those behind it may have been pushed there by it: each goes to its place again. */
static void
take_out(struct guard_bans *bans, size_t at)
{
    bans->count--;
    --*used(bans, &bans->places[at]->network);
    free(bans->places[at]);
    bans->places[at] = NULL;
    for (size_t next = (at + 1) % PLACES; bans->places[next] != NULL; next = (next + 1) % PLACES) {
        struct guard_ban *moved = bans->places[next];

        bans->places[next] = NULL;
        bans->places[place_of(bans, &moved->network)] = moved;
    }
}

void
guard_bans_each(struct guard_bans *bans, bool (*visit)(void *context, struct guard_ban *ban),
                void *context)
{
    for (size_t at = 0; at < PLACES; at++)
        /* What comes to this place then is visited, too. */
        while (bans->places[at] != NULL && !visit(context, bans->places[at]))
            take_out(bans, at);
}
