/* Each finding has a row: how it is called, what is said, which option decides. */
#include "policyd/check_helo.h"

#include "common/dns/dns_batch.h"
#include "policyd/helo_name.h"

#include <stddef.h>

#define NAME_SHOWN_BYTES 100

#define ON(field) offsetof(struct policyd_helo_on, field)

/* Codes as Postfix's own restrictions have them. */
static const struct {
    const char *word;
    size_t option;
    const char *dsn;
    const char *text; /* behind the name */
} findings[HELO_FINDINGS] = {
    [HELO_NONE] = {"none", ON(none), "5.1", "send HELO or EHLO first"},
    [HELO_INVALID] = {"invalid", ON(invalid), "5.2",
                      "is neither a host name nor an address literal"},
    [HELO_NOT_FQDN] = {"not-fqdn", ON(not_fqdn), "5.2", "is not a fully qualified host name"},
    [HELO_WRONG_LITERAL] = {"wrong-literal", ON(wrong_literal), "7.1",
                            "is not the address of the client"},
    [HELO_OUR_NAME] = {"our-name", ON(our_name), "7.1",
                       "is our own name, and the client is not us"},
    [HELO_NO_ADDRESS] = {"no-address", ON(no_address), "7.1",
                         "has neither an address nor a mail host in DNS"},
};

static enum helo_finding
judge(const struct policy_question *q)
{
    struct helo_facts facts = {
        .name = q->request->helo_name,
        .client = q->client,
        .hostname = q->work->view->hostname,
        .our_names = &q->work->view->settings->helo_our_names,
    };

    if (ip_parse(q->request->server_address, &facts.server) != OR_OK)
        facts.server = (struct ip){.family = 0};
    return helo_name_judge(&facts);
}

/* As Postfix's reject_unknown_helo_hostname. What DNS does not tell counts as an address. */
static bool
has_address(const struct policy_question *q)
{
    struct span name = q->request->helo_name;
    struct dns_question questions[] = {{.type = DNS_A, .name = name},
                                       {.type = DNS_AAAA, .name = name},
                                       {.type = DNS_MX, .name = name}};
    const size_t count = sizeof(questions) / sizeof(questions[0]);

    dns_batch_query(q->work->view->dns, questions, count, q->work->deadline_mono_ms, q->work->mem);
    for (size_t i = 0; i < count; i++)
        if (questions[i].status != OR_OK || questions[i].answer->result == DNS_FOUND)
            return true;
    return false;
}

static const char *
sentence(const struct policy_question *q, enum helo_finding finding)
{
    struct span name = span_slice(q->request->helo_name, 0, NAME_SHOWN_BYTES);

    if (finding == HELO_NONE)
        return findings[finding].text;
    return arena_printf(q->work->mem, "HELO name %.*s %s", SPAN_ARG(name), findings[finding].text);
}

enum policy_opinion
check_helo(struct policy_question *q, struct policy_action *action_out)
{
    const struct policyd_helo_on *on = &q->work->view->settings->helo_on;

    if (!policy_checks_is_stranger_at_rcpt(q))
        return POLICY_NONE;
    enum helo_finding finding = judge(q);
    if (finding == HELO_FINE_NAME && on->no_address != POLICYD_ACCEPT && !has_address(q))
        finding = HELO_NO_ADDRESS;
    if (findings[finding].word == NULL)
        return POLICY_NONE;
    policy_checks_say(q, "helo-name", findings[finding].word);
    const struct policy_refusal refusal = {
        .dsn = findings[finding].dsn,
        .text = sentence(q, finding),
        .reason = findings[finding].word,
    };
    const int *action = (const int *)(const void *)((const char *)on + findings[finding].option);
    return policy_checks_act(q, *action, &refusal, action_out);
}
