/*
 * Points and what they lead to.
 */
#include "authd/guard/guard.h"

#include "authd/guard/guard_store.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define POINTS_WRONG 1.0
#define POINTS_STRANGER 2.0
#define POINTS_SPRAY 3.0 /* on top */
#define TRUSTED_SHARE 0.25
#define SPRAY_USERS 5        /* for whom one password was tried */
#define STRANGERS_A_DAY 50   /* from one network */
#define NETWORK_THRESHOLDS 5 /* an IPv4 network has many customers; an IPv6 one is one */
#define ROUNDING 0.5
#define POINTS_A_DELAY 3.0 /* for each of these the refusal waits once more */
#define ASK_STORE_A_SECOND 500
#define REFRESH_S 60 /* of the bans, even without news */
#define IPV4_NETWORK 24
#define IPV6_NETWORK 64

struct guard {
    struct kvstore *store;
    struct lock lock;
    struct guard_scores *scores;
    struct guard_bans *bans;
    time_t asking; /* the second in which `asked` questions went to the store */
    unsigned asked;
    int64_t changes; /* of the store, when it was last read; guard_refresh()'s own */
    time_t refreshed;
    unsigned refresh; /* how many there were */
};

/* An attempt taken apart. */
struct who {
    bool known; /* there is an address */
    struct ip ip;
    struct cidr client, network;
    char network_text[GUARD_NETWORK_BYTES];
};

struct guard *
guard_new(struct kvstore *store)
{
    struct guard *g = xcalloc(1, sizeof(*g));

    g->store = store;
    g->scores = guard_scores_new();
    g->bans = guard_bans_new();
    g->changes = -1;
    lock_init(&g->lock, LOCK_GUARD);
    return g;
}

void
guard_free(struct guard *g)
{
    if (g == NULL)
        return;
    guard_scores_free(g->scores);
    guard_bans_free(g->bans);
    lock_fini(&g->lock);
    free(g);
}

static struct who
who_is(const struct guard_attempt *a)
{
    struct who who = {.known = a->client.n > 0 && ip_parse(a->client, &who.ip) == OR_OK};

    if (!who.known)
        return who;
    who.client = guard_network_of(&who.ip, guard_full_prefix(&who.ip));
    who.network = guard_network_of(&who.ip, who.ip.family == AF_INET ? IPV4_NETWORK : IPV6_NETWORK);
    guard_network_format(&who.network, who.network_text);
    return who;
}

static bool
is_never(const struct guard_policy *policy, const struct who *who)
{
    for (size_t i = 0; i < policy->never->count; i++)
        if (cidr_contains(&policy->never->items[i], &who->ip))
            return true;
    return false;
}

/* ---- where a user has logged in */

static struct guard_key
pair_key(const struct guard *g, enum guard_kind kind, const struct guard_attempt *a,
         const struct who *who)
{
    return guard_scores_key(g->scores, kind, a->user, span_cstr(who->network_text), SPAN_EMPTY);
}

/* Whether the store may be asked once more in this second: guessing must not become its load. */
static bool
may_ask_store(struct guard *g, time_t now)
{
    if (g->store == NULL)
        return false;
    if (g->asking != now) {
        g->asking = now;
        g->asked = 0;
    }
    return g->asked++ < ASK_STORE_A_SECOND;
}

static bool
is_trusted(struct guard *g, const struct guard_attempt *a, const struct who *who, time_t now)
{
    const struct guard_key good_key = pair_key(g, GUARD_GOOD, a, who),
                           not_key = {.hash = good_key.hash, .kind = GUARD_NOT_GOOD};
    bool good = false;
    struct err e = {""}; /* the store logs what is wrong with it */

    lock_take(&g->lock);
    bool known = guard_scores_get(g->scores, good_key, now) > 0;
    bool ask = !known && guard_scores_get(g->scores, not_key, now) < 0.5 && may_ask_store(g, now);
    lock_drop(&g->lock);
    if (!ask || guard_store_is_good(g->store, &who->network, a->user, &good, &e) != OR_OK)
        return known;
    lock_take(&g->lock);
    (void)guard_scores_add(g->scores, good ? good_key : not_key, 1, now);
    lock_drop(&g->lock);
    return good;
}

bool
guard_good(struct guard *g, const struct guard_attempt *a, struct span country, time_t now)
{
    const struct who who = who_is(a);
    bool is_new = false;
    struct err e = {""};

    if (!who.known)
        return false;
    const struct guard_key key = pair_key(g, GUARD_GOOD, a, &who);
    const struct guard_key not_key = {.hash = key.hash, .kind = GUARD_NOT_GOOD},
                           pair = {.hash = key.hash, .kind = GUARD_PAIR};
    lock_take(&g->lock);
    /* Once a day is enough for the store. */
    bool write = guard_scores_get(g->scores, key, now) < 0.5;
    if (write) {
        guard_scores_forget(g->scores, key);
        (void)guard_scores_add(g->scores, key, 1, now);
        guard_scores_forget(g->scores, not_key);
    }
    guard_scores_forget(g->scores, pair);
    lock_drop(&g->lock);
    if (!write || g->store == NULL ||
        guard_store_set_good(g->store, &who.network, a->user, country, &is_new, &e) != OR_OK)
        return false;
    return is_new;
}

/* ---- asking */

struct guard_verdict
guard_ask(struct guard *g, const struct guard_policy *policy, const struct guard_attempt *a,
          time_t now)
{
    struct guard_verdict verdict = {.banned = false};
    const struct who who = who_is(a);

    if (!who.known)
        return verdict;
    lock_take(&g->lock);
    const struct guard_ban *ban = guard_bans_find(g->bans, &who.ip, now);
    if (ban != NULL)
        verdict.ban = *ban;
    lock_drop(&g->lock);
    verdict.trusted = is_trusted(g, a, &who, now);
    verdict.banned = ban != NULL && !verdict.trusted && !is_never(policy, &who);
    return verdict;
}

/* ---- failures */

/* What this failure costs; 0: it was counted before. */
static double
points_of(struct guard *g, const struct guard_attempt *a, const struct who *who, bool is_stranger,
          time_t now)
{
    struct span network = span_cstr(who->network_text);
    double points = is_stranger ? POINTS_STRANGER : POINTS_WRONG;

    if (a->password.n == 0)
        return points;
    const struct guard_key tried =
        guard_scores_key(g->scores, GUARD_TRIED, a->user, network, a->password);
    bool before = guard_scores_get(g->scores, tried, now) > 0;
    if (guard_scores_get(g->scores, tried, now) < 0.5)
        (void)guard_scores_add(g->scores, tried, 1, now);
    if (before)
        return 0;
    const struct guard_key user = guard_scores_key(g->scores, GUARD_PASSWORD_USER, a->user,
                                                   a->password, SPAN_EMPTY),
                           users = guard_scores_key(g->scores, GUARD_PASSWORD, a->password,
                                                    SPAN_EMPTY, SPAN_EMPTY);
    double count = guard_scores_get(g->scores, users, now);
    if (guard_scores_get(g->scores, user, now) <= 0) {
        (void)guard_scores_add(g->scores, user, 1, now);
        count = guard_scores_add(g->scores, users, 1, now);
    }
    return count >= SPRAY_USERS - 0.5 ? points + POINTS_SPRAY : points;
}

struct sums {
    double client, network, user, strangers;
};

static void
add_points(struct guard *g, const struct guard_attempt *a, const struct who *who, double points,
           bool is_stranger, time_t now, struct sums *sums)
{
    char client[GUARD_NETWORK_BYTES];
    struct span network = span_cstr(who->network_text);

    guard_network_format(&who->client, client);
    const struct guard_key strangers =
        guard_scores_key(g->scores, GUARD_STRANGERS, network, SPAN_EMPTY, SPAN_EMPTY);
    sums->client = guard_scores_add(
        g->scores,
        guard_scores_key(g->scores, GUARD_CLIENT, span_cstr(client), SPAN_EMPTY, SPAN_EMPTY),
        points, now);
    sums->network = guard_scores_add(
        g->scores, guard_scores_key(g->scores, GUARD_NETWORK, network, SPAN_EMPTY, SPAN_EMPTY),
        points, now);
    sums->user = guard_scores_add(
        g->scores, guard_scores_key(g->scores, GUARD_USER, a->user, SPAN_EMPTY, SPAN_EMPTY), points,
        now);
    (void)guard_scores_add(g->scores, pair_key(g, GUARD_PAIR, a, who), points, now);
    sums->strangers = is_stranger && points > 0 ? guard_scores_add(g->scores, strangers, 1, now)
                                                : guard_scores_get(g->scores, strangers, now);
}

/* Which network to ban for that, if any; the reason is written then. */
static bool
find_ban(const struct guard_policy *policy, const struct who *who, const struct sums *sums,
         struct guard_ban *ban)
{
    /* What has faded within a minute of ten guesses does not make them fewer than ten. */
    double threshold = (double)policy->threshold;
    bool is_ipv6 = who->ip.family == AF_INET6;
    double network_threshold = is_ipv6 ? threshold : NETWORK_THRESHOLDS * threshold;

    if (policy->threshold == 0 || is_never(policy, who))
        return false;
    ban->network = who->network;
    if (sums->strangers >= STRANGERS_A_DAY) {
        snprintf(ban->reason, sizeof(ban->reason), "%.0f names within a day that nobody has",
                 sums->strangers);
        return true;
    }
    if (sums->network >= network_threshold - ROUNDING) {
        snprintf(ban->reason, sizeof(ban->reason), "failed logins of the network: %.0f points",
                 sums->network);
        return true;
    }
    ban->network = who->client;
    snprintf(ban->reason, sizeof(ban->reason), "failed logins: %.0f points", sums->client);
    return sums->client >= threshold - ROUNDING;
}

/* After its ban a network begins anew, but for the length of the next one. */
static void
forget_points(struct guard *g, const struct cidr *network, const struct who *who)
{
    char text[GUARD_NETWORK_BYTES], client[GUARD_NETWORK_BYTES];

    guard_network_format(network, text);
    struct span name = span_cstr(text);
    guard_network_format(&who->client, client);
    guard_scores_forget(g->scores,
                        guard_scores_key(g->scores, GUARD_NETWORK, name, SPAN_EMPTY, SPAN_EMPTY));
    guard_scores_forget(g->scores,
                        guard_scores_key(g->scores, GUARD_STRANGERS, name, SPAN_EMPTY, SPAN_EMPTY));
    guard_scores_forget(g->scores, guard_scores_key(g->scores, GUARD_CLIENT, span_cstr(client),
                                                    SPAN_EMPTY, SPAN_EMPTY));
}

static void
set_length(const struct guard_policy *policy, struct guard_ban *ban)
{
    int64_t seconds = policy->ban_s;

    for (unsigned i = 1; i < ban->times && seconds < policy->ban_max_s; i++)
        seconds *= 2;
    if (seconds > policy->ban_max_s)
        seconds = policy->ban_max_s;
    ban->until = ban->since + (time_t)seconds;
}

static void
impose(struct guard *g, const struct guard_policy *policy, struct guard_ban *ban)
{
    struct err e = {""};

    if (g->store != NULL)
        ban->stored = guard_store_count_ban(g->store, &ban->network, &ban->times, &e) == OR_OK;
    set_length(policy, ban);
    /* In the store first: a refresh in between must not take it for lifted. */
    if (ban->stored)
        ban->stored = guard_store_put_ban(g->store, ban, &e) == OR_OK;
    lock_take(&g->lock);
    ban->seen = g->refresh;
    if (!guard_bans_put(g->bans, ban))
        log_warning("more than %d addresses are banned", GUARD_BANS_MAX);
    lock_drop(&g->lock);
}

static int64_t
delay_of(const struct guard_policy *policy, const struct sums *sums, bool trusted)
{
    double points = sums->user / 2 > sums->client ? sums->user / 2 : sums->client;
    double delay = (double)policy->delay_ms * (1 + (trusted ? 0 : points / POINTS_A_DELAY));

    return delay < GUARD_MAX_DELAY_MS ? (int64_t)delay : GUARD_MAX_DELAY_MS;
}

struct guard_outcome
guard_bad(struct guard *g, const struct guard_policy *policy, const struct guard_attempt *a,
          bool is_stranger, time_t now)
{
    const struct who who = who_is(a);
    struct guard_outcome outcome = {.delay_ms = policy->delay_ms, .counted = true};
    struct sums sums = {0, 0, 0, 0};

    if (!who.known)
        return outcome;
    bool trusted = is_trusted(g, a, &who, now);

    lock_take(&g->lock);
    double points = points_of(g, a, &who, is_stranger, now) * (trusted ? TRUSTED_SHARE : 1);
    add_points(g, a, &who, points, is_stranger, now, &sums);
    outcome.counted = points > 0;
    outcome.ban = (struct guard_ban){.since = now, .times = 1};
    outcome.banned = outcome.counted && find_ban(policy, &who, &sums, &outcome.ban) &&
                     guard_bans_find(g->bans, &who.ip, now) == NULL;
    if (outcome.banned)
        forget_points(g, &outcome.ban.network, &who);
    lock_drop(&g->lock);
    outcome.delay_ms = delay_of(policy, &sums, trusted);
    if (outcome.banned)
        impose(g, policy, &outcome.ban);
    return outcome;
}

/* ---- what the store says, and what the hook is to hear */

struct reading {
    struct guard_ban *bans;
    size_t count, room;
};

static bool
keep(void *context, const struct guard_ban *ban)
{
    struct reading *r = context;

    if (r->count == r->room) {
        r->room = r->room == 0 ? 64 : 2 * r->room;
        r->bans = xreallocarray(r->bans, r->room, sizeof(r->bans[0]));
    }
    r->bans[r->count++] = *ban;
    return r->count < GUARD_BANS_MAX;
}

static bool
lift_unseen(void *context, struct guard_ban *ban)
{
    const struct guard *g = context;

    if (ban->stored && ban->seen < g->refresh)
        ban->until = 0;
    return true;
}

/* Bans imposed while the store is read may not be in what was read: they count as seen. */
static void
read_store(struct guard *g)
{
    struct reading r = {.count = 0};
    struct err e = {""};

    lock_take(&g->lock);
    g->refresh++;
    lock_drop(&g->lock);
    or_status st = guard_store_each_ban(g->store, keep, &r, &e);
    lock_take(&g->lock);
    for (size_t i = 0; st == OR_OK && i < r.count; i++) {
        r.bans[i].seen = g->refresh;
        (void)guard_bans_put(g->bans, &r.bans[i]);
    }
    if (st == OR_OK)
        guard_bans_each(g->bans, lift_unseen, g);
    lock_drop(&g->lock);
    free(r.bans);
}

static void
refresh(struct guard *g, time_t now)
{
    int64_t changes = 0;
    struct err e = {""};

    if (g->store == NULL || guard_store_changes(g->store, &changes, &e) != OR_OK)
        return;
    if (changes == g->changes && now - g->refreshed < REFRESH_S && now >= g->refreshed)
        return;
    g->changes = changes;
    g->refreshed = now;
    read_store(g);
}

struct telling {
    time_t now;
    struct guard_news *news;
    size_t count, max;
};

/* Takes out what has ended, once that is told. */
static bool
tell(void *context, struct guard_ban *ban)
{
    struct telling *t = context;
    bool over = ban->until <= t->now;

    if (ban->told != over)
        return !over;
    if (t->count == t->max)
        return true;
    t->news[t->count++] = (struct guard_news){.ban = *ban, .lifted = over};
    ban->told = true;
    return !over;
}

size_t
guard_refresh(struct guard *g, time_t now, struct guard_news *news, size_t max)
{
    struct telling t = {.now = now, .news = news, .max = max};

    refresh(g, now);
    lock_take(&g->lock);
    guard_bans_each(g->bans, tell, &t);
    lock_drop(&g->lock);
    return t.count;
}

/* One that was lifted comes back for another try, over as it is. */
void
guard_untold(struct guard *g, const struct guard_news *news)
{
    struct guard_ban again = news->ban;

    lock_take(&g->lock);
    if (news->lifted) {
        again.stored = false;
        (void)guard_bans_put(g->bans, &again);
    }
    struct guard_ban *ban = guard_bans_get(g->bans, &news->ban.network);
    if (ban != NULL)
        ban->told = news->lifted;
    lock_drop(&g->lock);
}
