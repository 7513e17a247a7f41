/*
 * Now. Everything that needs the time is handed it by a session that asked here.
 */
#include "common/base/clock.h"

#include <stdatomic.h>

static _Atomic time_t clock_frozen;

time_t
clock_now(void)
{
    return clock_now_precise().tv_sec;
}

struct timespec
clock_now_precise(void)
{
    struct timespec ts = {.tv_sec = atomic_load_explicit(&clock_frozen, memory_order_relaxed)};

    if (ts.tv_sec == 0)
        clock_gettime(CLOCK_REALTIME, &ts);
    return ts;
}

int64_t
clock_mono_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_mono_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void
clock_fake(time_t now)
{
    atomic_store(&clock_frozen, now);
}
