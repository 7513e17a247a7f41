/*
 * A resolver in front of another that counts and times what goes through.
 *
 * Threads: locked, where the inner one is.
 */
#ifndef OUTRIDER_COMMON_RUN_DNS_METERED_H
#define OUTRIDER_COMMON_RUN_DNS_METERED_H

#include "common/dns/dns.h"

#define DNS_METERED_UNTIMED (-1)

/* Owns `inner` from now on. `results`: a counter with enum metrics_dns as label; `seconds`: a
 * histogram, or DNS_METERED_UNTIMED. */
struct dns *dns_metered_new(struct dns *inner, unsigned results, int seconds);

#endif
