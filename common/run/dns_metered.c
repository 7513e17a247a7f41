/*
 * One stands on top of the cache (what was asked), one below it (what the cache did not know).
 */
#include "common/run/dns_metered.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/run/metrics.h"

#include <stdlib.h>

struct dns_metered {
    struct dns base;
    struct dns *inner;
    unsigned results;
    int seconds;
};

static unsigned
label_of(or_status st, const struct dns_answer *answer)
{
    static const unsigned labels[] = {
        [DNS_FOUND] = METRICS_DNS_FOUND,
        [DNS_NODATA] = METRICS_DNS_NODATA,
        [DNS_NXDOMAIN] = METRICS_DNS_NXDOMAIN,
    };

    if (st == OR_OK)
        return labels[answer->result];
    return st == OR_TIMEOUT ? METRICS_DNS_TIMEOUT : METRICS_DNS_FAILED;
}

static or_status
metered_query(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
              struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    const struct dns_metered *m = (const struct dns_metered *)dns;
    const struct dns_answer *answer = NULL;
    int64_t began_us = m->seconds >= 0 ? clock_mono_us() : 0;
    or_status st = dns_query(m->inner, type, name, deadline_mono_ms, mem, &answer, e);

    metrics_inc(m->results, label_of(st, answer));
    if (m->seconds >= 0)
        metrics_observe((unsigned)m->seconds, 0, clock_mono_us() - began_us);
    if (st == OR_OK)
        *answer_out = answer;
    return st;
}

static bool
metered_is_at_hand(struct dns *dns, enum dns_type type, struct span name)
{
    return dns_is_at_hand(((const struct dns_metered *)dns)->inner, type, name);
}

static void
metered_free(struct dns *dns)
{
    struct dns_metered *m = (struct dns_metered *)dns;

    dns_free(m->inner);
    free(m);
}

struct dns *
dns_metered_new(struct dns *inner, unsigned results, int seconds)
{
    static const struct dns_ops ops = {
        .query = metered_query, .free = metered_free, .is_at_hand = metered_is_at_hand};
    struct dns_metered *m = xcalloc(1, sizeof(*m));

    m->base.ops = &ops;
    m->inner = inner;
    m->results = results;
    m->seconds = seconds;
    return &m->base;
}
