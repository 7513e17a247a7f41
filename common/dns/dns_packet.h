/*
 * DNS packets as bytes <-> what dns.h speaks of. The only file that knows libldns.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_DNS_DNS_PACKET_H
#define OUTRIDER_COMMON_DNS_DNS_PACKET_H

#include "common/dns/dns.h"

/* Longer replies are failures. libldns needs time with the square of the strings in one record, and
 * senders choose what is asked for: 64 KiB of them take seconds. */
#define DNS_PACKET_MAX_BYTES 16384
#define DNS_PACKET_EDNS_BYTES 1232 /* DNS flag day 2020: no fragments */
#define DNS_PACKET_NAME_BYTES 1025 /* a name of 255 bytes as text, every byte escaped */

/* Canonical text: lower case, no final dot; "" is the root. OR_MALFORMED when it cannot be put into
 * a packet (RFC 1035 2.3.4). */
or_status
dns_packet_name(struct span name, char out[DNS_PACKET_NAME_BYTES], struct err *e) OR_MUST_USE;

/* Appends a query with recursion desired. `name` as from dns_packet_name(). */
or_status dns_packet_query(struct buf *out, uint16_t id, enum dns_type type, const char *name,
                           bool edns, struct err *e) OR_MUST_USE;

enum dns_packet_verdict {
    DNS_PACKET_ANSWER,    /* dns_packet_reply.answer is filled in */
    DNS_PACKET_ALIAS,     /* a CNAME whose target is not in the packet: ask for .alias */
    DNS_PACKET_NOT_OURS,  /* other id or question, or no reply: go on waiting */
    DNS_PACKET_TRUNCATED, /* ask again over TCP */
    DNS_PACKET_NO_EDNS,   /* the server does not know EDNS: ask again without */
    DNS_PACKET_FAILED,    /* SERVFAIL, REFUSED, broken bytes: try the next server */
};

struct dns_packet_reply {
    struct dns_answer *answer; /* of an ALIAS: without records, but with its AD bit */
    char alias[DNS_PACKET_NAME_BYTES];
    unsigned alias_hops; /* CNAMEs followed inside the packet */
    uint32_t alias_ttl_s;
    const char *failure; /* "SERVFAIL", "malformed"; static */
};

/* Reads a reply to the query (id, type, name). What is allocated lies in `mem`. OR_LIMIT past it.
 */
or_status dns_packet_read(struct span bytes, uint16_t id, enum dns_type type, const char *name,
                          struct arena *mem, enum dns_packet_verdict *verdict_out,
                          struct dns_packet_reply *reply_out) OR_MUST_USE;

#endif
