/* The daemons' resolver and cache, for the time of one command. */
#include "common/cli/cli_dns.h"

#include "common/dns/dns_cache.h"
#include "common/dns/dns_file.h"
#include "common/dns/dns_ldns.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define CACHE_BYTES ((size_t)1 << 20)

or_status
cli_dns_open(const struct cli *cli, struct dns **dns_out, struct err *e)
{
    struct dns_ldns_settings settings = {.try_timeout_ms = 3000, .attempts = 2};
    struct dns_cache_settings cache = {.max_bytes = CACHE_BYTES, .max_ttl_s = 3600};
    const char *address = cli_option(cli, "dns"), *file = cli_option(cli, "dns-file");

    if (address != NULL && file != NULL)
        return err_set(e, OR_MALFORMED, "say --dns or --dns-file, not both");
    if (file != NULL)
        return dns_file_open(file, dns_out, e);
    or_status st = address != NULL ? dns_ldns_add_server(&settings, span_cstr(address), e)
                                   : dns_ldns_load_resolv_conf(&settings, RESOLV_CONF, e);
    if (st == OR_OK)
        *dns_out = dns_cache_new(dns_ldns_new(&settings), &cache);
    return st;
}
