/*
 * The pause is a wait for being stopped.
 */
#include "common/run/ticker.h"

#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct ticker {
    int64_t period_ms;
    void (*tick)(void *context);
    void *context;
    struct lock lock;
    pthread_cond_t wake;
    bool stopping;
    pthread_t thread;
};

static void *
run(void *context)
{
    struct ticker *t = context;

    lock_take(&t->lock);
    while (!t->stopping) {
        lock_drop(&t->lock);
        t->tick(t->context);
        lock_take(&t->lock);
        if (!t->stopping)
            (void)lock_wait(&t->lock, &t->wake, clock_mono_ms() + t->period_ms);
    }
    lock_drop(&t->lock);
    return NULL;
}

struct ticker *
ticker_start(int64_t period_ms, void (*tick)(void *context), void *context)
{
    struct ticker *t = xcalloc(1, sizeof(*t));

    t->period_ms = period_ms;
    t->tick = tick;
    t->context = context;
    lock_init(&t->lock, LOCK_TICKER);
    lock_cond_init(&t->wake);
    int error = pthread_create(&t->thread, NULL, run, t);
    if (error != 0) {
        log_error("no thread to be had: %s", os_error_text(error));
        abort();
    }
    return t;
}

void
ticker_stop(struct ticker *t)
{
    lock_take(&t->lock);
    t->stopping = true;
    pthread_cond_signal(&t->wake);
    lock_drop(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->wake);
    lock_fini(&t->lock);
    free(t);
}
