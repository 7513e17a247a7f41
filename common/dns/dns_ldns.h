/*
 * The real resolver: libldns builds and parses packets, the transport is ours.
 *
 * Every query has a fresh UDP socket, so a random source port, and a random id; the answer must
 * come from the server asked and repeat the question. EDNS0 with 1232 bytes (falls back without
 * EDNS when a server answers FORMERR or NOTIMP); TCP after truncation. Servers are tried in turn,
 * `attempts` rounds, until the deadline. Recursion is the servers' work: they must be resolvers.
 *
 * Threads: locked (no shared mutable state but a start index).
 */
#ifndef OUTRIDER_COMMON_DNS_DNS_LDNS_H
#define OUTRIDER_COMMON_DNS_DNS_LDNS_H

#include "common/dns/dns.h"

#define DNS_LDNS_MAX_SERVERS 8

struct dns_ldns_settings {
    struct {
        struct ip ip;
        uint16_t port;
    } servers[DNS_LDNS_MAX_SERVERS];
    size_t server_count;
    int64_t try_timeout_ms; /* wait for one server in one round; e.g. 1500 */
    unsigned attempts;      /* rounds over all servers; e.g. 2 */
};

/* "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53", "2001:db8::1"; adds to settings. OR_LIMIT when
 * full. */
or_status dns_ldns_add_server(struct dns_ldns_settings *settings, struct span address,
                              struct err *e) OR_MUST_USE;
/* The nameserver lines of a resolv.conf; 127.0.0.1 when there is none (resolv.conf(5)). OR_CONFIG
 * when the file cannot be read or a line is wrong. */
or_status dns_ldns_load_resolv_conf(struct dns_ldns_settings *settings, const char *path,
                                    struct err *e) OR_MUST_USE;

/* Copies the settings. The caller frees with dns_free(). */
struct dns *dns_ldns_new(const struct dns_ldns_settings *settings);

#endif
