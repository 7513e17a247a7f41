/* From facts to an action; what a signal means is written beside its weight. */
#include "policyd/verdict_decide.h"

bool
verdict_decide_is_list_copy(const struct verdict_facts *f)
{
    return f->has_list_traits && (!f->dmarc->spf_related || f->dmarc->dkim_related);
}

bool
verdict_decide_wants_vouching(const struct verdict_facts *f)
{
    return f->dmarc->result == DMARC_FAIL && f->dmarc->policy != DMARC_POLICY_NONE &&
           f->rule == NULL;
}

static bool
is_corroborated_mode(const struct policyd_settings *settings, const struct verdict_facts *f)
{
    return settings->dmarc_reject == POLICYD_DMARC_REJECT_CORROBORATED &&
           f->dmarc->result == DMARC_FAIL && f->dmarc->policy == DMARC_POLICY_REJECT &&
           !verdict_decide_is_list_copy(f) && f->rule == NULL;
}

bool
verdict_decide_wants_from_spf(const struct policyd_settings *settings,
                              const struct verdict_facts *f)
{
    return is_corroborated_mode(settings, f) && !f->dmarc->spf_related &&
           settings->weights.from_spf_fail > 0;
}

bool
verdict_decide_wants_dnsbl(const struct policyd_settings *settings, const struct verdict_facts *f)
{
    return is_corroborated_mode(settings, f) && settings->weights.dnsbl > 0;
}

/* SPF counts once. For an envelope of the author's own domain a fail is that domain's word about
 * this very mail; for another envelope the author's domain does not name this client, which is also
 * what every honest forwarder looks like, so it weighs less. */
static int64_t
weigh_spf(const struct policyd_weights *w, const struct verdict_facts *f)
{
    if (!f->dmarc->spf_related)
        return f->from_spf == SPF_FAIL ? w->from_spf_fail : 0;
    if (f->spf == SPF_FAIL)
        return w->spf_fail;
    return f->spf == SPF_SOFTFAIL ? w->spf_softfail : 0;
}

static int64_t
weigh_signals(const struct policyd_weights *w, const struct verdict_facts *f)
{
    return weigh_spf(w, f) + (f->no_ptr ? w->no_ptr : 0) +
           (!f->has_signature && !f->has_list_traits ? w->no_signature : 0) +
           w->dnsbl * f->dnsbl_percent / 100;
}

/* A policy of reject that DMARC failed. */
static void
decide_reject(const struct policyd_settings *settings, const struct verdict_facts *f,
              struct verdict_decision *d)
{
    d->action = VERDICT_REJECT;
    if (settings->dmarc_reject == POLICYD_DMARC_REJECT_ALWAYS)
        return;
    if (is_corroborated_mode(settings, f)) {
        d->weight = weigh_signals(&settings->weights, f);
        if (d->weight >= settings->reject_threshold)
            return;
    }
    d->action = VERDICT_QUARANTINE;
    d->override = verdict_decide_is_list_copy(f) ? "mailing_list" : "local_policy";
}

/* What the owner asks for. */
static enum verdict_action
action_of(enum dmarc_policy policy)
{
    if (policy == DMARC_POLICY_REJECT)
        return VERDICT_REJECT;
    return policy == DMARC_POLICY_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_ACCEPT;
}

/* The reason in RFC 9990's words: what the rule goes by. */
static void
decide_by_rule(const struct verdict_facts *f, struct verdict_decision *d)
{
    const struct policyd_dmarc_rule *rule = f->rule;

    d->action = (enum verdict_action)rule->action;
    if (d->action == action_of(f->dmarc->policy))
        return;
    if (rule->list_ids.count != 0)
        d->override = "mailing_list";
    else if (rule->clients.count != 0 && d->action == VERDICT_ACCEPT)
        d->override = "trusted_forwarder";
    else
        d->override = "local_policy";
}

static void
decide_fail(const struct policyd_settings *settings, const struct verdict_facts *f,
            struct verdict_decision *d)
{
    /* RFC 8617 9.4 and RFC 9990: a forwarder on our own list brings it or says it was genuine. */
    if (f->rule != NULL)
        decide_by_rule(f, d);
    else if (f->vouched && verdict_decide_wants_vouching(f))
        d->override = "trusted_forwarder";
    else if (f->dmarc->policy == DMARC_POLICY_REJECT)
        decide_reject(settings, f, d);
    else if (f->dmarc->policy == DMARC_POLICY_QUARANTINE)
        d->action = VERDICT_QUARANTINE;
    /* RFC 9990: the owner wants to see that his test mode was heeded. */
    if (f->dmarc->test_mode && d->override[0] == '\0')
        d->override = "policy_test_mode";
}

/* DNS did not say. Where the policy is known to be none the answer would change nothing. */
static void
decide_temperror(const struct policyd_settings *settings, const struct verdict_facts *f,
                 struct verdict_decision *d)
{
    bool harmless = f->dmarc->policy_known && f->dmarc->policy == DMARC_POLICY_NONE;

    if (settings->dmarc_temperror == POLICYD_TEMPERROR_TEMPFAIL && !harmless)
        d->action = VERDICT_TEMPFAIL;
}

/* RFC 9989 11.5: such messages are outside DMARC, which is what makes them a way around it. */
static void
decide_from_defect(const struct policyd_settings *settings, struct verdict_decision *d)
{
    if (settings->from_invalid == POLICYD_FROM_INVALID_REJECT) {
        d->action = VERDICT_REJECT;
        d->from_is_reason = true;
        d->override = "";
    } else if (settings->from_invalid == POLICYD_FROM_INVALID_QUARANTINE &&
               d->action == VERDICT_ACCEPT) {
        d->action = VERDICT_QUARANTINE;
    }
}

void
verdict_decide(const struct policyd_settings *settings, const struct verdict_facts *f,
               struct verdict_decision *decision_out)
{
    struct verdict_decision d = {.action = VERDICT_ACCEPT, .override = ""};

    if (f->dmarc->result == DMARC_FAIL)
        decide_fail(settings, f, &d);
    else if (f->dmarc->result == DMARC_TEMPERROR)
        decide_temperror(settings, f, &d);
    if (f->from_defect != DMARC_FROM_OK)
        decide_from_defect(settings, &d);
    if (settings->dmarc == POLICYD_DMARC_OBSERVE && d.action != VERDICT_ACCEPT) {
        d.action = VERDICT_ACCEPT;
        d.override = "local_policy";
    }
    *decision_out = d;
}
