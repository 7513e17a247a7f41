/*
 * Where a verb asks its DNS questions.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_CLI_CLI_DNS_H
#define OUTRIDER_COMMON_CLI_CLI_DNS_H

#include "common/cli/cli.h"
#include "common/dns/dns.h"

/* The resolver of --dns=ADDRESS, the zone of --dns-file=FILE, or what /etc/resolv.conf says; the
 * verb declares both options. The caller frees. OR_CONFIG, OR_MALFORMED. */
or_status cli_dns_open(const struct cli *cli, struct dns **dns_out, struct err *e) OR_MUST_USE;

#endif
