/*
 * SPF records: bytes to terms, by the grammar of RFC 7208 section 12 and nothing beside it. Any
 * mistake anywhere makes the whole record invalid (RFC 7208 4.6); the reason names the term.
 *
 * Limits: SPF_MAX_RECORD_BYTES, SPF_PARSE_MAX_TERMS.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_SPF_SPF_PARSE_H
#define OUTRIDER_POLICYD_SPF_SPF_PARSE_H

#include "policyd/spf/spf.h"

#define SPF_PARSE_MAX_TERMS                                                                        \
    1024 /* a record of SPF_MAX_RECORD_BYTES with nothing but short "ip4"                          \
          */

enum spf_mechanism {
    SPF_MECH_ALL,
    SPF_MECH_INCLUDE,
    SPF_MECH_A,
    SPF_MECH_MX,
    SPF_MECH_PTR,
    SPF_MECH_IP4,
    SPF_MECH_IP6,
    SPF_MECH_EXISTS,
};

struct spf_term {
    enum spf_mechanism mechanism;
    enum spf_result qualifier; /* the result when the mechanism matches */
    struct span text;          /* as written, with its qualifier */
    struct span target;        /* domain-spec, unexpanded; target.n == 0: the record's own domain */
    struct cidr network;       /* ip4, ip6 */
    uint8_t prefix4, prefix6;  /* a, mx: 32 and 128 when not given */
};

/* Spans view into the parsed text. */
struct spf_record {
    struct spf_term *terms; /* mechanisms in order, in the arena */
    size_t count;
    struct span redirect; /* domain-spec; n == 0: not given */
    struct span explanation;
};

/* Picks the SPF record among the TXT records of a name (RFC 7208 4.5). OR_ABSENT: there is none;
 * OR_MALFORMED: more than one. */
or_status
spf_parse_select(const struct dns_answer *txt, struct span *text_out, struct err *e) OR_MUST_USE;

/* `text` begins with the version. OR_MALFORMED: the reason names the term; OR_LIMIT: the arena. */
or_status spf_parse(struct span text, struct arena *mem, struct spf_record *record_out,
                    struct err *e) OR_MUST_USE;

#endif
