/*
 * The result is the same for every recipient of a message (the answers come from the DNS cache);
 * the field must stand there once.
 */
#include "policyd/check_spf.h"

#include "policyd/spf/spf_eval.h"
#include "policyd/spf/spf_header.h"

#define REPLY_TEXT "; see RFC 7208"

static enum policy_opinion
set_action(struct policy_action *action, const char *value, const char *reason)
{
    /* Without memory for the text there is still the code. */
    action->value = value != NULL ? span_cstr(value) : SPAN_LIT("451 4.3.0 try again later");
    action->reason = reason;
    return POLICY_FINAL;
}

/* RFC 7372 3.2: 5.7.23, with the domain's own explanation marked as such (RFC 7208 6.2). */
static enum policy_opinion
refuse(const struct policy_question *q, const struct spf_outcome *spf,
       struct policy_action *action_out)
{
    char client[IP_TEXT_BYTES];

    ip_format(&q->client, client);
    return set_action(
        action_out,
        arena_printf(q->work->mem,
                     "550 5.7.23 SPF: %.*s does not let %s send its mail%s%.*s" REPLY_TEXT,
                     SPAN_ARG(spf->domain), client,
                     spf->explanation_is_default ? "" : "; the domain explains: ",
                     SPAN_ARG(spf->explanation_is_default ? SPAN_EMPTY : spf->explanation)),
        "spf-fail");
}

static enum policy_opinion
defer(const struct policy_question *q, const struct spf_outcome *spf,
      struct policy_action *action_out)
{
    return set_action(
        action_out,
        arena_printf(q->work->mem,
                     "451 4.7.24 SPF: DNS did not say whether %.*s lets this client send its "
                     "mail; try again later",
                     SPAN_ARG(spf->domain)),
        "spf-temperror");
}

static enum policy_opinion
prepend_field(const struct policy_question *q, const struct spf_query *query,
              struct policy_action *action_out)
{
    struct buf value;

    buf_init(&value, SPF_HEADER_MAX_BYTES);
    spf_header_format(query, q->spf, &value);
    struct span text = buf_span(&value);
    char *line = arena_printf(q->work->mem, "PREPEND Received-SPF: %.*s", SPAN_ARG(text));
    buf_fini(&value);
    /* A field that finds no room is no reason to hold up mail. */
    if (line == NULL)
        return POLICY_NONE;
    *action_out = (struct policy_action){.value = span_cstr(line), .reason = "spf-header"};
    return POLICY_HEADER;
}

static bool
applies(const struct policy_question *q)
{
    return span_equal_cstr(q->request->protocol_state, "RCPT") && !q->trusted &&
           q->client.family != 0;
}

enum policy_opinion
check_spf(struct policy_question *q, struct policy_action *action_out)
{
    const struct policyd_settings *set = q->work->view->settings;

    if (!applies(q))
        return POLICY_NONE;
    struct spf_query query =
        policyd_spf_query(q->work, &q->client, q->request->helo_name, q->request->sender);
    struct spf_outcome *spf = arena_alloc(q->work->mem, sizeof(*spf));
    if (spf == NULL)
        return POLICY_NONE;
    spf_eval(&query, spf);
    q->spf = spf;
    if (spf->result == SPF_FAIL && set->spf_reject_fail)
        return refuse(q, spf, action_out);
    if (spf->result == SPF_TEMPERROR && set->spf_defer_temperror)
        return defer(q, spf, action_out);
    if (!set->spf_header || policy_checks_has_field(q))
        return POLICY_NONE;
    return prepend_field(q, &query, action_out);
}
