/*
 * Chooses whom a triplet is about, and puts the verdict into words. The null sender is greylisted
 * like any other: bounces and callbacks come again too.
 */
#include "policyd/check_greylist.h"

#include "common/text/suffix.h"
#include "policyd/greylist.h"

#include <sys/socket.h>

#define IPV4_NET 24
#define IPV6_NET 64

/* Postfix confirms names forward and back; "unknown" is a client without one. */
static bool
has_confirmed_name(const struct policy_question *q)
{
    return q->request->client_name.n != 0 && !span_equal_cstr(q->request->client_name, "unknown");
}

static bool
is_spf_pass(const struct policy_question *q)
{
    return q->spf != NULL && q->spf->result == SPF_PASS && q->spf->domain.n != 0;
}

/* Who delivers: what a pool of hosts has in common, strongest first. */
static const char *
identity_of(const struct policy_question *q)
{
    struct arena *mem = q->work->mem;
    char address[IP_TEXT_BYTES];
    struct ip net = q->client;
    struct span domain;

    if (is_spf_pass(q))
        return arena_printf(mem, "spf:%.*s", SPAN_ARG(q->spf->domain));
    if (has_confirmed_name(q) && suffix_registrable(q->request->client_name, mem, &domain) == OR_OK)
        return arena_printf(mem, "host:%.*s", SPAN_ARG(domain));
    ip_mask(&net, net.family == AF_INET ? IPV4_NET : IPV6_NET);
    ip_format(&net, address);
    return arena_printf(mem, "net:%s", address);
}

static bool
applies(const struct policy_question *q)
{
    const struct policyd_settings *set = q->work->view->settings;

    if (!span_equal_cstr(q->request->protocol_state, "RCPT") || q->trusted ||
        q->client.family == 0 || q->work->view->store == NULL)
        return false;
    return !(set->greylist_skip_vouched && is_spf_pass(q) && has_confirmed_name(q));
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

enum policy_opinion
check_greylist(struct policy_question *q, struct policy_action *action_out)
{
    const struct policyd_settings *set = q->work->view->settings;
    const struct greylist_settings settings = {
        .delay_s = set->greylist_delay_ms / 1000,
        .window_s = set->greylist_window_ms / 1000,
        .lifetime_s = set->greylist_lifetime_ms / 1000,
        .auto_allow = set->greylist_auto_allow,
    };
    struct greylist_outcome outcome;
    struct err e;

    if (!applies(q))
        return POLICY_NONE;
    const char *identity = identity_of(q);
    if (identity == NULL)
        return POLICY_NONE;
    const struct greylist_triplet triplet = {
        .identity = span_cstr(identity),
        .sender = q->request->sender,
        .recipient = q->request->recipient,
        .now = q->work->now,
    };
    if (greylist_check(q->work->view->store, &settings, &triplet, &outcome, &e) != OR_OK) {
        policy_checks_say(q, "greylist", "unknown"); /* kvstore.c has said why */
        return POLICY_NONE;
    }
    policy_checks_say(q, "greylist", word_of(q, &outcome));
    if (outcome.verdict == GREYLIST_NEW || outcome.verdict == GREYLIST_EARLY)
        return defer(q, &outcome, action_out);
    return POLICY_NONE;
}
