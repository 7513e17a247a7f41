/*
 * The answer cache: a hash table of questions, each with an answer, a kept failure, or a query in
 * the air.
 *
 * One asker per question goes to the resolver ("leads"); the others wait on a condition variable.
 * Entries in the air are never evicted: their leader comes back to them. All answers are copied, in
 * and out, so that no memory is shared past the lock.
 *
 * Known weakness: one lock and one condition variable for all questions. Waiting threads of other
 * questions are woken too; with the few hundred threads a daemon has, that has not shown.
 */
#include "common/dns/dns_cache.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_BUCKETS 4096
#define CACHE_MAX_NAME_BYTES 1024     /* dns_packet.h: a name as text, every byte escaped */
#define CACHE_ENTRY_BYTES 256         /* what an entry costs besides its answer */
#define CACHE_MAX_ANSWER_BYTES 131072 /* larger answers are handed on, not kept */

enum entry_state { ENTRY_IN_THE_AIR, ENTRY_ANSWER, ENTRY_FAILURE };

struct entry {
    struct entry *next_in_bucket;
    struct entry *newer, *older; /* order of use; only entries not in the air */
    uint64_t hash;
    enum dns_type type;
    char *name; /* lower case, no final dot */
    enum entry_state state;
    unsigned waiters;
    or_status failure;
    struct err why;
    struct arena mem; /* of the answer */
    const struct dns_answer *answer;
    size_t bytes;
    int64_t stored_mono_ms, expires_mono_ms;
};

struct dns_cache {
    struct dns base;
    struct dns *upstream;
    struct dns_cache_settings settings;
    struct lock lock;
    pthread_cond_t landed; /* some query in the air came back */
    uint64_t seed;
    struct entry *buckets[CACHE_BUCKETS];
    struct entry *newest, *oldest;
    struct dns_cache_stats stats;
};

/* ---- copying answers */

static or_status
copy_txt(struct arena *mem, const struct dns_record *from, struct dns_record *to)
{
    or_status st = arena_copy(mem, from->txt.joined, &to->txt.joined);

    to->txt.count = from->txt.count;
    to->txt.strings = arena_alloc_array(mem, from->txt.count, sizeof(struct span));
    if (st != OR_OK || to->txt.strings == NULL)
        return OR_LIMIT;
    const char *at = to->txt.joined.p;
    for (size_t i = 0; i < from->txt.count; i++) {
        to->txt.strings[i] = span_make(at, from->txt.strings[i].n);
        at += from->txt.strings[i].n;
    }
    return OR_OK;
}

static or_status
copy_record(struct arena *mem, enum dns_type type, const struct dns_record *from,
            struct dns_record *to)
{
    *to = *from;
    switch (type) {
    case DNS_TXT:
        return copy_txt(mem, from, to);
    case DNS_MX:
        return arena_copy(mem, from->mx.host, &to->mx.host);
    case DNS_PTR:
    case DNS_NS:
        return arena_copy(mem, from->name, &to->name);
    case DNS_A:
    case DNS_AAAA:
        break;
    }
    return OR_OK;
}

static or_status
copy_answer(struct arena *mem, enum dns_type type, const struct dns_answer *from,
            struct dns_answer **answer_out)
{
    struct dns_answer *to = arena_alloc(mem, sizeof(*to));

    if (to == NULL)
        return OR_LIMIT;
    *to = *from;
    to->records = arena_alloc_array(mem, from->count, sizeof(*to->records));
    if (to->records == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < from->count; i++) {
        or_status st = copy_record(mem, type, &from->records[i], &to->records[i]);
        if (st != OR_OK)
            return st;
    }
    *answer_out = to;
    return OR_OK;
}

/* ---- the table; all with the lock held */

/* FNV-1a from a random start: nobody outside can aim at one bucket. */
static uint64_t
hash_question(const struct dns_cache *c, enum dns_type type, const char *name)
{
    uint64_t h = c->seed ^ (uint64_t)type;

    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return h;
}

static struct entry **
bucket_of(struct dns_cache *c, uint64_t hash)
{
    return &c->buckets[(hash ^ hash >> 32) % CACHE_BUCKETS];
}

static struct entry *
find_entry(struct dns_cache *c, uint64_t hash, enum dns_type type, const char *name)
{
    struct entry *entry = *bucket_of(c, hash);

    while (entry != NULL &&
           (entry->hash != hash || entry->type != type || strcmp(entry->name, name) != 0))
        entry = entry->next_in_bucket;
    return entry;
}

static void
unlink_use(struct dns_cache *c, struct entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &c->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &c->oldest) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void
link_newest(struct dns_cache *c, struct entry *entry)
{
    entry->older = c->newest;
    entry->newer = NULL;
    *(c->newest != NULL ? &c->newest->newer : &c->oldest) = entry;
    c->newest = entry;
}

static struct entry *
add_entry(struct dns_cache *c, uint64_t hash, enum dns_type type, const char *name)
{
    struct entry *entry = xcalloc(1, sizeof(*entry));
    struct entry **bucket = bucket_of(c, hash);

    entry->hash = hash;
    entry->type = type;
    entry->name = xstrdup(name);
    entry->next_in_bucket = *bucket;
    arena_init(&entry->mem, CACHE_MAX_ANSWER_BYTES);
    *bucket = entry;
    c->stats.entries++;
    return entry;
}

static void
free_entry(struct entry *entry)
{
    arena_fini(&entry->mem);
    free(entry->name);
    free(entry);
}

/* Not in the air, and nobody waits. */
static void
remove_entry(struct dns_cache *c, struct entry *entry)
{
    struct entry **link = bucket_of(c, entry->hash);

    while (*link != entry)
        link = &(*link)->next_in_bucket;
    *link = entry->next_in_bucket;
    unlink_use(c, entry);
    c->stats.entries--;
    c->stats.bytes -= entry->bytes;
    free_entry(entry);
}

static void
shrink(struct dns_cache *c)
{
    struct entry *entry = c->oldest;

    while (entry != NULL && c->stats.bytes > c->settings.max_bytes) {
        struct entry *newer = entry->newer;

        if (entry->waiters == 0)
            remove_entry(c, entry);
        entry = newer;
    }
}

static void
forget_answer(struct dns_cache *c, struct entry *entry)
{
    unlink_use(c, entry);
    c->stats.bytes -= entry->bytes;
    arena_fini(&entry->mem);
    entry->bytes = 0;
    entry->answer = NULL;
    entry->state = ENTRY_IN_THE_AIR;
}

/* ---- asking */

static bool
is_usable(const struct entry *entry, int64_t now)
{
    return entry->state != ENTRY_IN_THE_AIR && entry->expires_mono_ms > now;
}

static or_status
hand_out(struct dns_cache *c, struct entry *entry, struct arena *mem,
         const struct dns_answer **answer_out, struct err *e)
{
    struct dns_answer *copy;

    unlink_use(c, entry);
    link_newest(c, entry);
    if (entry->state == ENTRY_FAILURE)
        return err_set(e, entry->failure, "%s", entry->why.text);
    or_status st = copy_answer(mem, entry->type, entry->answer, &copy);
    if (st != OR_OK)
        return err_set(e, st, "%s: no memory left for this request", entry->name);
    int64_t age_s = (clock_mono_ms() - entry->stored_mono_ms) / 1000;
    copy->ttl_s = copy->ttl_s > age_s ? copy->ttl_s - (uint32_t)age_s : 0;
    *answer_out = copy;
    return OR_OK;
}

/* How long a failure is kept. A leader that ran out of its own time says nothing about the server,
 * and a question that cannot be asked costs nothing: neither is kept. */
static int64_t
keep_failure_ms(const struct dns_cache *c, or_status st, bool out_of_time)
{
    if (out_of_time || (st != OR_TEMPFAIL && st != OR_TIMEOUT))
        return 0;
    return (int64_t)c->settings.failure_ttl_s * 1000;
}

static int64_t
keep_answer_ms(const struct dns_cache *c, const struct dns_answer *answer)
{
    uint32_t ttl_s = answer->ttl_s;

    if (ttl_s > c->settings.max_ttl_s)
        ttl_s = c->settings.max_ttl_s;
    return (int64_t)ttl_s * 1000;
}

/* Ends a flight: `answer` is NULL for a failure. */
static void
land(struct dns_cache *c, struct entry *entry, or_status st, const struct dns_answer *answer,
     const struct err *why)
{
    struct dns_answer *copy = NULL;

    if (answer != NULL)
        st = copy_answer(&entry->mem, entry->type, answer, &copy);
    entry->state = copy != NULL && st == OR_OK ? ENTRY_ANSWER : ENTRY_FAILURE;
    entry->answer = copy;
    entry->failure = st;
    entry->why = *why;
    entry->bytes = CACHE_ENTRY_BYTES + sizeof(*entry) + strlen(entry->name) + entry->mem.used_bytes;
    c->stats.bytes += entry->bytes;
    link_newest(c, entry);
}

/* The leader's way: ask without the lock, then tell. */
static or_status
lead(struct dns_cache *c, struct entry *entry, int64_t deadline_mono_ms, struct arena *mem,
     const struct dns_answer **answer_out, struct err *e)
{
    const struct dns_answer *answer = NULL;
    struct err why = {""};

    lock_drop(&c->lock);
    or_status st = dns_query(c->upstream, entry->type, span_cstr(entry->name), deadline_mono_ms,
                             mem, &answer, &why);
    int64_t now = clock_mono_ms();
    lock_take(&c->lock);
    int64_t keep =
        st == OR_OK ? keep_answer_ms(c, answer) : keep_failure_ms(c, st, now >= deadline_mono_ms);
    land(c, entry, st, st == OR_OK ? answer : NULL, &why);
    entry->stored_mono_ms = now;
    entry->expires_mono_ms = now + keep;
    if (entry->waiters != 0)
        pthread_cond_broadcast(&c->landed);
    else if (keep == 0)
        remove_entry(c, entry);
    shrink(c);
    if (st != OR_OK)
        return err_set(e, st, "%s", why.text);
    *answer_out = answer;
    return OR_OK;
}

/* Whether what the leader came to is no result for somebody with time left: its own time or memory
 * ran out. */
static bool
is_leaders_own_failure(const struct entry *entry, int64_t deadline_mono_ms)
{
    return entry->state == ENTRY_FAILURE && clock_mono_ms() < deadline_mono_ms &&
           (entry->failure == OR_LIMIT || entry->failure == OR_TIMEOUT);
}

/* A follower's way: wait for the leader, no longer than its own deadline. OR_CLOSED: there was no
 * result for this one: ask again. */
static or_status
follow(struct dns_cache *c, struct entry *entry, int64_t deadline_mono_ms, struct arena *mem,
       const struct dns_answer **answer_out, struct err *e)
{
    or_status st = OR_CLOSED;

    entry->waiters++;
    c->stats.joined++;
    while (entry->state == ENTRY_IN_THE_AIR && clock_mono_ms() < deadline_mono_ms)
        lock_wait(&c->lock, &c->landed, deadline_mono_ms);
    entry->waiters--;
    if (entry->state == ENTRY_IN_THE_AIR)
        return err_set(e, OR_TIMEOUT, "%s %s: no answer in time", entry->name,
                       dns_type_name(entry->type));
    if (!is_leaders_own_failure(entry, deadline_mono_ms))
        st = hand_out(c, entry, mem, answer_out, e);
    if (entry->waiters == 0 && entry->expires_mono_ms <= clock_mono_ms())
        remove_entry(c, entry);
    return st;
}

static or_status
ask(struct dns_cache *c, enum dns_type type, const char *name, int64_t deadline_mono_ms,
    struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    uint64_t hash = hash_question(c, type, name);

    for (;;) {
        struct entry *entry = find_entry(c, hash, type, name);

        if (entry != NULL && entry->state == ENTRY_IN_THE_AIR) {
            or_status st = follow(c, entry, deadline_mono_ms, mem, answer_out, e);
            if (st != OR_CLOSED)
                return st;
            continue;
        }
        if (entry != NULL && is_usable(entry, clock_mono_ms())) {
            c->stats.hits++;
            return hand_out(c, entry, mem, answer_out, e);
        }
        c->stats.misses++;
        if (entry != NULL)
            forget_answer(c, entry);
        else
            entry = add_entry(c, hash, type, name);
        return lead(c, entry, deadline_mono_ms, mem, answer_out, e);
    }
}

static or_status
cache_query(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
            struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    struct dns_cache *c = (struct dns_cache *)dns;
    char key[CACHE_MAX_NAME_BYTES + 1];

    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n > CACHE_MAX_NAME_BYTES || span_contains_byte(name, '\0'))
        return err_set(e, OR_MALFORMED, "%.*s: name too long or with NUL", SPAN_ARG(name));
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];

        key[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch - 'A' + 'a') : ch;
    }
    key[name.n] = '\0';
    lock_take(&c->lock);
    or_status st = ask(c, type, key, deadline_mono_ms, mem, answer_out, e);
    lock_drop(&c->lock);
    return st;
}

static void
cache_free(struct dns *dns)
{
    struct dns_cache *c = (struct dns_cache *)dns;

    for (struct entry *entry = c->oldest, *newer; entry != NULL; entry = newer) {
        newer = entry->newer;
        free_entry(entry);
    }
    dns_free(c->upstream);
    pthread_cond_destroy(&c->landed);
    lock_fini(&c->lock);
    free(c);
}

struct dns *
dns_cache_new(struct dns *upstream, const struct dns_cache_settings *settings)
{
    static const struct dns_ops ops = {.query = cache_query, .free = cache_free};
    struct dns_cache *c = xcalloc(1, sizeof(*c));

    c->base.ops = &ops;
    c->upstream = upstream;
    c->settings = *settings;
    crypto_random(&c->seed, sizeof(c->seed));
    lock_init(&c->lock, LOCK_DNS_CACHE);
    lock_cond_init(&c->landed);
    return &c->base;
}

void
dns_cache_stats(struct dns *cache, struct dns_cache_stats *stats_out)
{
    struct dns_cache *c = (struct dns_cache *)cache;

    lock_take(&c->lock);
    *stats_out = c->stats;
    lock_drop(&c->lock);
}
