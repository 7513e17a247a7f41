/*
 * The arithmetic of a token bucket as one number: the time at which the bucket would be full again
 * (the "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371). Redis runs the
 * same steps in Lua (kvstore_redis.c).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_RUN_KVSTORE_BUCKET_H
#define OUTRIDER_COMMON_RUN_KVSTORE_BUCKET_H

#include "common/run/kvstore.h"

/* Takes the bucket's cost at `now_us` from a bucket that was going to be full at `full_at_us` (0:
 * never used). Gives the new value, and how long until the cost could be had: 0 when it can now. */
int64_t kvstore_bucket_spend(const struct kvstore_bucket *bucket, int64_t now_us,
                             int64_t full_at_us, int64_t *wait_us_out);

/* Microseconds for one token to come back. */
int64_t kvstore_bucket_step_us(const struct kvstore_bucket *bucket);

#endif
