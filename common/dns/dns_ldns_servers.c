/*
 * Which servers the resolver asks: addresses as an administrator writes them, and resolv.conf.
 */
#include "common/dns/dns_ldns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DNS_PORT 53

/* "[2001:db8::1]:53", "192.0.2.1:53", and either without port. */
static or_status
split_port(struct span address, struct span *host_out, struct span *port_out)
{
    *port_out = SPAN_EMPTY;
    *host_out = address;
    if (address.n > 0 && address.p[0] == '[') {
        size_t end = span_find(address, ']');

        if (end == address.n || (end + 1 < address.n && address.p[end + 1] != ':'))
            return OR_MALFORMED;
        *host_out = span_slice(address, 1, end);
        *port_out = span_from(address, end + 2);
        return end + 2 == address.n ? OR_MALFORMED : OR_OK;
    }
    size_t colon = span_find(address, ':');
    if (colon != address.n && span_rfind(address, ':') == colon) {
        *host_out = span_slice(address, 0, colon);
        *port_out = span_from(address, colon + 1);
        return port_out->n == 0 ? OR_MALFORMED : OR_OK;
    }
    return OR_OK;
}

or_status
dns_ldns_add_server(struct dns_ldns_settings *settings, struct span address, struct err *e)
{
    struct span host, port;
    struct ip ip;
    uint64_t number = DNS_PORT;

    if (settings->server_count == DNS_LDNS_MAX_SERVERS)
        return err_set(e, OR_LIMIT, "more than %d DNS servers", DNS_LDNS_MAX_SERVERS);
    if (split_port(address, &host, &port) != OR_OK || ip_parse(host, &ip) != OR_OK ||
        (port.n != 0 && (span_parse_u64(port, 65535, &number) != OR_OK || number == 0)))
        return err_set(e, OR_MALFORMED,
                       "\"%.*s\" is not a server address: write 192.0.2.1, 192.0.2.1:53 or "
                       "[2001:db8::1]:53",
                       SPAN_ARG(address));
    settings->servers[settings->server_count].ip = ip;
    settings->servers[settings->server_count].port = (uint16_t)number;
    settings->server_count++;
    return OR_OK;
}

/* resolv.conf(5): keyword and value separated by white space; "fe80::1%eth0" scopes are not for us.
 */
static or_status
read_line(struct dns_ldns_settings *settings, struct span line, struct err *e)
{
    struct span keyword = SPAN_LIT("nameserver");

    line = span_trim(line);
    if (!span_has_prefix(line, keyword) || line.n == keyword.n ||
        (line.p[keyword.n] != ' ' && line.p[keyword.n] != '\t'))
        return OR_OK;
    struct span value = span_trim(span_from(line, keyword.n));
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] == ' ' || value.p[i] == '\t' || value.p[i] == '%')
            value.n = i;
    if (settings->server_count == DNS_LDNS_MAX_SERVERS)
        return OR_OK; /* the C library reads three at most */
    return dns_ldns_add_server(settings, value, e);
}

or_status
dns_ldns_load_resolv_conf(struct dns_ldns_settings *settings, const char *path, struct err *e)
{
    char line[1024];
    FILE *f = fopen(path, "re");
    unsigned number = 0;
    size_t before = settings->server_count;

    if (f == NULL)
        return err_set(e, OR_CONFIG, "%s: %s; name servers in dns { servers = {...} }", path,
                       os_error_text(errno));
    or_status st = OR_OK;
    while (st == OR_OK && fgets(line, sizeof(line), f) != NULL) {
        number++;
        st = read_line(settings, span_cstr(line), e);
    }
    fclose(f);
    if (st != OR_OK)
        return err_wrap(e, OR_CONFIG, "%s:%u", path, number);
    if (settings->server_count == before)
        return dns_ldns_add_server(settings, SPAN_LIT("127.0.0.1"), e);
    return OR_OK;
}
