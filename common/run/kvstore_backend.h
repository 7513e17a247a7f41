/*
 * What a backend of kvstore.h implements. Sizes, times and counts were checked; failures to reach
 * the store are OR_TEMPFAIL. Meaning of each call: kvstore.h.
 *
 * Threads: locked by each backend.
 */
#ifndef OUTRIDER_COMMON_RUN_KVSTORE_BACKEND_H
#define OUTRIDER_COMMON_RUN_KVSTORE_BACKEND_H

#include "common/run/kvstore.h"

struct kvstore_take {
    const struct kvstore_bucket *buckets;
    size_t count;
    int64_t now_us;
};

struct kvstore_walk {
    struct span prefix;
    kvstore_visit visit;
    void *context;
};

struct kvstore_backend {
    const char *scheme; /* "sqlite" */
    or_status (*open)(const char *address, const struct kvstore_settings *settings, void **out,
                      struct err *e);
    void (*close)(void *self);
    or_status (*get)(void *self, struct span key, struct arena *mem, struct span *value_out,
                     struct err *e);
    or_status (*put)(void *self, const struct kvstore_item *item, struct err *e);
    or_status (*add)(void *self, const struct kvstore_item *item, bool *made_out, struct err *e);
    or_status (*remove)(void *self, struct span key, struct err *e);
    or_status (*count)(void *self, const struct kvstore_counter *counter, int64_t *value_out,
                       struct err *e);
    or_status (*take)(void *self, const struct kvstore_take *take, struct kvstore_taken *taken_out,
                      struct err *e);
    or_status (*each)(void *self, const struct kvstore_walk *walk, struct err *e);
};

/* kvstore_settings.read_only: a backend that passes reading on to another and makes up the answers
 * to writing. kvstore_reading_new() takes `inner`, opened by `backend`, over. */
extern const struct kvstore_backend kvstore_reading;
void *kvstore_reading_new(const struct kvstore_backend *backend, void *inner);

extern const struct kvstore_backend kvstore_sqlite;
extern const struct kvstore_backend kvstore_redis;

#endif
