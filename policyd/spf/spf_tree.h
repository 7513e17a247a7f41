/*
 * What an SPF record comes to, whoever the client is: its terms and those of all records that it
 * includes or redirects to, what each look-up found and cost, which addresses may send, and what is
 * wrong with it. For `outrider spf explain`; the evaluation of a client is spf_eval.h.
 *
 * Looks further than an evaluation may, so that a record with 17 look-ups is told about all of
 * them, up to the bounds below.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_SPF_SPF_TREE_H
#define OUTRIDER_POLICYD_SPF_SPF_TREE_H

#include "policyd/spf/spf.h"

#define SPF_TREE_MAX_NODES 2000
#define SPF_TREE_MAX_LOOKUPS 100
#define SPF_TREE_MAX_FINDINGS 50
#define SPF_TREE_MAX_NETWORKS 20000
#define SPF_TREE_ADVISED_BYTES 450 /* RFC 7208 3.4: then the answer fits into 512 bytes */

/* A record, or a term of the record above it. */
struct spf_node {
    unsigned depth; /* of the record: 0 is the domain's own */
    bool is_record;
    struct span domain; /* whose record */
    struct span text;   /* as published; in the arena */
    unsigned lookup;    /* which look-up in the sense of RFC 7208 4.6.4, from 1; 0: none */
    int64_t us;         /* how long its questions took */
    const char *found; /* "192.0.2.1, 192.0.2.2", "nothing (NXDOMAIN)", ...; NULL: nothing to say */
};

enum spf_severity {
    SPF_ADVICE,  /* works, but not well */
    SPF_ERROR,   /* permerror for some or all clients */
    SPF_UNKNOWN, /* DNS did not say */
};

struct spf_finding {
    enum spf_severity severity;
    const char *text;
};

/* Everything lies in the arena. */
struct spf_tree {
    struct spf_node *nodes; /* in the order of evaluation, parents first */
    size_t node_count;
    struct spf_finding *findings;
    size_t finding_count;
    unsigned lookups;
    unsigned voids;
    struct cidr *networks; /* that get pass; none contains another */
    size_t network_count;
    uint64_t ipv4_addresses; /* in those of IPv4 */
    double ipv6_log2;        /* of the addresses in those of IPv6; negative: there are none */
    bool everybody;          /* "+all" */
    bool depends;            /* some term depends on the sender or the client's names */
};

struct spf_tree_query {
    struct span domain; /* in any form */
    struct dns *dns;
    int64_t deadline_mono_ms;  /* for all questions */
    int64_t (*clock_us)(void); /* what `us` of the nodes is measured with */
    struct arena *mem;
};

/* OR_OK whatever the record is like, also without one (then a finding says so). OR_MALFORMED:
 * `domain` is no domain name; OR_LIMIT: the arena. */
or_status spf_tree_build(const struct spf_tree_query *query, struct spf_tree *tree_out,
                         struct err *e) OR_MUST_USE;

#endif
