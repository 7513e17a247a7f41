/*
 * Addresses as configuration and protocols write them: "unix:/path", "inet:127.0.0.1:10040",
 * "inet:[::1]:10040". The host is an address, never a name: nothing here waits for DNS.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_RUN_ENDPOINT_H
#define OUTRIDER_COMMON_RUN_ENDPOINT_H

#include "common/text/ip.h"

#include <sys/socket.h>

struct endpoint {
    const char *unix_path; /* into the address given; NULL: not a unix socket */
    socklen_t length;
    struct sockaddr_storage address;
};

/* OR_CONFIG with "\"TEXT\" is not ...; write ..."; *endpoint_out points into `address`. */
or_status
endpoint_parse(const char *address, struct endpoint *endpoint_out, struct err *e) OR_MUST_USE;

/* Inverse for what accept(2) or getpeername(2) gave; IPv4-mapped addresses become IPv4. Family 0
 * for other than AF_INET and AF_INET6. */
void endpoint_to_ip(const struct sockaddr_storage *address, struct ip *ip_out, uint16_t *port_out);

#endif
