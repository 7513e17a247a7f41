/*
 * Several questions at the same time: as slow as the slowest of them instead of all together.
 *
 * What the cache has, or somebody else has asked already, costs nothing more; each of the others
 * gets a thread that ends with the call, so nothing outlives it and nothing must be stopped.
 *
 * Threads: locked (may be called by all threads at once; `mem` and the questions are the caller's).
 */
#ifndef OUTRIDER_COMMON_DNS_DNS_BATCH_H
#define OUTRIDER_COMMON_DNS_DNS_BATCH_H

#include "common/dns/dns.h"

/* Of the whole process. Past it questions are asked one after the other. */
#define DNS_BATCH_MAX_THREADS 512

struct dns_question {
    enum dns_type type;
    struct span name;
    /* filled in, as by dns_query() */
    or_status status;
    const struct dns_answer *answer; /* OR_OK only; in `mem` */
    struct err err;
};

/* Asks all of them, until `deadline_mono_ms` at most. */
void dns_batch_query(struct dns *dns, struct dns_question *questions, size_t count,
                     int64_t deadline_mono_ms, struct arena *mem);

#endif
