/*
 * What both backends share: which one it is, limits, and what happens while the store is gone.
 */
#include "common/run/kvstore.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/run/kvstore_backend.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MS 1000 /* after a failure: nobody waits for a store that is known to be gone */
#define WARNING_EVERY_MS 60000
#define MAX_TTL_S ((int64_t)3653 * 86400) /* ten years */
#define MAX_LIMIT 1000000000
#define MAX_COST 1000000
#define MAX_WINDOW_MS ((int64_t)31 * 86400 * 1000)

struct kvstore {
    const struct kvstore_backend *backend;
    void *self;
    char *address;
    atomic_bool down;
    _Atomic int64_t paused_until_ms; /* monotonic */
    _Atomic int64_t next_warning_ms; /* monotonic */
};

static const struct kvstore_backend *const backends[] = {&kvstore_sqlite, &kvstore_redis};

/* "sqlite:/path": the backend, and the address without the scheme. */
static const struct kvstore_backend *
find_backend(const char *address, const char **rest_out)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        size_t n = strlen(backends[i]->scheme);

        if (strncmp(address, backends[i]->scheme, n) != 0 || address[n] != ':')
            continue;
        *rest_out = address + n + 1;
        return backends[i];
    }
    return NULL;
}

or_status
kvstore_open(const struct kvstore_settings *settings, struct kvstore **store_out, struct err *e)
{
    const char *rest = NULL;
    const struct kvstore_backend *backend = find_backend(settings->address, &rest);
    void *self = NULL;

    if (backend == NULL)
        return err_set(e, OR_CONFIG,
                       "\"%s\" is no store; write \"sqlite:/path\", \"redis:unix:/path\" or "
                       "\"redis:inet:127.0.0.1:6379\"",
                       settings->address);
    or_status st = backend->open(rest, settings, &self, e);
    if (st != OR_OK)
        return st;
    struct kvstore *store = xcalloc(1, sizeof(*store));
    store->backend = settings->read_only ? &kvstore_reading : backend;
    store->self = settings->read_only ? kvstore_reading_new(backend, self) : self;
    store->address = xstrdup(settings->address);
    *store_out = store;
    return OR_OK;
}

bool
kvstore_is_read_only(const struct kvstore *store)
{
    return store->backend == &kvstore_reading;
}

void
kvstore_close(struct kvstore *store)
{
    if (store == NULL)
        return;
    store->backend->close(store->self);
    free(store->address);
    free(store);
}

bool
kvstore_is_up(const struct kvstore *store)
{
    return !atomic_load(&store->down);
}

/* ---- while the store is gone */

static or_status
enter(struct kvstore *store, struct err *e)
{
    if (clock_mono_ms() >= atomic_load(&store->paused_until_ms))
        return OR_OK;
    return err_set(e, OR_TEMPFAIL, "%s: was not there a moment ago", store->address);
}

/* One thread of many says it: the one whose exchange of the time succeeds. */
static void
warn_now_and_then(struct kvstore *store, const struct err *e)
{
    int64_t now = clock_mono_ms();
    int64_t next = atomic_load(&store->next_warning_ms);

    if (now >= next &&
        atomic_compare_exchange_strong(&store->next_warning_ms, &next, now + WARNING_EVERY_MS))
        log_warning("state store %s: %s; what needs it is left out until it is back",
                    store->address, e->text);
}

/* The last step of every call. Only what says that the store cannot be asked counts: an absent key
 * is an answer. */
static or_status
leave(struct kvstore *store, or_status st, struct err *e)
{
    if (st == OR_TEMPFAIL) {
        atomic_store(&store->down, true);
        atomic_store(&store->paused_until_ms, clock_mono_ms() + PAUSE_MS);
        warn_now_and_then(store, e);
    } else if (atomic_load(&store->down) && atomic_exchange(&store->down, false)) {
        log_info("state store %s: back", store->address);
        atomic_store(&store->next_warning_ms, 0);
    }
    return st;
}

/* ---- limits */

static or_status
check_key(struct span key, struct err *e)
{
    if (key.n == 0 || key.n > KVSTORE_MAX_KEY_BYTES)
        return err_set(e, OR_LIMIT, "a key of %zu bytes; 1 to %d are allowed", key.n,
                       KVSTORE_MAX_KEY_BYTES);
    return OR_OK;
}

static or_status
check_ttl(int64_t ttl_s, struct err *e)
{
    if (ttl_s <= 0 || ttl_s > MAX_TTL_S)
        return err_set(e, OR_LIMIT, "an expiry of %lld seconds; 1 to %lld are allowed",
                       (long long)ttl_s, (long long)MAX_TTL_S);
    return OR_OK;
}

static or_status
check_item(const struct kvstore_item *item, struct err *e)
{
    if (item->value.n > KVSTORE_MAX_VALUE_BYTES)
        return err_set(e, OR_LIMIT, "a value of %zu bytes; at most %d are allowed", item->value.n,
                       KVSTORE_MAX_VALUE_BYTES);
    or_status st = check_ttl(item->ttl_s, e);
    return st == OR_OK ? check_key(item->key, e) : st;
}

static or_status
check_bucket(const struct kvstore_bucket *b, struct err *e)
{
    if (b->limit < 1 || b->limit > MAX_LIMIT || b->window_ms < 1 || b->window_ms > MAX_WINDOW_MS ||
        b->cost < 0 || b->cost > MAX_COST)
        return err_set(e, OR_LIMIT, "%lld tokens of %lld in %lld ms are out of range",
                       (long long)b->cost, (long long)b->limit, (long long)b->window_ms);
    return check_key(b->key, e);
}

/* ---- calls */

or_status
kvstore_get(struct kvstore *store, struct span key, struct arena *mem, struct span *value_out,
            struct err *e)
{
    or_status st = check_key(key, e);

    if (st == OR_OK)
        st = enter(store, e);
    if (st != OR_OK)
        return st;
    return leave(store, store->backend->get(store->self, key, mem, value_out, e), e);
}

or_status
kvstore_put(struct kvstore *store, struct span key, struct span value, int64_t ttl_s, struct err *e)
{
    struct kvstore_item item = {.key = key, .value = value, .ttl_s = ttl_s};
    or_status st = check_item(&item, e);

    if (st == OR_OK)
        st = enter(store, e);
    if (st != OR_OK)
        return st;
    return leave(store, store->backend->put(store->self, &item, e), e);
}

or_status
kvstore_add(struct kvstore *store, const struct kvstore_item *item, bool *made_out, struct err *e)
{
    or_status st = check_item(item, e);

    if (st == OR_OK)
        st = enter(store, e);
    if (st != OR_OK)
        return st;
    return leave(store, store->backend->add(store->self, item, made_out, e), e);
}

or_status
kvstore_remove(struct kvstore *store, struct span key, struct err *e)
{
    or_status st = check_key(key, e);

    if (st == OR_OK)
        st = enter(store, e);
    if (st != OR_OK)
        return st;
    return leave(store, store->backend->remove(store->self, key, e), e);
}

or_status
kvstore_count(struct kvstore *store, const struct kvstore_counter *counter, int64_t *value_out,
              struct err *e)
{
    or_status st = check_ttl(counter->ttl_s, e);

    if (st == OR_OK)
        st = check_key(counter->key, e);
    if (st == OR_OK)
        st = enter(store, e);
    if (st != OR_OK)
        return st;
    return leave(store, store->backend->count(store->self, counter, value_out, e), e);
}

or_status
kvstore_take(struct kvstore *store, const struct kvstore_bucket *buckets, size_t count,
             int64_t now_ms, struct kvstore_taken *taken_out, struct err *e)
{
    struct kvstore_take take = {.buckets = buckets, .count = count, .now_us = now_ms * 1000};

    if (count > KVSTORE_MAX_BUCKETS)
        return err_set(e, OR_LIMIT, "%zu buckets at once; at most %d are allowed", count,
                       KVSTORE_MAX_BUCKETS);
    for (size_t i = 0; i < count; i++) {
        or_status st = check_bucket(&buckets[i], e);

        if (st != OR_OK)
            return st;
    }
    *taken_out = (struct kvstore_taken){.granted = true};
    if (count == 0)
        return OR_OK;
    or_status st = enter(store, e);
    if (st != OR_OK)
        return st;
    return leave(store, store->backend->take(store->self, &take, taken_out, e), e);
}

or_status
kvstore_each(struct kvstore *store, struct span prefix, kvstore_visit visit, void *context,
             struct err *e)
{
    struct kvstore_walk walk = {.prefix = prefix, .visit = visit, .context = context};
    or_status st = check_key(prefix, e);

    if (st == OR_OK)
        st = enter(store, e);
    if (st != OR_OK)
        return st;
    return leave(store, store->backend->each(store->self, &walk, e), e);
}
