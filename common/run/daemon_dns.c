/*
 * The resolver that the `dns` section describes.
 */
#include "common/run/daemon.h"

#include "common/dns/dns_cache.h"
#include "common/dns/dns_ldns.h"
#include "common/run/dns_metered.h"
#include "common/run/metrics.h"

#define DAEMON_DNS_ATTEMPTS 3     /* rounds over all servers; the deadline ends them earlier */
#define DAEMON_DNS_MAX_TTL_S 3600 /* an operator who mends a record waits an hour at most */
#define DAEMON_DNS_FAILURE_TTL_S 5

static or_status
add_servers(const struct conf_common *conf, struct dns_ldns_settings *settings, struct err *e)
{
    for (size_t i = 0; i < conf->dns_servers.count; i++)
        if (dns_ldns_add_server(settings, span_cstr(conf->dns_servers.items[i]), e) != OR_OK)
            return err_wrap(e, OR_CONFIG, "%s: dns servers", conf->path);
    if (settings->server_count > 0)
        return OR_OK;
    if (dns_ldns_load_resolv_conf(settings, conf->dns_resolv_conf, e) != OR_OK)
        return err_wrap(e, OR_CONFIG, "%s: dns resolv-conf", conf->path);
    return OR_OK;
}

or_status
daemon_dns_new_uncached(const struct conf_common *conf, struct dns **dns_out, struct err *e)
{
    struct dns_ldns_settings settings = {.try_timeout_ms = conf->dns_try_timeout_ms,
                                         .attempts = DAEMON_DNS_ATTEMPTS};
    or_status st = add_servers(conf, &settings, e);

    if (st == OR_OK)
        *dns_out = dns_ldns_new(&settings);
    return st;
}

or_status
daemon_dns_new(const struct conf_common *conf, struct dns **dns_out, struct err *e)
{
    struct dns_cache_settings cache = {.max_bytes = (size_t)conf->dns_cache_bytes,
                                       .max_ttl_s = DAEMON_DNS_MAX_TTL_S,
                                       .failure_ttl_s = DAEMON_DNS_FAILURE_TTL_S};
    struct dns *upstream = NULL;
    or_status st = daemon_dns_new_uncached(conf, &upstream, e);

    if (st != OR_OK)
        return st;
    struct dns *asked = dns_metered_new(upstream, METRICS_DNS_LOOKUPS, METRICS_DNS_LOOKUP_SECONDS);
    *dns_out =
        dns_metered_new(dns_cache_new(asked, &cache), METRICS_DNS_QUESTIONS, DNS_METERED_UNTIMED);
    return OR_OK;
}
