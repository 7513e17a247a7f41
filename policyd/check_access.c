/*
 * "accept" ends our own checks and nothing else: the answer is DUNNO, never OK, with which a rule
 * in the wrong place would open a relay.
 */
#include "policyd/check_access.h"

#include "policyd/access_file.h"

#define DEFAULT_TEXT "access denied"

static const struct {
    const char *answer; /* before the text; NULL: nothing is answered */
    const char *text;   /* where the rule has none */
} answers[] = {
    [ACCESS_ACCEPT] = {"DUNNO", ""},
    [ACCESS_REJECT] = {"550 5.7.1 ", DEFAULT_TEXT},
    [ACCESS_DEFER] = {"450 4.7.1 ", "try again later"},
    [ACCESS_HOLD] = {"HOLD ", "access rule"},
    [ACCESS_DISCARD] = {"DISCARD ", "access rule"},
    [ACCESS_WARN] = {NULL, NULL},
};

static enum policy_opinion
answer(struct policy_question *q, const struct access_answer *a, struct policy_action *action_out)
{
    const char *name = access_action_name(a->action);
    struct arena *mem = q->work->mem;
    struct span text = a->text.n != 0 ? a->text : span_cstr(answers[a->action].text);
    char *value = NULL;

    policy_checks_say(q, "access", arena_printf(mem, "%s:line=%u", name, a->line));
    if (answers[a->action].answer == NULL)
        return POLICY_NONE;
    if (a->action == ACCESS_ACCEPT)
        text = SPAN_EMPTY;
    value = arena_printf(mem, "%s%.*s", answers[a->action].answer, SPAN_ARG(text));
    *action_out = (struct policy_action){
        .value = value != NULL ? span_cstr(value) : SPAN_LIT("451 4.3.0 try again later"),
        .reason = "access"};
    return POLICY_FINAL;
}

enum policy_opinion
check_access(struct policy_question *q, struct policy_action *action_out)
{
    struct access_file *file = q->work->view->access;
    const struct policy_request *r = q->request;
    const struct access_facts facts = {
        .client = q->client,
        .client_name = r->client_name,
        .helo = r->helo_name,
        .sasl_user = r->sasl_username,
        .sender_local = q->sender_local,
        .sender_domain = q->sender_domain,
        .recipient_local = q->recipient_local,
        .recipient_domain = q->recipient_domain,
    };
    struct access_answer found;
    enum policy_opinion opinion = POLICY_NONE;

    if (file == NULL || !span_equal_cstr(r->protocol_state, "RCPT"))
        return POLICY_NONE;
    const struct access_rules *rules = access_file_take(file);
    or_status st = access_rules_find(rules, &facts, q->work->mem, &found);
    if (st == OR_OK) /* its text lies in the rules */
        opinion = answer(q, &found, action_out);
    else if (st == OR_LIMIT)
        policy_checks_say(q, "access", arena_printf(q->work->mem, "too-slow:line=%u", found.line));
    access_file_drop(file, rules);
    return opinion;
}
