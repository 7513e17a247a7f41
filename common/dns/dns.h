/*
 * DNS as the rest of the suite sees it: one blocking question with a deadline, one typed answer.
 *
 * Implementations: dns_cache_new() over dns_ldns_new() in the daemons, tests/support/fake_dns in
 * unit tests. Protocol folders see only this header.
 *
 * Names in answers are canonical text: lower case, no final dot, "\ddd" escapes as RFC 1035 5.1 for
 * bytes outside the printable range. A CNAME chain is followed by the resolver (and, where the
 * server did not, by dns_ldns, at most DNS_MAX_CNAMES); the records returned are those of the type
 * asked.
 *
 * Threads: locked (an implementation may be shared by all threads).
 */
#ifndef OUTRIDER_COMMON_DNS_DNS_H
#define OUTRIDER_COMMON_DNS_DNS_H

#include "common/base/arena.h"
#include "common/text/ip.h"

#define DNS_MAX_CNAMES 8
#define DNS_MAX_RECORDS 256 /* of one answer; more are dropped (KeyTrap-like floods) */

enum dns_type { DNS_A = 1, DNS_NS = 2, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

enum dns_result {
    DNS_FOUND,    /* at least one record of the type */
    DNS_NODATA,   /* the name exists, without this type */
    DNS_NXDOMAIN, /* RFC 8020: neither the name nor anything below it exists */
};

struct dns_record {
    union {
        struct ip ip;     /* A, AAAA */
        struct span name; /* PTR, NS */
        struct {
            uint16_t preference;
            struct span host; /* "." of a null MX (RFC 7505) is an empty span */
        } mx;
        struct {
            struct span *strings; /* the character-strings, in order */
            size_t count;
            struct span joined; /* all of them without anything between */
        } txt;
    };
};

struct dns_answer {
    enum dns_result result;
    bool authenticated; /* the AD bit of the resolver */
    uint32_t ttl_s;     /* smallest of the answer; of the SOA for negative ones */
    size_t count;
    struct dns_record *records;
};

struct dns;

/* Asks and waits, until `deadline_mono_ms` (clock_mono_ms()) at most. OR_OK: *answer_out, and all
 * it points to, lives in `mem`. OR_TEMPFAIL: SERVFAIL, REFUSED, malformed answers, no server
 * reachable; OR_TIMEOUT: the deadline; OR_MALFORMED: `name` cannot be put into a query (label or
 * name too long, empty label); OR_LIMIT: the arena. `e` names question and server. A final dot in
 * `name` is allowed. */
or_status
dns_query(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
          struct arena *mem, const struct dns_answer **answer_out, struct err *e) OR_MUST_USE;

/* Whether dns_query() would answer at once, or wait for a question that somebody else has asked
 * already: then asking ahead of time gains nothing. False where nothing is kept. */
bool dns_is_at_hand(struct dns *dns, enum dns_type type, struct span name);

/* NULL is allowed. */
void dns_free(struct dns *dns);

const char *dns_type_name(enum dns_type type);
const char *dns_result_name(enum dns_result result);

/* What an implementation fills in; it embeds struct dns as its first member. */
struct dns_ops {
    or_status (*query)(struct dns *dns, enum dns_type type, struct span name,
                       int64_t deadline_mono_ms, struct arena *mem,
                       const struct dns_answer **answer_out, struct err *e);
    void (*free)(struct dns *dns);
    bool (*is_at_hand)(struct dns *dns, enum dns_type type, struct span name); /* NULL: never */
};

struct dns {
    const struct dns_ops *ops;
};

#endif
