/*
 * A thread has an arena of its own; its answer is copied when it has ended, so that the caller's
 * arena is touched by the caller only.
 */
#include "common/dns/dns_batch.h"

#include "common/dns/dns_answer.h"

#include <pthread.h>
#include <stdatomic.h>

#define ANSWER_BYTES ((size_t)256 * 1024) /* arena of one look-up */

/* One question that has a thread. */
struct errand {
    struct dns *dns;
    struct dns_question *question;
    int64_t deadline_mono_ms;
    struct arena mem;
    pthread_t thread;
    bool started;
};

static atomic_uint threads;

static void
ask(struct dns *dns, struct dns_question *q, int64_t deadline_mono_ms, struct arena *mem)
{
    q->status = dns_query(dns, q->type, q->name, deadline_mono_ms, mem, &q->answer, &q->err);
}

static void *
run(void *arg)
{
    struct errand *errand = arg;

    ask(errand->dns, errand->question, errand->deadline_mono_ms, &errand->mem);
    return NULL;
}

static void
start(struct errand *errand)
{
    if (atomic_fetch_add(&threads, 1) < DNS_BATCH_MAX_THREADS) {
        arena_init(&errand->mem, ANSWER_BYTES);
        errand->started = pthread_create(&errand->thread, NULL, run, errand) == 0;
    }
    if (!errand->started)
        atomic_fetch_sub(&threads, 1);
}

static void
finish(struct errand *errand, struct arena *mem)
{
    struct dns_question *q = errand->question;

    pthread_join(errand->thread, NULL);
    atomic_fetch_sub(&threads, 1);
    if (q->status == OR_OK) {
        void *block = arena_alloc(mem, dns_answer_bytes(q->type, q->answer));

        if (block == NULL)
            q->status = err_set(&q->err, OR_LIMIT, "no memory left for this request");
        else
            q->answer = dns_answer_copy(q->type, q->answer, block);
    }
    arena_fini(&errand->mem);
}

void
dns_batch_query(struct dns *dns, struct dns_question *questions, size_t count,
                int64_t deadline_mono_ms, struct arena *mem)
{
    struct errand *errands = count > 1 ? arena_alloc_array(mem, count, sizeof(*errands)) : NULL;

    /* The first one is the caller's own. */
    for (size_t i = 1; i < count && errands != NULL; i++) {
        errands[i] = (struct errand){
            .dns = dns, .question = &questions[i], .deadline_mono_ms = deadline_mono_ms};
        if (!dns_is_at_hand(dns, questions[i].type, questions[i].name))
            start(&errands[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (i == 0 || errands == NULL || !errands[i].started)
            ask(dns, &questions[i], deadline_mono_ms, mem);
    for (size_t i = 1; i < count && errands != NULL; i++)
        if (errands[i].started)
            finish(&errands[i], mem);
}
