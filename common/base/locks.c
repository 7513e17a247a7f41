/*
 * Ranked mutexes. The order check is per thread and only in builds with assertions.
 */
#include "common/base/locks.h"

#include <assert.h>
#include <time.h>

#ifndef NDEBUG
/* Bit r set: this thread holds a lock of rank r. */
static _Thread_local unsigned lock_held;

static void
note_taken(enum lock_rank rank)
{
    /* Taking a rank at or below one already held is how deadlocks begin. */
    assert(lock_held >> rank == 0);
    lock_held |= 1u << rank;
}

static void
note_dropped(enum lock_rank rank)
{
    assert((lock_held & 1u << rank) != 0);
    lock_held &= ~(1u << rank);
}
#else
static void
note_taken(enum lock_rank rank)
{
    (void)rank;
}

static void
note_dropped(enum lock_rank rank)
{
    (void)rank;
}
#endif

void
lock_init(struct lock *l, enum lock_rank rank)
{
    pthread_mutex_init(&l->mutex, NULL);
    l->rank = rank;
}

void
lock_fini(struct lock *l)
{
    pthread_mutex_destroy(&l->mutex);
}

void
lock_take(struct lock *l)
{
    note_taken(l->rank);
    pthread_mutex_lock(&l->mutex);
}

void
lock_drop(struct lock *l)
{
    /* Nothing touches *l after the unlock: who takes it next may be the one to free it. */
    note_dropped(l->rank);
    pthread_mutex_unlock(&l->mutex);
}

int
lock_wait(struct lock *l, pthread_cond_t *cond, int64_t deadline_mono_ms)
{
    struct timespec until = {
        .tv_sec = (time_t)(deadline_mono_ms / 1000),
        .tv_nsec = (long)(deadline_mono_ms % 1000) * 1000000,
    };

    return pthread_cond_timedwait(cond, &l->mutex, &until);
}

void
lock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}
