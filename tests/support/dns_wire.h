/*
 * DNS messages written by hand for tests: a reply grows field by field.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_TESTS_SUPPORT_DNS_WIRE_H
#define OUTRIDER_TESTS_SUPPORT_DNS_WIRE_H

#include "common/dns/dns.h"

enum { DNS_WIRE_CNAME = 5, DNS_WIRE_SOA = 6 };

/* Flags of a reply that recursed without error. */
#define DNS_WIRE_REPLY 0x8180
#define DNS_WIRE_TRUNCATED 0x0200
#define DNS_WIRE_AUTHENTIC 0x0020

void dns_wire_u16(struct buf *out, unsigned value);
void dns_wire_u32(struct buf *out, uint32_t value);
/* "example.org" as labels; "" is the root. */
void dns_wire_name(struct buf *out, const char *name);

/* Header and question; the counts of the other sections follow in order answer, authority. */
void dns_wire_begin(struct buf *out, uint16_t id, unsigned flags, unsigned type, const char *name,
                    unsigned answers, unsigned authorities);
/* A record with the bytes given as its data. */
void dns_wire_record(struct buf *out, const char *owner, unsigned type, uint32_t ttl_s,
                     struct span data);
void dns_wire_txt(struct buf *out, const char *owner, uint32_t ttl_s, const char *text);
void dns_wire_alias(struct buf *out, const char *owner, uint32_t ttl_s, const char *target);
void dns_wire_soa(struct buf *out, const char *owner, uint32_t ttl_s, uint32_t minimum_s);

#endif
