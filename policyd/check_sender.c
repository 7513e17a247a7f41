/* Each finding has a row: how it is called, what is said, which option decides. */
#include "policyd/check_sender.h"

#include "common/text/domain.h"
#include "policyd/sender_domain.h"

#include <stddef.h>

#define ON(field) offsetof(struct policyd_sender_on, field)

/* RFC 7505 4.2: 550 5.7.27; RFC 3463: x.1.8 bad sender's system address. */
static const struct {
    const char *word;
    size_t option;
    const char *dsn;
    const char *text; /* behind the domain */
} findings[SENDER_DOMAIN_ROUTES] = {
    [SENDER_DOMAIN_NULL_MX] = {"null-mx", ON(null_mx), "7.27",
                               "says that it takes no mail (null MX, RFC 7505)"},
    [SENDER_DOMAIN_NOT_FOUND] = {"no-domain", ON(no_domain), "1.8",
                                 "has neither an MX record nor an address"},
    [SENDER_DOMAIN_BAD_MX] = {"bad-mx", ON(bad_mx), "1.8",
                              "has no mail host with a public address"},
    [SENDER_DOMAIN_TEMPERROR] = {"temperror", ON(temperror), "1.8",
                                 "could not be looked up in DNS"},
};

/* A literal ("x@[192.0.2.1]") is no domain. */
static bool
applies(const struct policy_question *q)
{
    return policy_checks_is_stranger_at_rcpt(q) && domain_is_hostname(q->sender_domain);
}

enum policy_opinion
check_sender(struct policy_question *q, struct policy_action *action_out)
{
    const struct policyd_sender_on *on = &q->work->view->settings->sender_on;

    if (!applies(q))
        return POLICY_NONE;
    enum sender_domain_route route =
        sender_domain_find(q->work, q->sender_domain, on->bad_mx != POLICYD_ACCEPT);
    if (findings[route].word == NULL)
        return POLICY_NONE;
    policy_checks_say(q, "sender-domain", findings[route].word);
    const struct policy_refusal refusal = {
        .dsn = findings[route].dsn,
        .text = arena_printf(q->work->mem, "sender's domain %.*s %s", SPAN_ARG(q->sender_domain),
                             findings[route].text),
        .reason = findings[route].word,
    };
    int action = *(const int *)(const void *)((const char *)on + findings[route].option);
    /* What may be different in a minute refuses nobody for good. */
    if (route == SENDER_DOMAIN_TEMPERROR && action == POLICYD_REJECT)
        action = POLICYD_DEFER;
    return policy_checks_act(q, action, &refusal, action_out);
}
