/*
 * A ring of names and the threads that take from it.
 */
#include "milter/milter_prefetch.h"

#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"
#include "common/text/domain.h"
#include "milter/milter_build.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES (2 * DOMAIN_MAX_BYTES) /* longer ones cannot be asked for */
#define ANSWER_BYTES ((size_t)256 * 1024) /* arena of one look-up */
#define WAIT_MS 3600000

struct job {
    const struct daemon_snapshot *snapshot; /* keeps the resolver alive */
    int64_t deadline_mono_ms;
    char name[NAME_BYTES];
};

struct milter_prefetch {
    struct daemon *daemon;
    struct lock lock;
    pthread_cond_t work;
    struct job jobs[MILTER_PREFETCH_MAX_JOBS];
    size_t first, count;
    pthread_t threads[MILTER_PREFETCH_MAX_THREADS];
    size_t thread_count, idle_count;
    bool stopping;
};

struct milter_prefetch *
milter_prefetch_new(void)
{
    struct milter_prefetch *p = xcalloc(1, sizeof(*p));

    p->stopping = true;
    lock_init(&p->lock, LOCK_PREFETCH);
    lock_cond_init(&p->work);
    return p;
}

void
milter_prefetch_start(struct milter_prefetch *prefetch, struct daemon *d)
{
    lock_take(&prefetch->lock);
    prefetch->daemon = d;
    prefetch->stopping = false;
    lock_drop(&prefetch->lock);
}

/* The answer goes into the cache; what it is does not matter here. */
static void
look_up(struct milter_prefetch *p, const struct job *job)
{
    const struct milter_built *built = job->snapshot->built;
    const struct dns_answer *answer;
    struct arena mem;
    struct err e;

    arena_init(&mem, ANSWER_BYTES);
    (void)!dns_query(built->dns, DNS_TXT, span_cstr(job->name), job->deadline_mono_ms, &mem,
                     &answer, &e);
    arena_fini(&mem);
    daemon_snapshot_drop(p->daemon, job->snapshot);
}

/* The next job; false at the end. */
static bool
take_job(struct milter_prefetch *p, struct job *job_out)
{
    lock_take(&p->lock);
    p->idle_count++;
    while (p->count == 0 && !p->stopping)
        (void)lock_wait(&p->lock, &p->work, clock_mono_ms() + WAIT_MS);
    p->idle_count--;
    bool found = !p->stopping;
    if (found) {
        *job_out = p->jobs[p->first];
        p->first = (p->first + 1) % MILTER_PREFETCH_MAX_JOBS;
        p->count--;
    }
    lock_drop(&p->lock);
    return found;
}

static void *
run(void *arg)
{
    struct milter_prefetch *p = arg;
    struct job job;

    while (take_job(p, &job))
        look_up(p, &job);
    return NULL;
}

/* Under the lock. Without another thread those there are take longer. */
static void
start_thread(struct milter_prefetch *p)
{
    if (p->idle_count > p->count || p->thread_count == MILTER_PREFETCH_MAX_THREADS)
        return;
    if (pthread_create(&p->threads[p->thread_count], NULL, run, p) == 0)
        p->thread_count++;
}

static void
add_job(struct milter_prefetch *p, const char *name, int64_t deadline_mono_ms)
{
    struct job *job = &p->jobs[(p->first + p->count) % MILTER_PREFETCH_MAX_JOBS];

    job->snapshot = daemon_snapshot_take(p->daemon);
    job->deadline_mono_ms = deadline_mono_ms;
    memcpy(job->name, name, strlen(name) + 1);
    start_thread(p);
    p->count++;
    pthread_cond_signal(&p->work);
}

void
milter_prefetch_txt(struct milter_prefetch *prefetch, struct dns *dns, const char *name,
                    int64_t deadline_mono_ms)
{
    if (strlen(name) >= NAME_BYTES || dns_is_at_hand(dns, DNS_TXT, span_cstr(name)))
        return;
    lock_take(&prefetch->lock);
    if (!prefetch->stopping && prefetch->count < MILTER_PREFETCH_MAX_JOBS)
        add_job(prefetch, name, deadline_mono_ms);
    lock_drop(&prefetch->lock);
}

void
milter_prefetch_stop(struct milter_prefetch *prefetch)
{
    struct milter_prefetch *p = prefetch;

    lock_take(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->work);
    lock_drop(&p->lock);
    for (size_t i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    for (; p->count != 0; p->count--) {
        daemon_snapshot_drop(p->daemon, p->jobs[p->first].snapshot);
        p->first = (p->first + 1) % MILTER_PREFETCH_MAX_JOBS;
    }
    p->thread_count = 0;
}
