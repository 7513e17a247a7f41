/* The sum becomes an answer that says who is listed where, and how to look it up. */
#include "policyd/check_dnsbl.h"

#define REPLY_MAX_BYTES 450 /* smtpd keeps 510 bytes of a reply */
#define WORD_MAX_BYTES 1024
#define MAX_NAMED 3 /* lists in one reply */

static const struct dnslist_outcome nothing;

const struct dnslist_outcome *
check_dnsbl_outcome(struct policy_question *q)
{
    if (q->dnslist != NULL)
        return q->dnslist;
    const struct dnslist_about about = {
        .client = q->client,
        .sender = q->request->sender,
        .helo = q->request->helo_name,
        .client_name = q->request->client_name,
    };
    struct dnslist_outcome *outcome = arena_alloc(q->work->mem, sizeof(*outcome));
    if (outcome == NULL)
        return &nothing;
    dnslist_eval(q->work, &about, outcome);
    q->dnslist = outcome;
    return outcome;
}

/* "5:zen.spamhaus.org=127.0.0.4,dead.example=unknown", or "none". */
static const char *
word_of(const struct policy_question *q, const struct dnslist_outcome *o)
{
    static const char *const states[] = {
        [DNSLIST_UNKNOWN] = "unknown", [DNSLIST_PAUSED] = "paused"};
    struct buf word;
    char separator = ':';

    buf_init(&word, WORD_MAX_BYTES);
    buf_addf(&word, "%lld", (long long)o->score);
    for (size_t i = 0; i < o->count; i++) {
        const struct dnslist_reply *r = &o->replies[i];
        char address[IP_TEXT_BYTES];

        if (r->state == DNSLIST_CLEAN)
            continue;
        ip_format(&r->answer, address);
        buf_addf(&word, "%c%.*s=%s", separator, SPAN_ARG(r->list->zone),
                 r->state == DNSLIST_LISTED ? address : states[r->state]);
        separator = ',';
    }
    const char *text = separator == ':' ? "none" : arena_strdup(q->work->mem, buf_span(&word));
    buf_fini(&word);
    return text;
}

static const struct dnslist_reply *
heaviest(const struct dnslist_outcome *o)
{
    const struct dnslist_reply *found = NULL;

    for (size_t i = 0; i < o->count; i++)
        if (o->replies[i].state == DNSLIST_LISTED && o->replies[i].weight > 0 &&
            (found == NULL || o->replies[i].weight > found->weight))
            found = &o->replies[i];
    return found;
}

static void
name_others(struct buf *text, const struct dnslist_outcome *o, const struct dnslist_reply *first)
{
    size_t named = 1;

    for (size_t i = 0; i < o->count && named < MAX_NAMED; i++) {
        const struct dnslist_reply *r = &o->replies[i];

        if (r == first || r->state != DNSLIST_LISTED || r->weight <= 0)
            continue;
        buf_addf(text, "; %.*s by %.*s", SPAN_ARG(r->subject), SPAN_ARG(r->list->zone));
        named++;
    }
}

static enum policy_opinion
refuse(const struct policy_question *q, const struct dnslist_outcome *o, bool later,
       struct policy_action *action_out)
{
    const struct dnslist_reply *first = heaviest(o);
    struct span why = dnslist_explain(q->work, first);
    struct span value;
    struct buf text;

    buf_init(&text, 2 * REPLY_MAX_BYTES);
    buf_addf(&text, "%s %.*s is listed by %.*s", later ? "450 4.7.1" : "550 5.7.1",
             SPAN_ARG(first->subject), SPAN_ARG(first->list->zone));
    if (why.n > 0)
        buf_addf(&text, " (%.*s)", SPAN_ARG(why));
    else
        buf_addf(&text, " (look up %.*s)", SPAN_ARG(first->name));
    name_others(&text, o, first);
    /* Without memory for the text there is still the code. */
    if (arena_copy(q->work->mem, span_slice(buf_span(&text), 0, REPLY_MAX_BYTES), &value) != OR_OK)
        value = SPAN_LIT("451 4.3.0 try again later");
    buf_fini(&text);
    *action_out = (struct policy_action){.value = value, .reason = "dnsbl"};
    return POLICY_FINAL;
}

bool
check_dnsbl_vouches(struct policy_question *q, const char *check)
{
    const struct dnslist_set *lists = q->work->view->lists;

    if (lists == NULL || !lists->has_allow_list || !check_dnsbl_outcome(q)->vouched)
        return false;
    policy_checks_say(q, check, "allowlisted");
    return true;
}

enum policy_opinion
check_dnsbl(struct policy_question *q, struct policy_action *action_out)
{
    const struct policyd_settings *set = q->work->view->settings;

    if (!policy_checks_is_stranger_at_rcpt(q))
        return POLICY_NONE;
    const struct dnslist_outcome *o = check_dnsbl_outcome(q);
    policy_checks_say(q, "dnsbl", word_of(q, o));
    if (o->score >= set->dnslist_reject_score)
        return refuse(q, o, false, action_out);
    if (set->dnslist_defer_score > 0 && o->score >= set->dnslist_defer_score)
        return refuse(q, o, true, action_out);
    return POLICY_NONE;
}
