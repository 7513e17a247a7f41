/*
 * The shared answer cache: bounded in bytes, honours TTLs, keeps negative answers (RFC 2308), and
 * has one query in the air per question: later askers wait for the first one's answer, each no
 * longer than its own deadline.
 *
 * Failures (SERVFAIL, timeouts) are kept for a few seconds only, so that a dead domain does not
 * cost every message a full timeout. TTLs are capped at `max_ttl_s`. The oldest unused entries go
 * first.
 *
 * Threads: locked (LOCK_DNS_CACHE; never held across a query).
 */
#ifndef OUTRIDER_COMMON_DNS_DNS_CACHE_H
#define OUTRIDER_COMMON_DNS_DNS_CACHE_H

#include "common/dns/dns.h"

struct dns_cache_settings {
    size_t max_bytes;       /* e.g. 4 MiB */
    uint32_t max_ttl_s;     /* e.g. 3600 */
    uint32_t failure_ttl_s; /* e.g. 5; 0 = failures are not kept */
};

struct dns_cache_stats {
    uint64_t hits, misses, joined; /* joined: waited for another's query */
    size_t entries, bytes;
};

/* Owns `upstream` from now on. */
struct dns *dns_cache_new(struct dns *upstream, const struct dns_cache_settings *settings);
void dns_cache_stats(struct dns *cache, struct dns_cache_stats *stats_out);

#endif
