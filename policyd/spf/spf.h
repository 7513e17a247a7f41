/*
 * SPF (RFC 7208 with its errata, RFC 8616): may this client send mail in the name of this domain?
 *
 * What the folder shares: results, the question, the outcome. spf_eval.h answers, spf_header.h
 * writes the answer down. The folder asks DNS through the `struct dns` it is given and allocates
 * from the arena it is given; it opens nothing, logs nothing and never reads a clock.
 *
 * Bounds on what a hostile record can make us do: at most `max_terms` terms with look-ups in all
 * records of one check, each at most one question and SPF_MAX_NAMES addresses; at most `max_voids`
 * of them may come to nothing; every question ends at the deadline; everything kept lies in the
 * caller's arena.
 *
 * Threads: immutable (a query and its outcome belong to one caller).
 */
#ifndef OUTRIDER_POLICYD_SPF_SPF_H
#define OUTRIDER_POLICYD_SPF_SPF_H

#include "common/dns/dns.h"

#include <time.h>

#define SPF_MAX_TERMS 10 /* RFC 7208 4.6.4: terms that ask DNS, over all records of a check */
#define SPF_MAX_VOIDS 2  /* RFC 7208 4.6.4: terms whose look-ups found nothing (recommended) */
#define SPF_MAX_NAMES 10 /* RFC 7208 4.6.4: MX hosts of one "mx", PTR names of one client */
#define SPF_MAX_DEPTH 20 /* includes within includes: a second line behind the term limit */
#define SPF_MAX_RECORD_BYTES 8192     /* RFC 7208 3.4 advises 450; big providers reach 2000 */
#define SPF_MAX_EXPLANATION_BYTES 400 /* one SMTP reply line is at most 512 bytes */

/* For "%.*s": terms in messages are cut, so that the reason behind them still fits. */
#define SPF_SHORT(s) ((int)((s).n > 80 ? 80 : (s).n)), ((s).p)

enum spf_result {
    SPF_NONE, /* no record, or no domain to ask about */
    SPF_NEUTRAL,
    SPF_PASS,
    SPF_FAIL,
    SPF_SOFTFAIL,
    SPF_TEMPERROR, /* we do not know now */
    SPF_PERMERROR, /* the domain's owner must mend the record */
};
#define SPF_RESULTS 7

/* Whose domain was checked. The two must never be taken for one another (CVE-2019-20790): DMARC
 * trusts a pass of the MAIL FROM identity only, or of postmaster@HELO for the null path. */
enum spf_scope {
    SPF_SCOPE_MFROM,
    SPF_SCOPE_HELO,
};

struct spf_limits {
    unsigned max_terms; /* SPF_MAX_TERMS unless the operator says otherwise */
    unsigned max_voids; /* SPF_MAX_VOIDS; IPv6 clients of IPv4-only domains may need more */
};

#define SPF_LIMITS_DEFAULT                                                                         \
    ((struct spf_limits){.max_terms = SPF_MAX_TERMS, .max_voids = SPF_MAX_VOIDS})

struct spf_query {
    enum spf_scope scope; /* SPF_SCOPE_MFROM: the sender, for <> the HELO name (RFC 7208 2.4) */
    struct ip ip;         /* the SMTP client */
    struct span helo;     /* as the client said it */
    struct span sender;   /* MAIL FROM without brackets, internal form; empty for <> */
    struct span receiver; /* our own host name: %{r} and Received-SPF; empty: "unknown" */
    struct dns *dns;
    struct arena *mem; /* everything in the outcome lies here, or in what the query points to */
    time_t now;        /* %{t} */
    int64_t deadline_mono_ms; /* RFC 7208 4.6.4 wants at least 20 s for the whole check */
    struct spf_limits limits;
};

/* A term as it stands in a record, and the domain whose record that is. term.n == 0: no term. */
struct spf_place {
    struct span term;
    struct span domain;
};

struct spf_outcome {
    enum spf_result result;
    enum spf_scope scope; /* what was really checked: SPF_SCOPE_HELO for the null path */
    struct span domain;   /* the identity's domain, canonical; empty when it is not a domain name */
    struct spf_place matched; /* what decided; empty when no mechanism matched */
    struct spf_place inner;   /* when `matched` is an include: the term that matched inside it */
    struct span reason;       /* none, temperror, permerror: why, for a postmaster; else empty */
    struct span explanation;  /* fail only: the domain's exp= text, or ours; printable ASCII */
    bool explanation_is_default;
    unsigned terms;         /* terms that asked DNS: "look-ups" in the sense of RFC 7208 */
    unsigned voids;         /* those of them that found nothing */
    struct span void_names; /* which, e.g. "a:old.example.org (NXDOMAIN), mx (NODATA)"; or empty */
};

/* "none", "neutral", "pass", ... as in RFC 8601 2.7.2. Never NULL. */
const char *spf_result_name(enum spf_result result);
/* "mfrom" or "helo". */
const char *spf_scope_name(enum spf_scope scope);

#endif
