/*
 * The state store: keys with a value and an expiry, counters, token buckets. One SQLite file for
 * one machine, Redis (or Valkey) for several that must agree; both behave the same.
 *
 * What is kept here may be lost without losing mail: SQLite writes survive the daemon's death, but
 * the last ones not a power cut. A store that cannot be asked gives OR_TEMPFAIL; while that lasts
 * calls fail at once for a second at a time instead of each waiting, and the log says so once a
 * minute and when it is over.
 *
 * Keys and values are bytes; each user puts its own prefix before its keys ("grey/", "rate/").
 *
 * Threads: locked. The one lock that is held across disk (SQLite); never across the network.
 */
#ifndef OUTRIDER_COMMON_RUN_KVSTORE_H
#define OUTRIDER_COMMON_RUN_KVSTORE_H

#include "common/base/arena.h"

#define KVSTORE_MAX_KEY_BYTES 1024
#define KVSTORE_MAX_VALUE_BYTES 65536
#define KVSTORE_MAX_BUCKETS 16

struct kvstore;

struct kvstore_settings {
    const char *address;       /* "sqlite:/path", "redis:unix:/path", "redis:inet:127.0.0.1:6379" */
    const char *password_file; /* Redis: its first line is the password; NULL or empty: none */
    int64_t timeout_ms; /* one call: connecting, asking, waiting for another process's lock */
    /* Nothing is made or written: calls answer as if they had. For trying things out beside a
     * daemon; what is "written" is not read back. */
    bool read_only;
};

/* OR_CONFIG: the address, the password file or the database file cannot be used. A Redis that is
 * not there yet is no error: calls fail until it is. OR_ABSENT: read_only, and there is no database
 * file. */
or_status kvstore_open(const struct kvstore_settings *settings, struct kvstore **store_out,
                       struct err *e) OR_MUST_USE;
void kvstore_close(struct kvstore *store); /* NULL is allowed; nobody may be inside a call */

/* All calls: OR_LIMIT for a key, value or expiry past its ceiling, OR_TEMPFAIL when the store
 * cannot be asked. ttl_s > 0: seconds until the key is gone. */

/* OR_ABSENT when there is none, or none any more. A counter's value is its decimal digits. */
or_status kvstore_get(struct kvstore *store, struct span key, struct arena *mem,
                      struct span *value_out, struct err *e) OR_MUST_USE;
/* Makes or overwrites. */
or_status kvstore_put(struct kvstore *store, struct span key, struct span value, int64_t ttl_s,
                      struct err *e) OR_MUST_USE;
/* Makes the key unless it is there; of several callers at once exactly one hears *made_out = true.
 */
struct kvstore_item {
    struct span key, value;
    int64_t ttl_s;
};
or_status kvstore_add(struct kvstore *store, const struct kvstore_item *item, bool *made_out,
                      struct err *e) OR_MUST_USE;
/* OR_OK also when there was none. */
or_status kvstore_remove(struct kvstore *store, struct span key, struct err *e) OR_MUST_USE;

/* Adds `by` to a counter and gives its new value. A counter that was not there starts at 0 and
 * lives ttl_s from then on (a fixed window). OR_MALFORMED: the key holds no number. */
struct kvstore_counter {
    struct span key;
    int64_t by;
    int64_t ttl_s;
};
or_status kvstore_count(struct kvstore *store, const struct kvstore_counter *counter,
                        int64_t *value_out, struct err *e) OR_MUST_USE;

/* A token bucket: `limit` tokens, all there at the start, coming back evenly over `window_ms`. */
struct kvstore_bucket {
    struct span key;
    int64_t limit;     /* 1 to 10^9 */
    int64_t window_ms; /* 1 to 31 days */
    int64_t cost;      /* tokens wanted, 0 to 10^6; more than `limit` never come */
};
struct kvstore_taken {
    bool granted;
    size_t refused;  /* index of the bucket that makes the caller wait longest */
    int64_t wait_ms; /* until that one could grant; 0 when granted */
};
/* Takes from all buckets or from none. `now_ms` is wall-clock time: hosts that share a store must
 * agree on it within their windows. */
or_status kvstore_take(struct kvstore *store, const struct kvstore_bucket *buckets, size_t count,
                       int64_t now_ms, struct kvstore_taken *taken_out, struct err *e) OR_MUST_USE;

/* Calls `visit` for every key with that prefix; false ends the walk. In no order with Redis; what
 * changes meanwhile may be missed. `visit` must not call the store. */
typedef bool (*kvstore_visit)(void *context, struct span key, struct span value);
or_status kvstore_each(struct kvstore *store, struct span prefix, kvstore_visit visit,
                       void *context, struct err *e) OR_MUST_USE;

/* Opened with read_only: what callers are told has happened has not. */
bool kvstore_is_read_only(const struct kvstore *store);

/* Whether the last call could be answered. */
bool kvstore_is_up(const struct kvstore *store);

#endif
