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
#include "common/dns/dns_answer.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_BUCKETS 4096
#define CACHE_MAX_NAME_BYTES 1024     /* dns_packet.h: a name as text, every byte escaped */
#define CACHE_MALLOC_BYTES 16         /* what malloc() adds to a block */
#define CACHE_MAX_ANSWER_BYTES 131072 /* larger answers are handed on, not kept */
/* Silence of this length is the servers' fault, whatever deadline ended it. */
#define CACHE_FAIR_WAIT_MS 2000

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
    char *why;                 /* of a failure */
    struct dns_answer *answer; /* one block (dns_answer.h) */
    size_t bytes;              /* all of the above; 0 in the air */
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
    *bucket = entry;
    c->stats.entries++;
    return entry;
}

static void
free_entry(struct entry *entry)
{
    free(entry->answer);
    free(entry->why);
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
    free(entry->answer);
    free(entry->why);
    entry->answer = NULL;
    entry->why = NULL;
    entry->bytes = 0;
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
    unlink_use(c, entry);
    link_newest(c, entry);
    if (entry->state == ENTRY_FAILURE)
        return err_set(e, entry->failure, "%s", entry->why);
    void *block = arena_alloc(mem, dns_answer_bytes(entry->type, entry->answer));
    if (block == NULL)
        return err_set(e, OR_LIMIT, "%s: no memory left for this request", entry->name);
    struct dns_answer *copy = dns_answer_copy(entry->type, entry->answer, block);
    int64_t age_s = (clock_mono_ms() - entry->stored_mono_ms) / 1000;
    copy->ttl_s = copy->ttl_s > age_s ? copy->ttl_s - (uint32_t)age_s : 0;
    *answer_out = copy;
    return OR_OK;
}

/* What a leader brings back. */
struct flight {
    or_status st;
    const struct dns_answer *answer; /* OR_OK only */
    struct err why;
    int64_t began_mono_ms, landed_mono_ms, deadline_mono_ms;
};

/* How long a failure is kept. A leader with little time of its own that ran out of it says nothing
 * about the servers, and a question that cannot be asked costs nothing: neither is kept. */
static int64_t
keep_failure_ms(const struct dns_cache *c, const struct flight *f)
{
    bool out_of_time = f->landed_mono_ms >= f->deadline_mono_ms &&
                       f->landed_mono_ms - f->began_mono_ms < CACHE_FAIR_WAIT_MS;

    if (out_of_time || (f->st != OR_TEMPFAIL && f->st != OR_TIMEOUT))
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

/* Ends a flight. Followers of an answer too large to keep find OR_LIMIT and ask for themselves. */
static void
land(struct dns_cache *c, struct entry *entry, const struct flight *f)
{
    size_t bytes = f->st == OR_OK ? dns_answer_bytes(entry->type, f->answer) : 0;
    int64_t keep_ms = 0;

    if (f->st == OR_OK && bytes <= CACHE_MAX_ANSWER_BYTES) {
        entry->state = ENTRY_ANSWER;
        entry->answer = dns_answer_copy(entry->type, f->answer, xmalloc(bytes));
        keep_ms = keep_answer_ms(c, f->answer);
    } else {
        entry->state = ENTRY_FAILURE;
        entry->failure = f->st == OR_OK ? OR_LIMIT : f->st;
        entry->why = xstrdup(f->st == OR_OK ? "answer too large to keep" : f->why.text);
        keep_ms = keep_failure_ms(c, f);
        bytes = strlen(entry->why) + 1;
    }
    entry->stored_mono_ms = f->landed_mono_ms;
    entry->expires_mono_ms = f->landed_mono_ms + keep_ms;
    entry->bytes = bytes + sizeof(*entry) + strlen(entry->name) + 1 + 3 * CACHE_MALLOC_BYTES;
    c->stats.bytes += entry->bytes;
    link_newest(c, entry);
}

/* The leader's way: ask without the lock, then tell. */
static or_status
lead(struct dns_cache *c, struct entry *entry, int64_t deadline_mono_ms, struct arena *mem,
     const struct dns_answer **answer_out, struct err *e)
{
    struct flight f = {.deadline_mono_ms = deadline_mono_ms, .began_mono_ms = clock_mono_ms()};

    lock_drop(&c->lock);
    f.st = dns_query(c->upstream, entry->type, span_cstr(entry->name), deadline_mono_ms, mem,
                     &f.answer, &f.why);
    f.landed_mono_ms = clock_mono_ms();
    lock_take(&c->lock);
    land(c, entry, &f);
    if (entry->waiters != 0)
        pthread_cond_broadcast(&c->landed);
    else if (entry->expires_mono_ms <= f.landed_mono_ms)
        remove_entry(c, entry);
    shrink(c);
    if (f.st != OR_OK)
        return err_set(e, f.st, "%s", f.why.text);
    *answer_out = f.answer;
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

/* The name as entries have it. An escaped dot is no final one. */
static or_status
make_key(struct span name, char key[CACHE_MAX_NAME_BYTES + 1], struct err *e)
{
    if (name.n > 0 && name.p[name.n - 1] == '.' && (name.n == 1 || name.p[name.n - 2] != '\\'))
        name.n--;
    if (name.n > CACHE_MAX_NAME_BYTES || span_contains_byte(name, '\0')) {
        (void)err_set(e, OR_MALFORMED, "%.*s: name too long or with NUL", SPAN_ARG(name));
        return OR_MALFORMED;
    }
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];

        key[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch - 'A' + 'a') : ch;
    }
    key[name.n] = '\0';
    return OR_OK;
}

static or_status
cache_query(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
            struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    struct dns_cache *c = (struct dns_cache *)dns;
    char key[CACHE_MAX_NAME_BYTES + 1];
    or_status st = make_key(name, key, e);

    if (st != OR_OK)
        return st;
    lock_take(&c->lock);
    st = ask(c, type, key, deadline_mono_ms, mem, answer_out, e);
    lock_drop(&c->lock);
    return st;
}

static bool
cache_is_at_hand(struct dns *dns, enum dns_type type, struct span name)
{
    struct dns_cache *c = (struct dns_cache *)dns;
    char key[CACHE_MAX_NAME_BYTES + 1];

    if (make_key(name, key, NULL) != OR_OK)
        return false;
    lock_take(&c->lock);
    const struct entry *entry = find_entry(c, hash_question(c, type, key), type, key);
    bool at_hand =
        entry != NULL && (entry->state == ENTRY_IN_THE_AIR || is_usable(entry, clock_mono_ms()));
    lock_drop(&c->lock);
    return at_hand;
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
    static const struct dns_ops ops = {
        .query = cache_query, .free = cache_free, .is_at_hand = cache_is_at_hand};
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
