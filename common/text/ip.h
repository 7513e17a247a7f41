/*
 * IP addresses and CIDR blocks. IPv4-mapped IPv6 addresses become IPv4 when parsed, so that one
 * host has one form.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_IP_H
#define OUTRIDER_COMMON_TEXT_IP_H

#include "common/base/buf.h"

struct ip {
    int family;        /* AF_INET or AF_INET6; 0 = none */
    uint8_t bytes[16]; /* network order; the first 4 for AF_INET, the rest zero */
};

struct cidr {
    struct ip base;
    unsigned prefix; /* 0..32 or 0..128 */
};

#define IP_TEXT_BYTES 46
/* Room for the nibbles of an IPv6 address, "ip6.arpa" not included. */
#define IP_REVERSE_BYTES 64

/* Strict dotted quad (no leading zeros, no short forms) or RFC 4291 IPv6; "[...]" and "IPv6:" are
 * the caller's to strip. */
or_status ip_parse(struct span s, struct ip *ip_out) OR_MUST_USE;
void ip_format(const struct ip *ip, char out[IP_TEXT_BYTES]);
bool ip_equal(const struct ip *a, const struct ip *b);
/* "4.3.2.1" or the 32 reversed nibbles with dots: what stands before in-addr.arpa / ip6.arpa. */
void ip_reverse(const struct ip *ip, char out[IP_REVERSE_BYTES]);

/* Clears the bits below the prefix. */
void ip_mask(struct ip *ip, unsigned prefix);

/* "192.0.2.0/24", "2001:db8::/32" or a single address. Host bits below the prefix are ignored. */
or_status cidr_parse(struct span s, struct cidr *cidr_out, struct err *e) OR_MUST_USE;
/* False across families. */
bool cidr_contains(const struct cidr *block, const struct ip *ip);

#endif
