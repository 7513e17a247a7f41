/*
 * How many addresses a set of networks holds, each counted once.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_SPF_SPF_NETWORKS_H
#define OUTRIDER_POLICYD_SPF_SPF_NETWORKS_H

#include "common/text/ip.h"

/* Sorts, and takes out what lies in another one. Returns how many are left. */
size_t spf_networks_reduce(struct cidr *networks, size_t count);
/* Of reduced networks: addresses in those of IPv4. */
uint64_t spf_networks_ipv4(const struct cidr *networks, size_t count);
/* Logarithm to base 2 of the addresses in those of IPv6; negative when there are none. */
double spf_networks_ipv6_log2(const struct cidr *networks, size_t count);

#endif
