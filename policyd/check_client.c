/* Postfix knows whether there is a confirmed name; why there is none is looked up here, so that a
 * name server that is down refuses nobody. */
#include "policyd/check_client.h"

#include "policyd/client_name.h"

#include <sys/socket.h>

/* RFC 7372 3.3: x.7.25 reverse DNS validation failed. */
static enum policy_opinion
refuse_without_ptr(const struct policy_question *q, struct policy_action *action_out)
{
    const struct policyd_settings *set = q->work->view->settings;
    char client[IP_TEXT_BYTES];

    ip_format(&q->client, client);
    const struct policy_refusal refusal = {
        .dsn = "7.25",
        .text = arena_printf(q->work->mem, "client %s has no name: there is no PTR record", client),
        .reason = "no-ptr",
    };
    int action = set->client_no_ptr != POLICYD_ACCEPT ? set->client_no_ptr : set->client_no_name;
    return policy_checks_act(q, action, &refusal, action_out);
}

static enum policy_opinion
refuse_unconfirmed(const struct policy_question *q, struct span name,
                   struct policy_action *action_out)
{
    char client[IP_TEXT_BYTES];

    ip_format(&q->client, client);
    const struct policy_refusal refusal = {
        .dsn = "7.25",
        .text = arena_printf(q->work->mem,
                             "client %s is called %.*s by its PTR record, but that name has no %s "
                             "record with this address",
                             client, SPAN_ARG(name), q->client.family == AF_INET ? "A" : "AAAA"),
        .reason = "no-name",
    };
    return policy_checks_act(q, q->work->view->settings->client_no_name, &refusal, action_out);
}

enum policy_opinion
check_client(struct policy_question *q, struct policy_action *action_out)
{
    struct span name;

    if (!policy_checks_is_stranger_at_rcpt(q) || policy_checks_has_confirmed_name(q))
        return POLICY_NONE;
    switch (client_name_find(q->work, &q->client, &name)) {
    case CLIENT_NAME_CONFIRMED: /* Postfix asks for one name only, or asked when DNS was ill */
        policy_checks_say(q, "client-name", "confirmed");
        return POLICY_NONE;
    case CLIENT_NAME_TEMPERROR:
        policy_checks_say(q, "client-name", "temperror");
        return POLICY_NONE;
    case CLIENT_NAME_NO_PTR:
        policy_checks_say(q, "client-name", "no-ptr");
        return refuse_without_ptr(q, action_out);
    case CLIENT_NAME_UNCONFIRMED:
        policy_checks_say(q, "client-name",
                          arena_printf(q->work->mem, "unconfirmed:%.*s", SPAN_ARG(name)));
        return refuse_unconfirmed(q, name, action_out);
    }
    return POLICY_NONE;
}
