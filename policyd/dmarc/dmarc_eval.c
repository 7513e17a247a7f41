/*
 * RFC 9989 5.3.2 to 5.3.6 in that order. DNS failures are kept apart from answers throughout: an
 * identifier whose alignment could not be found out is "undecided", and that only matters when
 * nothing else passed (5.3.6).
 */
#include "policyd/dmarc/dmarc_eval.h"

#include "common/text/domain.h"

struct eval {
    const struct dmarc_lookup *l;
    const struct dmarc_input *in;
    struct dmarc_outcome *out;
    struct err *why;
    struct dmarc_walk author;
    or_status author_walk;
    struct span last_walked; /* signatures of one domain come in pairs (RSA and Ed25519) */
    struct span last_org;
    unsigned walks;
    bool undecided;
};

static or_status
author_org(struct eval *ev, struct span *org_out)
{
    /* Asked once: thirty signatures must not mean thirty time-outs. */
    if (ev->author_walk == OR_OK)
        ev->author_walk = dmarc_discover_finish(ev->l, &ev->author, ev->why);
    if (ev->author_walk == OR_OK) {
        *org_out = dmarc_discover_org_domain(&ev->author);
        ev->out->org = *org_out;
    }
    return ev->author_walk;
}

/* RFC 9989 4.10.2: identifiers have walks of their own; the author's is no substitute. */
static or_status
identity_org(struct eval *ev, struct span domain, struct span *org_out)
{
    struct dmarc_walk walk;

    if (span_equal(domain, ev->last_walked)) {
        *org_out = ev->last_org;
        return OR_OK;
    }
    if (ev->l->discovery == DMARC_BY_PSL) {
        *org_out = dmarc_discover_psl_domain(domain, ev->l->mem);
        return OR_OK;
    }
    if (ev->walks == DMARC_EVAL_MAX_WALKS)
        return OR_LIMIT;
    ev->walks++;
    or_status st = dmarc_discover_begin(ev->l, domain, &walk, ev->why);
    if (st == OR_OK)
        st = dmarc_discover_finish(ev->l, &walk, ev->why);
    if (st != OR_OK)
        return st;
    *org_out = dmarc_discover_org_domain(&walk);
    ev->last_walked = domain;
    ev->last_org = *org_out;
    return OR_OK;
}

static or_status
check_alignment(struct eval *ev, struct span domain, bool strict, bool *aligned_out)
{
    struct span author = ev->in->author, ours, theirs;

    *aligned_out = span_equal(domain, author);
    if (*aligned_out || strict)
        return OR_OK;
    or_status st = author_org(ev, &ours);
    if (st != OR_OK || !domain_is_within(domain, ours))
        return st;
    st = identity_org(ev, domain, &theirs);
    *aligned_out = st == OR_OK && span_equal(ours, theirs);
    return st;
}

/* *related_out: aligned whatever the mechanism said; *passed_out: and it passed. Both only ever
 * set. */
static void
check_identity(struct eval *ev, const struct dmarc_identity *id, bool strict, bool *related_out,
               bool *passed_out)
{
    struct span domain;
    bool aligned = false;

    if (id->domain.n == 0 || domain_canonical(id->domain, ev->l->mem, &domain, NULL) != OR_OK)
        return;
    or_status st = check_alignment(ev, domain, strict, &aligned);
    if (st != OR_OK) {
        /* Past the limit of walks an identifier counts as not aligned: that is nobody's DNS
         * trouble. */
        ev->undecided |= st != OR_LIMIT && id->auth != DMARC_AUTH_NOT_PASSED;
        return;
    }
    if (!aligned)
        return;
    *related_out = true;
    *passed_out |= id->auth == DMARC_AUTH_PASSED;
    if (id->auth == DMARC_AUTH_UNKNOWN) {
        ev->undecided = true;
        (void)err_set(ev->why, OR_TEMPFAIL, "the check of %.*s had a temporary error",
                      SPAN_ARG(domain));
    }
}

/* A signature that did not pass is worth no tree walk of its own: for `dkim_related` the name is
 * enough. */
static void
check_failed_signature(struct eval *ev, const struct dmarc_identity *id)
{
    struct span domain, org;

    if (id->domain.n > 0 && domain_canonical(id->domain, ev->l->mem, &domain, NULL) == OR_OK &&
        author_org(ev, &org) == OR_OK && domain_is_within(domain, org))
        ev->out->dkim_related = true;
}

static void
check_identities(struct eval *ev)
{
    const struct dmarc_input *in = ev->in;
    struct dmarc_outcome *out = ev->out;

    check_identity(ev, &in->spf, out->record.aspf_strict, &out->spf_related, &out->spf_aligned);
    for (size_t i = 0; i < in->dkim_count; i++) {
        if (in->dkim[i].auth == DMARC_AUTH_NOT_PASSED)
            check_failed_signature(ev, &in->dkim[i]);
        else
            check_identity(ev, &in->dkim[i], out->record.adkim_strict, &out->dkim_related,
                           &out->dkim_aligned);
    }
}

/* RFC 9989 3.2.13: NXDOMAIN, and nothing else, makes a domain non-existent (RFC 8020). */
static or_status
author_exists(struct eval *ev, bool *exists_out)
{
    const struct dns_answer *answer = NULL;
    or_status st = dns_query(ev->l->dns, DNS_A, ev->in->author, ev->l->deadline_mono_ms, ev->l->mem,
                             &answer, ev->why);

    if (st == OR_OK)
        *exists_out = answer->result != DNS_NXDOMAIN;
    return st;
}

/* RFC 9989 4.10.1: p for the record's own domain, sp for subdomains, np for those that do not
 * exist. */
static or_status
select_policy(struct eval *ev)
{
    struct dmarc_outcome *out = ev->out;
    bool exists = true;

    out->published = out->source == DMARC_SOURCE_AUTHOR ? out->record.p : out->record.sp;
    if (out->source != DMARC_SOURCE_AUTHOR && out->result == DMARC_FAIL &&
        out->record.np != out->record.sp) {
        or_status st = author_exists(ev, &exists);
        if (st != OR_OK)
            return st;
    }
    if (!exists)
        out->published = out->record.np;
    out->policy_known = true;
    out->policy = out->published;
    /* RFC 9989 4.7: t=y lowers by one step. */
    if (out->record.testing && out->policy != DMARC_POLICY_NONE) {
        out->policy = (enum dmarc_policy)(out->policy - 1);
        out->test_mode = true;
    }
    return OR_OK;
}

/* OR_ABSENT: DMARC does not apply to this Author Domain; the result is set. */
static or_status
find_record(struct eval *ev)
{
    const struct dmarc_found *found = NULL;
    or_status st = dmarc_discover_begin(ev->l, ev->in->author, &ev->author, ev->why);

    if (st == OR_OK && ev->author.count == 0)
        st = dmarc_discover_finish(ev->l, &ev->author, ev->why);
    if (st != OR_OK)
        return st;
    found = dmarc_discover_policy(&ev->author, &ev->out->source);
    if (found == NULL)
        return OR_ABSENT;
    ev->out->record_domain = found->domain;
    ev->out->record = found->record;
    if (found->record.usable == DMARC_USABLE)
        return OR_OK;
    /* RFC 9989 4.10.1: no DMARC processing; 9.2 has the word for a record that is wrong. */
    if (found->record.usable == DMARC_USABLE_BAD_POLICY) {
        ev->out->result = DMARC_PERMERROR;
        (void)err_set(ev->why, OR_MALFORMED, "the DMARC record of %.*s has an invalid policy",
                      SPAN_ARG(found->domain));
    }
    return OR_ABSENT;
}

void
dmarc_eval(const struct dmarc_lookup *l, const struct dmarc_input *in,
           struct dmarc_outcome *outcome_out, struct err *why)
{
    struct eval ev = {.l = l, .in = in, .out = outcome_out, .why = why};

    *outcome_out = (struct dmarc_outcome){.result = DMARC_NONE};
    or_status st = find_record(&ev);
    if (st == OR_ABSENT)
        return;
    if (st == OR_OK) {
        check_identities(&ev);
        outcome_out->result =
            outcome_out->spf_aligned || outcome_out->dkim_aligned ? DMARC_PASS : DMARC_FAIL;
        st = select_policy(&ev);
    }
    if (st != OR_OK || (ev.undecided && outcome_out->result != DMARC_PASS))
        outcome_out->result = DMARC_TEMPERROR;
}
