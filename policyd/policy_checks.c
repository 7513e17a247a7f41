/* The table, and the walk over what the configuration takes from it. */
#include "policyd/policy_checks.h"

#include "common/text/addr.h"
#include "common/text/domain.h"
#include "policyd/check_access.h"
#include "policyd/check_brake.h"
#include "policyd/check_client.h"
#include "policyd/check_dnsbl.h"
#include "policyd/check_greylist.h"
#include "policyd/check_helo.h"
#include "policyd/check_quota.h"
#include "policyd/check_rate.h"
#include "policyd/check_sender.h"
#include "policyd/check_spf.h"
#include "policyd/policy_plan.h"
#include "policyd/policyd_metrics.h"

#include <string.h>

/* In the order of policyd_metrics_checks, which has the names. */
static const policy_check checks[] = {
    check_access, check_rate, check_brake, check_client,   check_helo,
    check_sender, check_spf,  check_dnsbl, check_greylist, check_quota,
};
#define COUNT (sizeof(checks) / sizeof(checks[0]))
_Static_assert(COUNT <= POLICYD_MAX_CHECKS, "policyd_conf.h");
_Static_assert(COUNT == POLICYD_METRICS_CHECKS, "policyd_metrics.h");

int
policy_checks_find(const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(policyd_metrics_checks[i], name) == 0)
            return (int)i;
    return -1;
}

const char *
policy_checks_name(int check)
{
    return policyd_metrics_checks[check];
}

const char *
policy_checks_names(void)
{
    return "access, rate, brake, client, helo, sender, spf, dnsbl, greylist, quota";
}

static void
split_address(struct span address, struct arena *mem, struct span *local_out,
              struct span *domain_out)
{
    struct addr a = addr_split(address);

    *local_out = a.local;
    if (a.domain.n == 0 || domain_canonical(a.domain, mem, domain_out, NULL) != OR_OK)
        *domain_out = SPAN_EMPTY;
}

void
policy_checks_prepare(struct policy_question *q)
{
    const struct policy_request *r = q->request;
    struct arena *mem = q->work->mem;

    /* "unknown" and the like leave family 0: nothing that depends on the client is checked then. */
    if (ip_parse(r->client_address, &q->client) != OR_OK)
        q->client = (struct ip){.family = 0};
    q->trusted =
        r->sasl_username.n > 0 || policyd_conf_is_internal(q->work->view->settings, &q->client);
    split_address(r->sender, mem, &q->sender_local, &q->sender_domain);
    split_address(r->recipient, mem, &q->recipient_local, &q->recipient_domain);
}

void
policy_checks_say(struct policy_question *q, const char *check, const char *text)
{
    if (text != NULL && q->word_count < POLICY_MAX_WORDS)
        q->words[q->word_count++] = (struct policy_word){check, text};
}

bool
policy_checks_is_stranger_at_rcpt(const struct policy_question *q)
{
    return span_equal_cstr(q->request->protocol_state, "RCPT") && !q->trusted &&
           q->client.family != 0;
}

bool
policy_checks_has_confirmed_name(const struct policy_question *q)
{
    return q->request->client_name.n != 0 && !span_equal_cstr(q->request->client_name, "unknown");
}

enum policy_opinion
policy_checks_act(const struct policy_question *q, int action, const struct policy_refusal *refusal,
                  struct policy_action *action_out)
{
    bool later = action == POLICYD_DEFER;

    if (action == POLICYD_ACCEPT)
        return POLICY_NONE;
    char *value = arena_printf(q->work->mem, "%s.%s %s%s", later ? "450 4" : "550 5", refusal->dsn,
                               refusal->text != NULL ? refusal->text : "refused",
                               later ? "; try again later" : "");
    /* Without memory for the text there is still the code. */
    *action_out = (struct policy_action){
        .value = value != NULL ? span_cstr(value) : SPAN_LIT("451 4.3.0 try again later"),
        .reason = refusal->reason,
    };
    return POLICY_FINAL;
}

bool
policy_checks_has_field(const struct policy_question *q)
{
    const struct policy_memory *m = q->memory;
    struct span instance = q->request->instance;

    return instance.n > 0 &&
           span_equal(span_make(m->prepended_instance, m->prepended_bytes), instance);
}

static void
remember_field(struct policy_memory *memory, struct span instance)
{
    memory->prepended_bytes = instance.n <= sizeof(memory->prepended_instance) ? instance.n : 0;
    memcpy(memory->prepended_instance, instance.p, memory->prepended_bytes);
}

/* What a check in shadow mode would have answered, for the log. */
static void
say_shadow(struct policy_question *q, const char *check, const struct policy_action *action)
{
    struct span verb = span_slice(action->value, 0, span_find(action->value, ' '));

    policy_checks_say(q, check, arena_printf(q->work->mem, "shadow:%.*s", SPAN_ARG(verb)));
}

static void
count_step(const struct policy_trace *trace, unsigned check, const struct policy_action *action)
{
    unsigned verdict = POLICYD_CHECK_NONE;

    if (trace->skipped_by != NULL)
        verdict = POLICYD_CHECK_SKIPPED;
    else if (trace->opinion != POLICY_NONE)
        verdict = policyd_metrics_action(action->value);
    metrics_add(POLICYD_METRIC_CHECKS, check, verdict, 1);
}

static enum policy_opinion
run_step(struct policy_question *q, const struct policy_step *step,
         const struct policy_parties *parties, struct policy_action *action)
{
    struct policy_trace *trace = &q->trace[q->trace_count++];

    *trace = (struct policy_trace){.check = policy_checks_name(step->check),
                                   .shadow = step->shadow,
                                   .skipped_by = policy_plan_skips(step, parties),
                                   .word_from = q->word_count};
    enum policy_opinion opinion =
        trace->skipped_by == NULL ? checks[step->check](q, action) : POLICY_NONE;

    trace->word_end = q->word_count;
    trace->opinion = opinion;
    count_step(trace, (unsigned)step->check, action);
    if (opinion == POLICY_NONE)
        return POLICY_NONE;
    trace->value = action->value;
    action->check = trace->check;
    if (!step->shadow)
        return opinion;
    say_shadow(q, action->check, action);
    return POLICY_NONE;
}

void
policy_checks_describe(const struct policy_trace *t, struct buf *out)
{
    buf_addf(out, "%s%s: ", t->check, t->shadow ? " (shadow)" : "");
    if (t->skipped_by != NULL)
        buf_addf(out, "not asked, %s", t->skipped_by);
    else if (t->opinion == POLICY_NONE)
        buf_add_cstr(out, "no objection");
    else
        buf_add_span(out, t->value);
}

void
policy_checks_run(struct policy_question *q, struct policy_action *action_out)
{
    const struct policy_plan *plan = q->work->view->plan;
    const struct policy_parties parties = {
        .client = q->client,
        .sender_local = q->sender_local,
        .sender_domain = q->sender_domain,
        .recipient_local = q->recipient_local,
        .recipient_domain = q->recipient_domain,
    };

    *action_out = (struct policy_action){.value = SPAN_LIT("DUNNO")};
    for (size_t i = 0; i < plan->count; i++) {
        struct policy_action action = {.value = SPAN_EMPTY};

        enum policy_opinion opinion = run_step(q, &plan->steps[i], &parties, &action);
        /* The first field is the one: Postfix takes a single PREPEND from an answer. */
        if (opinion == POLICY_FINAL || (opinion == POLICY_HEADER && action_out->check == NULL))
            *action_out = action;
        if (opinion == POLICY_FINAL)
            return;
    }
    /* Only now: a recipient that was refused took no field along. */
    if (action_out->check != NULL)
        remember_field(q->memory, q->request->instance);
}
