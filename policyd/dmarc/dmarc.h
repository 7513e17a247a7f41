/*
 * The words of DMARC (RFC 9989) that the whole folder shares.
 *
 * Record parsing, the DNS tree walk and alignment follow RFC 9989; where records written for the
 * older RFC 7489 differ (pct, rf, ri, "!size" after a URI) the difference is ignored as RFC 9989
 * says.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_DMARC_DMARC_H
#define OUTRIDER_POLICYD_DMARC_DMARC_H

#include "common/dns/dns.h"

/* RFC 9989 9.2, RFC 8601 2.7. */
enum dmarc_result {
    DMARC_NONE, /* no record applies */
    DMARC_PASS,
    DMARC_FAIL,
    DMARC_TEMPERROR, /* DNS did not answer what the verdict depends on */
    DMARC_PERMERROR, /* a record that cannot be acted on, or no single Author Domain */
};

/* In rising strictness: larger is stricter. */
enum dmarc_policy { DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };

/* How Organizational Domains are found: as RFC 9989 says, or as RFC 7489 did (with the public
 * suffix list; a domain's own record, then its Organizational Domain's). */
enum dmarc_discovery { DMARC_BY_TREE_WALK, DMARC_BY_PSL };

/* What the functions that ask DNS need. Answers are kept in `mem`. */
struct dmarc_lookup {
    enum dmarc_discovery discovery;
    struct dns *dns;
    int64_t deadline_mono_ms; /* clock_mono_ms() */
    struct arena *mem;
};

/* "pass", "reject"; static. */
const char *dmarc_result_name(enum dmarc_result result);
const char *dmarc_policy_name(enum dmarc_policy policy);

#endif
