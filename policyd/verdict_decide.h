/*
 * What to do with a message, given what DMARC found: the site's rules, without I/O.
 *
 * RFC 9989 5.4 forbids rejecting on a policy of reject alone, because forwarders and mailing lists
 * break what DMARC checks. With dmarc-reject = corroborated a second signal must agree: each one
 * has a weight, and the sum must reach the threshold; otherwise the message is quarantined. A
 * mailing list's copy is never rejected then.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_VERDICT_DECIDE_H
#define OUTRIDER_POLICYD_VERDICT_DECIDE_H

#include "common/run/verdict.h"
#include "policyd/dmarc/dmarc_eval.h"
#include "policyd/dmarc/dmarc_from.h"
#include "policyd/policyd_conf.h"
#include "policyd/spf/spf.h"

struct verdict_facts {
    const struct dmarc_outcome *dmarc; /* of the Author Domain that fares worst */
    enum dmarc_from_defect from_defect;
    enum spf_result spf;      /* of MAIL FROM; SPF_NONE when not checked */
    enum spf_result from_spf; /* of the Author Domain itself; SPF_NONE when not checked */
    bool has_signature;       /* a DKIM signature of anybody, whatever became of it */
    bool has_list_traits;     /* List-Id and the like */
    bool vouched; /* trusted sealers (verdict_sealed.h) found it genuine, or it comes from one of
                     trusted-forwarders */
    const struct policyd_dmarc_rule *rule; /* the site's own about this message; NULL: none */
    bool no_ptr;                           /* the client has no confirmed host name */
    int64_t dnsbl_percent;                 /* of dnslist-reject-score, at most 100 */
};

struct verdict_decision {
    enum verdict_action action;
    const char *override; /* RFC 9990 words: why the action is not the policy; "" when it is */
    bool from_is_reason;  /* rejected for its From fields, not for a policy */
    int64_t weight;       /* of the second signals; 0 when they were not asked for */
};

/* Whether a word of sealers and forwarders can change the decision. */
bool verdict_decide_wants_vouching(const struct verdict_facts *f);

/* A copy made by a mailing list: it has list fields, and it looks like one in a second way, an
 * envelope sender of another domain or a signature of the author's domain that no longer fits. */
bool verdict_decide_is_list_copy(const struct verdict_facts *f);

/* Whether `from_spf` can change the decision: then it is worth asking for. */
bool verdict_decide_wants_from_spf(const struct policyd_settings *settings,
                                   const struct verdict_facts *f);

/* Whether what DNS lists say can change the decision. */
bool
verdict_decide_wants_dnsbl(const struct policyd_settings *settings, const struct verdict_facts *f);

void verdict_decide(const struct policyd_settings *settings, const struct verdict_facts *f,
                    struct verdict_decision *decision_out);

#endif
