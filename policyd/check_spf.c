/*
 * The result is the same for every recipient of a message (the answers come from the DNS cache);
 * the field must stand there once.
 *
 * Two identities, each with actions of its own (RFC 7208 2.3, 2.4): the HELO name, asked only where
 * some result of it has consequences, and MAIL FROM, which for the null path is the HELO name too.
 */
#include "policyd/check_spf.h"

#include "policyd/check_dnsbl.h"
#include "policyd/spf/spf_eval.h"
#include "policyd/spf/spf_header.h"

#define NOTHING                                                                                    \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

/* RFC 7372 3.2: x.7.23 validation failed, x.7.24 validation error. The sentence is head, domain,
 * middle, client, tail; without one the evaluator's reason says it all. */
static const struct {
    const char *dsn;
    const char *word; /* for the log */
    const char *sentence[3];
} refusals[] = {
    [SPF_NONE] = {"7.23", "spf-none", NOTHING},
    [SPF_NEUTRAL] = {"7.23", "spf-neutral", {"", " does not say whether ", " may send its mail"}},
    [SPF_FAIL] = {"7.23", "spf-fail", {"", " does not let ", " send its mail"}},
    [SPF_SOFTFAIL] = {"7.23", "spf-softfail", {"", " doubts that ", " may send its mail"}},
    [SPF_TEMPERROR] = {"7.24",
                       "spf-temperror",
                       {"DNS did not say whether ", " lets ", " send its mail"}},
    [SPF_PERMERROR] = {"7.24", "spf-permerror", NOTHING},
};

static void
add_sentence(struct buf *out, const struct policy_question *q, const struct spf_outcome *spf)
{
    const char *const *s = refusals[spf->result].sentence;
    char client[IP_TEXT_BYTES];

    ip_format(&q->client, client);
    if (s[0] == NULL)
        buf_add_span(out, spf->reason);
    else
        buf_addf(out, "%s%.*s%s%s%s", s[0], SPAN_ARG(spf->domain), s[1], client, s[2]);
    if (spf->result == SPF_FAIL && !spf->explanation_is_default) /* RFC 7208 6.2 */
        buf_addf(out, "; the domain explains: %.*s", SPAN_ARG(spf->explanation));
}

static enum policy_opinion
refuse(const struct policy_question *q, const struct spf_outcome *spf, int action,
       struct policy_action *action_out)
{
    bool later = action == POLICYD_SPF_TEMPFAIL;
    struct buf text;
    struct span value;

    buf_init(&text, SPF_MAX_EXPLANATION_BYTES + 1024);
    buf_addf(&text, "%s.%s SPF%s: ", later ? "451 4" : "550 5", refusals[spf->result].dsn,
             spf->scope == SPF_SCOPE_HELO ? " of the HELO name" : "");
    add_sentence(&text, q, spf);
    buf_addf(&text, "; %ssee RFC 7208", later ? "try again later, " : "");
    /* Without memory for the text there is still the code. */
    if (arena_copy(q->work->mem, buf_span(&text), &value) != OR_OK)
        value = SPAN_LIT("451 4.3.0 try again later");
    buf_fini(&text);
    *action_out = (struct policy_action){.value = value, .reason = refusals[spf->result].word};
    return POLICY_FINAL;
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

static bool
has_consequences(const int *actions)
{
    for (size_t i = 0; i < SPF_RESULTS; i++)
        if (actions[i] != POLICYD_SPF_ACCEPT)
            return true;
    return false;
}

/* Leaves the forwarder for the log. */
static bool
is_forwarder(struct policy_question *q)
{
    const char *domain = policyd_spf_forwarder(q->work, &q->client, q->request->helo_name);

    if (domain != NULL)
        policy_checks_say(q, "forwarder", domain);
    return domain != NULL;
}

/* Asked only where something is about to be refused. */
static bool
is_allowlisted(struct policy_question *q)
{
    return q->work->view->settings->spf_skip_allowlisted && check_dnsbl_vouches(q, "spf-refusal");
}

/* `actions` is what the configuration makes of each result. */
static enum policy_opinion
act(struct policy_question *q, const struct spf_outcome *spf, const int *actions,
    struct policy_action *action_out)
{
    int action = actions[spf->result];

    if (action == POLICYD_SPF_ACCEPT || is_forwarder(q) || is_allowlisted(q))
        return POLICY_NONE;
    return refuse(q, spf, action, action_out);
}

/* The HELO name by itself; for the null path that is what was asked already. */
static enum policy_opinion
check_helo(struct policy_question *q, const struct spf_query *mfrom,
           struct policy_action *action_out)
{
    const struct policyd_settings *set = q->work->view->settings;
    const struct spf_outcome *spf = q->spf;
    struct spf_query query = *mfrom;
    struct spf_outcome helo;

    if (!has_consequences(set->spf_helo_on))
        return POLICY_NONE;
    if (spf->scope != SPF_SCOPE_HELO) {
        query.scope = SPF_SCOPE_HELO;
        spf_eval(&query, &helo);
        spf = &helo;
    }
    policy_checks_say(q, "spf-helo", spf_result_name(spf->result));
    return act(q, spf, set->spf_helo_on, action_out);
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
    enum policy_opinion opinion = check_helo(q, &query, action_out);
    if (opinion == POLICY_NONE)
        opinion = act(q, spf, set->spf_on, action_out);
    if (opinion != POLICY_NONE)
        return opinion;
    if (!set->spf_header || policy_checks_has_field(q))
        return POLICY_NONE;
    return prepend_field(q, &query, action_out);
}
