/*
 * A message counts when Postfix has it (END-OF-MESSAGE), so that what was refused before costs
 * nothing. A store that cannot be asked limits nobody.
 */
#include "policyd/check_rate.h"

#include "policyd/ratelimit.h"

#include <sys/socket.h>

#define IPV4_NET 24
#define IPV6_NET 64

static const struct {
    const char *protocol_state;
    enum policyd_rate_stage stage;
} stages[] = {
    {"RCPT", POLICYD_RATE_RCPT},
    {"DATA", POLICYD_RATE_DATA},
    {"END-OF-MESSAGE", POLICYD_RATE_END_OF_MESSAGE},
};

static bool
stage_of(struct span protocol_state, enum policyd_rate_stage *stage_out)
{
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        if (!span_equal_cstr(protocol_state, stages[i].protocol_state))
            continue;
        *stage_out = stages[i].stage;
        return true;
    }
    return false;
}

static struct span
client_text(const struct policy_question *q, bool net)
{
    char *text = arena_alloc(q->work->mem, IP_TEXT_BYTES);
    struct ip ip = q->client;

    if (text == NULL || ip.family == 0)
        return SPAN_EMPTY;
    if (net)
        ip_mask(&ip, ip.family == AF_INET ? IPV4_NET : IPV6_NET);
    ip_format(&ip, text);
    return span_cstr(text);
}

static void
fill_request(const struct policy_question *q, struct ratelimit_request *request)
{
    *request = (struct ratelimit_request){
        .values =
            {
                [RATELIMIT_SASL_USER] = q->request->sasl_username,
                [RATELIMIT_CLIENT] = client_text(q, false),
                [RATELIMIT_CLIENT_NET] = client_text(q, true),
                [RATELIMIT_SENDER] = q->request->sender,
                [RATELIMIT_SENDER_DOMAIN] = q->sender_domain,
                [RATELIMIT_RECIPIENT_DOMAIN] = q->recipient_domain,
            },
        .now_ms = (int64_t)q->work->now * 1000,
    };
}

/* RFC 3463: 4.7.1 "delivery not authorized", which is what a limit is; HOLD and WARN have no code.
 */
static enum policy_opinion
refuse(const struct policy_question *q, const struct ratelimit_rule *rule,
       const struct kvstore_taken *taken, struct policy_action *action_out)
{
    const struct policyd_rate *conf = rule->conf;
    long long minutes = (taken->wait_ms + 59999) / 60000;
    long long limit = (long long)rule->windows[taken->refused].limit;
    const char *what = conf->count == POLICYD_RATE_RECIPIENTS ? "recipients" : "messages";
    char *text = NULL;

    switch ((enum policyd_rate_action)conf->action) {
    case POLICYD_RATE_DEFER:
        text = arena_printf(q->work->mem,
                            "450 4.7.1 more than %lld %s (limit %s); try again in %lld minutes",
                            limit, what, conf->head.title, minutes);
        break;
    case POLICYD_RATE_REJECT:
        text = arena_printf(q->work->mem,
                            "550 5.7.1 more than %lld %s (limit %s); the next in %lld minutes",
                            limit, what, conf->head.title, minutes);
        break;
    case POLICYD_RATE_HOLD:
        text = arena_printf(q->work->mem, "HOLD more than %lld %s (limit %s)", limit, what,
                            conf->head.title);
        break;
    case POLICYD_RATE_WARN:
        return POLICY_NONE;
    }
    if (text == NULL)
        return POLICY_NONE;
    *action_out = (struct policy_action){.value = span_cstr(text), .reason = conf->head.title};
    return POLICY_FINAL;
}

static enum policy_opinion
apply_rule(struct policy_question *q, const struct ratelimit_rule *rule,
           struct ratelimit_request *request, struct policy_action *action_out)
{
    struct kvstore_taken taken;
    struct err e;

    request->cost =
        rule->conf->count == POLICYD_RATE_RECIPIENTS && rule->conf->stage != POLICYD_RATE_RCPT
            ? policy_request_recipients(q->request)
            : 1;
    or_status st = ratelimit_check(rule, q->work->view->store, request, &taken, &e);
    if (st == OR_ABSENT)
        return POLICY_NONE;
    if (st != OR_OK) {
        policy_checks_say(q, "rate", "unknown"); /* kvstore.c has said why */
        return POLICY_NONE;
    }
    if (taken.granted)
        return POLICY_NONE;
    policy_checks_say(q, "rate", arena_printf(q->work->mem, "over:%s", rule->conf->head.title));
    return refuse(q, rule, &taken, action_out);
}

enum policy_opinion
check_rate(struct policy_question *q, struct policy_action *action_out)
{
    const struct ratelimit *limits = q->work->view->limits;
    struct ratelimit_request request;
    enum policyd_rate_stage stage;

    if (limits->count == 0 || q->work->view->store == NULL ||
        !stage_of(q->request->protocol_state, &stage))
        return POLICY_NONE;
    fill_request(q, &request);
    for (size_t i = 0; i < limits->count; i++) {
        if ((enum policyd_rate_stage)limits->rules[i].conf->stage != stage)
            continue;
        enum policy_opinion opinion = apply_rule(q, &limits->rules[i], &request, action_out);

        if (opinion != POLICY_NONE)
            return opinion;
    }
    return POLICY_NONE;
}
