/*
 * The DNS Tree Walk (RFC 9989 4.10): from a domain upwards, at most eight questions, collecting the
 * DMARC Policy Records met on the way; and what follows from them: the Organizational Domain
 * (4.10.2) and the record that applies to an Author Domain (4.10.1).
 *
 * With DMARC_BY_PSL the walk has two steps at most: the domain, and the one that the public suffix
 * list says is its Organizational Domain.
 *
 * A walk is done in two steps because the first question alone often settles the policy: the rest
 * is asked only when an Organizational Domain is needed.
 *
 * Threads: per-thread (a walk); immutable otherwise.
 */
#ifndef OUTRIDER_POLICYD_DMARC_DMARC_DISCOVER_H
#define OUTRIDER_POLICYD_DMARC_DMARC_DISCOVER_H

#include "policyd/dmarc/dmarc_record.h"

#define DMARC_WALK_MAX_QUERIES 8 /* RFC 9989 4.10 */

struct dmarc_found {
    struct span domain; /* without "_dmarc." */
    struct dmarc_record record;
};

struct dmarc_walk {
    struct span start;                                /* canonical */
    struct dmarc_found found[DMARC_WALK_MAX_QUERIES]; /* longest name first */
    size_t count;
    bool finished;
    struct span psl_org; /* by DMARC_BY_PSL: where the walk goes, and ends; else empty */
};

/* Where the record that applies came from. */
enum dmarc_source { DMARC_SOURCE_AUTHOR, DMARC_SOURCE_ORG, DMARC_SOURCE_PSD };

/* Asks at `start` itself. OR_OK whether or not there is a record; OR_TEMPFAIL or OR_TIMEOUT when
 * DNS did not say. */
or_status dmarc_discover_begin(const struct dmarc_lookup *l, struct span start,
                               struct dmarc_walk *walk_out, struct err *e) OR_MUST_USE;
/* Asks the names above, once; as above. */
or_status dmarc_discover_finish(const struct dmarc_lookup *l, struct dmarc_walk *walk,
                                struct err *e) OR_MUST_USE;

/* The Organizational Domain by a finished walk. */
struct span dmarc_discover_org_domain(const struct dmarc_walk *walk);

/* The Organizational Domain of a canonical name by the public suffix list: the name itself where it
 * is a suffix, or when the arena is full. */
struct span dmarc_discover_psl_domain(struct span name, struct arena *mem);

/* The record that applies to the Author Domain where the walk began: its own, else the
 * Organizational Domain's, else the Public Suffix Domain's. NULL: none does. The walk must be
 * finished unless it found one at its start. */
const struct dmarc_found *
dmarc_discover_policy(const struct dmarc_walk *walk, enum dmarc_source *source_out);

#endif
