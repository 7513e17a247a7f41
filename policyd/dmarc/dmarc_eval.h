/*
 * The DMARC verdict for one Author Domain (RFC 9989 5.3): which record applies, whether an
 * authenticated identifier is aligned, which policy the owner asks for. What the receiver does
 * about it is not decided here.
 *
 * Bounds: one tree walk for the Author Domain, at most DMARC_EVAL_MAX_WALKS for identifiers, one
 * more question for np. An identifier is walked only when it lies below the author's Organizational
 * Domain: no other can be aligned, and a message with thirty foreign signatures costs nothing.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_DMARC_DMARC_EVAL_H
#define OUTRIDER_POLICYD_DMARC_DMARC_EVAL_H

#include "policyd/dmarc/dmarc_discover.h"

#define DMARC_EVAL_MAX_WALKS 8

/* What an authentication mechanism said, as far as DMARC cares. */
enum dmarc_auth { DMARC_AUTH_NOT_PASSED, DMARC_AUTH_PASSED, DMARC_AUTH_UNKNOWN /* temperror */ };

struct dmarc_identity {
    struct span domain; /* any case, any form; what is no domain name is never aligned */
    enum dmarc_auth auth;
};

struct dmarc_input {
    struct span author; /* canonical, from dmarc_from_extract() */
    struct dmarc_identity
        spf; /* of MAIL FROM (postmaster@HELO for the null path) and nothing else */
    const struct dmarc_identity *dkim; /* one for each signature: d= */
    size_t dkim_count;
};

struct dmarc_outcome {
    enum dmarc_result result;
    bool policy_known;           /* a record applies and says what the next three say */
    enum dmarc_policy policy;    /* what applies: after sp or np and t */
    enum dmarc_policy published; /* before t */
    bool test_mode;              /* t=y lowered the policy */
    enum dmarc_source source;  /* whose record; like the next ones only where a record was found */
    struct span record_domain; /* where it lies, without "_dmarc." */
    struct dmarc_record record;
    struct span org;  /* the author's Organizational Domain; empty: nobody had to know */
    bool spf_aligned; /* passed and aligned */
    bool dkim_aligned;
    bool spf_related;  /* the SPF domain is aligned, whatever SPF said */
    bool dkim_related; /* some signature is of the author's Organizational Domain, whatever became
                          of it */
};

/* Never fails: DNS trouble is DMARC_TEMPERROR, with the cause in `why` (written for TEMPERROR and
 * PERMERROR only). Without a record that applies: DMARC_NONE. */
void dmarc_eval(const struct dmarc_lookup *l, const struct dmarc_input *in,
                struct dmarc_outcome *outcome_out, struct err *why);

#endif
