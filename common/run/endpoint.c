/*
 * "unix:/path" and "inet:host:port" to socket addresses and back.
 */
#include "common/run/endpoint.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#define ENDPOINT_UNIX SPAN_LIT("unix:")
#define ENDPOINT_INET SPAN_LIT("inet:")

static or_status
fail(const char *address, struct err *e)
{
    return err_set(e, OR_CONFIG,
                   "\"%.80s\" is no address; write \"unix:/path\", \"inet:127.0.0.1:port\" or "
                   "\"inet:[::1]:port\"",
                   address);
}

static or_status
parse_unix(const char *path, struct endpoint *endpoint_out, struct err *e)
{
    struct sockaddr_un *sun = (struct sockaddr_un *)&endpoint_out->address;
    size_t n = strlen(path);

    if (n >= sizeof(sun->sun_path))
        return err_set(e, OR_CONFIG, "socket path of %zu bytes; at most %zu are possible", n,
                       sizeof(sun->sun_path) - 1);
    sun->sun_family = AF_UNIX;
    memcpy(sun->sun_path, path, n + 1);
    endpoint_out->unix_path = path;
    endpoint_out->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    return OR_OK;
}

static void
fill_inet(const struct ip *ip, uint16_t port, struct endpoint *endpoint_out)
{
    if (ip->family == AF_INET) {
        struct sockaddr_in *sin = (struct sockaddr_in *)&endpoint_out->address;

        sin->sin_family = AF_INET;
        sin->sin_port = htons(port);
        memcpy(&sin->sin_addr, ip->bytes, 4);
        endpoint_out->length = sizeof(*sin);
        return;
    }
    struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&endpoint_out->address;

    sin6->sin6_family = AF_INET6;
    sin6->sin6_port = htons(port);
    memcpy(&sin6->sin6_addr, ip->bytes, 16);
    endpoint_out->length = sizeof(*sin6);
}

/* "127.0.0.1:25" or "[::1]:25". */
static or_status
parse_inet(struct span text, struct endpoint *endpoint_out)
{
    size_t colon = span_rfind(text, ':');
    struct span host = span_slice(text, 0, colon);
    uint64_t port = 0;
    struct ip ip;

    if (colon == text.n || span_parse_u64(span_from(text, colon + 1), 65535, &port) != OR_OK ||
        port == 0)
        return OR_MALFORMED;
    bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';

    if (bracketed)
        host = span_slice(host, 1, host.n - 1);
    else if (span_contains_byte(host, ':'))
        return OR_MALFORMED;
    if (ip_parse(host, &ip) != OR_OK)
        return OR_MALFORMED;
    fill_inet(&ip, (uint16_t)port, endpoint_out);
    return OR_OK;
}

or_status
endpoint_parse(const char *address, struct endpoint *endpoint_out, struct err *e)
{
    struct span text = span_cstr(address);
    struct endpoint endpoint;
    or_status st = OR_MALFORMED;

    memset(&endpoint, 0, sizeof(endpoint));
    if (span_has_prefix(text, ENDPOINT_INET))
        st = parse_inet(span_from(text, ENDPOINT_INET.n), &endpoint);
    else if (span_has_prefix(text, ENDPOINT_UNIX) && address[ENDPOINT_UNIX.n] == '/')
        st = parse_unix(address + ENDPOINT_UNIX.n, &endpoint, e);
    if (st == OR_CONFIG)
        return st;
    if (st != OR_OK)
        return fail(address, e);
    *endpoint_out = endpoint;
    return OR_OK;
}

void
endpoint_to_ip(const struct sockaddr_storage *address, struct ip *ip_out, uint16_t *port_out)
{
    memset(ip_out, 0, sizeof(*ip_out));
    *port_out = 0;
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *sin = (const struct sockaddr_in *)address;

        ip_out->family = AF_INET;
        memcpy(ip_out->bytes, &sin->sin_addr, 4);
        *port_out = ntohs(sin->sin_port);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)address;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr);

        ip_out->family = mapped ? AF_INET : AF_INET6;
        memcpy(ip_out->bytes, sin6->sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
        *port_out = ntohs(sin6->sin6_port);
    }
}
