/*
 * A store that is only read: what a caller wants to write is answered from what is there.
 */
#include "common/base/xalloc.h"
#include "common/run/kvstore_backend.h"
#include "common/run/kvstore_bucket.h"

#include <stdlib.h>

#define NUMBER_BYTES 24

struct reading {
    const struct kvstore_backend *backend;
    void *inner;
};

void *
kvstore_reading_new(const struct kvstore_backend *backend, void *inner)
{
    struct reading *r = xcalloc(1, sizeof(*r));

    r->backend = backend;
    r->inner = inner;
    return r;
}

static void
reading_close(void *self)
{
    struct reading *r = self;

    r->backend->close(r->inner);
    free(r);
}

static or_status
reading_get(void *self, struct span key, struct arena *mem, struct span *value_out, struct err *e)
{
    struct reading *r = self;

    return r->backend->get(r->inner, key, mem, value_out, e);
}

static or_status
reading_put(void *self, const struct kvstore_item *item, struct err *e)
{
    (void)self;
    (void)item;
    (void)e;
    return OR_OK;
}

static or_status
reading_remove(void *self, struct span key, struct err *e)
{
    (void)self;
    (void)key;
    (void)e;
    return OR_OK;
}

static or_status
reading_add(void *self, const struct kvstore_item *item, bool *made_out, struct err *e)
{
    struct span ignored;
    struct arena mem;

    arena_init(&mem, (size_t)KVSTORE_MAX_VALUE_BYTES * 2);
    or_status st = reading_get(self, item->key, &mem, &ignored, e);
    arena_fini(&mem);
    if (st != OR_OK && st != OR_ABSENT)
        return st;
    *made_out = st == OR_ABSENT;
    return OR_OK;
}

/* 0 for a key that there is none of; OR_MALFORMED: no number. */
static or_status
read_number(struct reading *r, struct span key, int64_t *number_out, struct err *e)
{
    struct span value;
    struct arena mem;
    char *end = NULL;

    *number_out = 0;
    arena_init(&mem, (size_t)KVSTORE_MAX_VALUE_BYTES * 2);
    or_status st = reading_get(r, key, &mem, &value, e);
    if (st == OR_OK) {
        *number_out = strtoll(value.p, &end, 10); /* get() puts a NUL behind */
        if (value.n == 0 || value.n >= NUMBER_BYTES || *end != '\0')
            st = err_set(e, OR_MALFORMED, "the key holds no number");
    }
    arena_fini(&mem);
    return st == OR_ABSENT ? OR_OK : st;
}

static or_status
reading_count(void *self, const struct kvstore_counter *counter, int64_t *value_out, struct err *e)
{
    int64_t before;
    or_status st = read_number(self, counter->key, &before, e);

    if (st == OR_OK)
        *value_out = before + counter->by;
    return st;
}

static or_status
reading_take(void *self, const struct kvstore_take *take, struct kvstore_taken *taken_out,
             struct err *e)
{
    struct kvstore_taken taken = {.granted = true};
    int64_t longest_us = 0;

    for (size_t i = 0; i < take->count; i++) {
        int64_t full_at_us, wait_us;
        or_status st = read_number(self, take->buckets[i].key, &full_at_us, e);

        if (st == OR_MALFORMED)
            full_at_us = 0; /* as if never used, like the backends */
        else if (st != OR_OK)
            return st;
        (void)kvstore_bucket_spend(&take->buckets[i], take->now_us, full_at_us, &wait_us);
        if (wait_us > longest_us) {
            longest_us = wait_us;
            taken.refused = i;
        }
    }
    taken.granted = longest_us == 0;
    taken.wait_ms = (longest_us + 999) / 1000;
    *taken_out = taken;
    return OR_OK;
}

static or_status
reading_each(void *self, const struct kvstore_walk *walk, struct err *e)
{
    struct reading *r = self;

    return r->backend->each(r->inner, walk, e);
}

const struct kvstore_backend kvstore_reading = {
    .scheme = "", /* never named in an address */
    .close = reading_close,
    .get = reading_get,
    .put = reading_put,
    .add = reading_add,
    .remove = reading_remove,
    .count = reading_count,
    .take = reading_take,
    .each = reading_each,
};
