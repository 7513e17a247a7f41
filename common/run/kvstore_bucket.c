/*
 * A bucket with `limit` tokens is empty when it will take the whole window to fill again.
 */
#include "common/run/kvstore_bucket.h"

int64_t
kvstore_bucket_step_us(const struct kvstore_bucket *bucket)
{
    return bucket->window_ms * 1000 / bucket->limit;
}

int64_t
kvstore_bucket_spend(const struct kvstore_bucket *bucket, int64_t now_us, int64_t full_at_us,
                     int64_t *wait_us_out)
{
    int64_t step_us = kvstore_bucket_step_us(bucket);
    /* Whole steps, so that exactly `limit` tokens fit whatever the division left over. */
    int64_t window_us = step_us * bucket->limit;
    int64_t from_us = full_at_us > now_us ? full_at_us : now_us;

    /* A clock that was set back must not leave a bucket empty for longer than its window. */
    if (from_us > now_us + window_us)
        from_us = now_us + window_us;
    int64_t full_us = from_us + step_us * bucket->cost;
    int64_t wait_us = full_us - window_us - now_us;
    *wait_us_out = wait_us > 0 ? wait_us : 0;
    return full_us;
}
