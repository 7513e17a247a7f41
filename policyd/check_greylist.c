/*
 * Chooses whom a triplet is about, and puts the verdict into words. The null sender is greylisted
 * like any other: bounces and callbacks come again too.
 */
#include "policyd/check_greylist.h"

#include "common/text/suffix.h"
#include "policyd/check_dnsbl.h"
#include "policyd/greylist.h"

static bool
is_spf_pass(const struct policy_question *q)
{
    return q->spf != NULL && q->spf->result == SPF_PASS && q->spf->domain.n != 0;
}

/* Who delivers: what a pool of hosts has in common, strongest first. */
static bool
identify(const struct policy_question *q, struct greylist_triplet *t)
{
    struct arena *mem = q->work->mem;
    char *network = greylist_network(&q->client, mem);
    const char *identity = NULL;
    struct span domain;

    if (network == NULL)
        return false;
    if (is_spf_pass(q))
        identity = arena_printf(mem, "spf:%.*s", SPAN_ARG(q->spf->domain));
    else if (policy_checks_has_confirmed_name(q) &&
             suffix_registrable(q->request->client_name, mem, &domain) == OR_OK)
        identity = arena_printf(mem, "host:%.*s", SPAN_ARG(domain));
    t->identity = span_cstr(identity != NULL ? identity : network);
    t->network = identity != NULL ? span_cstr(network) : SPAN_EMPTY;
    return true;
}

static bool
applies(const struct policy_question *q)
{
    const struct policyd_settings *set = q->work->view->settings;

    if (!span_equal_cstr(q->request->protocol_state, "RCPT") || q->trusted ||
        q->client.family == 0 || q->work->view->store == NULL)
        return false;
    return !(set->greylist_skip_vouched && is_spf_pass(q) && policy_checks_has_confirmed_name(q));
}

/* RFC 6647 2.4: 4xx at RCPT. DEFER_IF_PERMIT lets a later restriction still refuse for good. */
static enum policy_opinion
defer(const struct policy_question *q, const struct greylist_outcome *o,
      struct policy_action *action_out)
{
    char *text = arena_printf(
        q->work->mem,
        "DEFER_IF_PERMIT 4.7.1 greylisted: first mail of this kind, try again in %lld seconds",
        (long long)o->wait_s);

    if (text == NULL)
        return POLICY_NONE;
    *action_out = (struct policy_action){.value = span_cstr(text), .reason = "greylist"};
    return POLICY_FINAL;
}

static const char *
word_of(const struct policy_question *q, const struct greylist_outcome *o)
{
    const char *name = greylist_verdict_name(o->verdict);

    if (o->verdict == GREYLIST_WAITED)
        return arena_printf(q->work->mem, "%s:%llds", name, (long long)o->waited_s);
    return name;
}

/* Who stands on an allow list retries like anybody; waiting would only cost time. */
static bool
is_allowlisted(struct policy_question *q)
{
    return q->work->view->settings->greylist_skip_allowlisted && check_dnsbl_vouches(q, "greylist");
}

enum policy_opinion
check_greylist(struct policy_question *q, struct policy_action *action_out)
{
    const struct greylist_settings settings = greylist_settings_of(q->work->view->settings);
    struct greylist_outcome outcome;
    struct err e;

    if (!applies(q) || is_allowlisted(q))
        return POLICY_NONE;
    struct greylist_triplet triplet = {
        .sender = q->request->sender,
        .recipient = q->request->recipient,
        .now = q->work->now,
    };
    if (!identify(q, &triplet))
        return POLICY_NONE;
    if (greylist_check(q->work->view->store, &settings, &triplet, &outcome, &e) != OR_OK) {
        policy_checks_say(q, "greylist", "unknown"); /* kvstore.c has said why */
        return POLICY_NONE;
    }
    policy_checks_say(q, "greylist", word_of(q, &outcome));
    if (outcome.verdict == GREYLIST_NEW || outcome.verdict == GREYLIST_EARLY)
        return defer(q, &outcome, action_out);
    return POLICY_NONE;
}
