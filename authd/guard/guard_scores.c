/*
 * A table of sets, like login_cache.c's.
 */
#include "authd/guard/guard_scores.h"

#include "common/base/buf.h"
#include "common/base/crypto.h"
#include "common/base/xalloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8
#define SETS (GUARD_SCORES_ENTRIES / WAYS)
#define SECRET_BYTES 32
#define MAX_WORDS_BYTES 4096 /* longer ones are cut: they count together */
#define MINUTE_S 60
#define HOUR_S 3600
#define DAY_S 86400

/* By enum guard_kind. */
static const int half_lives_s[GUARD_KINDS] = {
    [GUARD_CLIENT] = 10 * MINUTE_S, [GUARD_NETWORK] = HOUR_S,      [GUARD_USER] = 10 * MINUTE_S,
    [GUARD_PAIR] = 10 * MINUTE_S,   [GUARD_STRANGERS] = DAY_S, /* slow scans take their time */
    [GUARD_TRIED] = DAY_S,          [GUARD_PASSWORD_USER] = DAY_S, [GUARD_PASSWORD] = DAY_S,
    [GUARD_GOOD] = DAY_S,           [GUARD_NOT_GOOD] = MINUTE_S,
};

struct entry {
    uint64_t hash;
    double points; /* at `at` */
    int64_t at;
    int64_t kind; /* with points 0: a free place */
};

struct guard_scores {
    char secret[SECRET_BYTES];
    struct entry entries[SETS][WAYS];
};

struct guard_scores *
guard_scores_new(void)
{
    struct guard_scores *scores = xcalloc(1, sizeof(*scores));

    crypto_random(scores->secret, sizeof(scores->secret));
    return scores;
}

void
guard_scores_free(struct guard_scores *scores)
{
    crypto_wipe(scores->secret, sizeof(scores->secret));
    free(scores);
}

struct guard_key
guard_scores_key(const struct guard_scores *scores, enum guard_kind kind, struct span a,
                 struct span b, struct span c)
{
    const struct span words[] = {a, b, c};
    unsigned char mac[CRYPTO_DIGEST_MAX_BYTES];
    struct guard_key key = {.kind = kind};
    struct buf text;

    buf_init(&text, MAX_WORDS_BYTES);
    for (size_t i = 0; i < 3; i++) {
        uint32_t n = (uint32_t)words[i].n; /* no two lists of words give the same bytes */

        buf_add(&text, (const char *)&n, sizeof(n));
        buf_add_span(&text, words[i]);
    }
    crypto_hmac(CRYPTO_SHA256, span_make(scores->secret, SECRET_BYTES), buf_span(&text), mac);
    memcpy(&key.hash, mac, sizeof(key.hash));
    buf_fini_wiped(&text);
    return key;
}

static double
left(const struct entry *x, time_t now)
{
    double passed = now > x->at ? (double)(now - x->at) : 0;

    return x->points * exp2(-passed / half_lives_s[x->kind]);
}

static bool
is_it(const struct entry *x, struct guard_key key)
{
    return x->points > 0 && x->hash == key.hash && x->kind == (int64_t)key.kind;
}

double
guard_scores_get(const struct guard_scores *scores, struct guard_key key, time_t now)
{
    const struct entry *set = scores->entries[key.hash % SETS];

    for (size_t i = 0; i < WAYS; i++)
        if (is_it(&set[i], key))
            return left(&set[i], now);
    return 0;
}

/* When an entry will have faded to nothing much. */
static double
fades(const struct entry *x)
{
    return x->points <= 0 ? 0 : (double)x->at + half_lives_s[x->kind] * (1 + log2(1 + x->points));
}

static struct entry *
place_for(struct guard_scores *scores, struct guard_key key)
{
    struct entry *set = scores->entries[key.hash % SETS], *place = &set[0];

    for (size_t i = 0; i < WAYS; i++)
        if (is_it(&set[i], key))
            return &set[i];
    for (size_t i = 1; i < WAYS; i++)
        if (fades(&set[i]) < fades(place))
            place = &set[i];
    *place = (struct entry){.hash = key.hash, .kind = (int64_t)key.kind};
    return place;
}

double
guard_scores_add(struct guard_scores *scores, struct guard_key key, double points, time_t now)
{
    struct entry *x = place_for(scores, key);

    x->points = left(x, now) + points;
    x->at = now;
    return x->points;
}

void
guard_scores_forget(struct guard_scores *scores, struct guard_key key)
{
    struct entry *set = scores->entries[key.hash % SETS];

    for (size_t i = 0; i < WAYS; i++)
        if (is_it(&set[i], key))
            set[i].points = 0;
}
