/*
 * Who trips the brake is told once: in the log, and to the administrator's program. Only logins are
 * held; a bounce itself is never stopped. A store that cannot be asked holds nobody.
 */
#include "policyd/check_brake.h"

#include "common/base/log.h"
#include "common/run/hook.h"
#include "policyd/brake.h"

static struct brake_settings
settings_of(const struct policyd_settings *set)
{
    return (struct brake_settings){
        .min_recipients = set->brake_min_recipients,
        .factor = set->brake_factor,
        .bounces = set->brake_bounces,
        .hold_s = set->brake_hold_ms / 1000,
    };
}

static void
tell(const struct policy_question *q, struct span login, const char *reason)
{
    const char *hook = q->work->view->settings->brake_hook;
    const char *name = arena_strdup(q->work->mem, login);
    const char *const argv[] = {hook, name, reason, NULL};
    struct err e;

    log_warning(
        "brake: mail of %.*s is put on hold: %s; release it with \"outrider brake release\"",
        SPAN_ARG(login), reason);
    if (hook[0] != '\0' && name != NULL && hook_run(argv, &e) != OR_OK)
        log_error("brake-hook: %s", e.text);
}

static enum policy_opinion
hold(struct policy_question *q, const struct brake_outcome *o, struct policy_action *action_out)
{
    char *value = arena_printf(q->work->mem, "HOLD account held: %s", o->reason);

    policy_checks_say(q, "brake", "held");
    if (value == NULL)
        return POLICY_NONE;
    *action_out = (struct policy_action){.value = span_cstr(value), .reason = "brake"};
    return POLICY_FINAL;
}

static enum policy_opinion
check_sent(struct policy_question *q, struct policy_action *action_out)
{
    const struct brake_settings settings = settings_of(q->work->view->settings);
    struct span login = q->request->sasl_username;
    struct brake_outcome outcome;
    struct err e;

    if (brake_sent(q->work->view->store, &settings, login, policy_request_recipients(q->request),
                   q->work->now, &outcome, &e) != OR_OK) {
        policy_checks_say(q, "brake", "unknown"); /* kvstore.c has said why */
        return POLICY_NONE;
    }
    if (outcome.is_new && !kvstore_is_read_only(q->work->view->store))
        tell(q, login, outcome.reason);
    return outcome.held ? hold(q, &outcome, action_out) : POLICY_NONE;
}

static void
check_bounce(struct policy_question *q)
{
    const struct brake_settings settings = settings_of(q->work->view->settings);
    struct span login = q->request->recipient;
    struct brake_outcome outcome;
    struct err e;

    if (brake_bounced(q->work->view->store, &settings, login, q->work->now, &outcome, &e) ==
            OR_OK &&
        outcome.is_new && !kvstore_is_read_only(q->work->view->store))
        tell(q, login, outcome.reason);
}

enum policy_opinion
check_brake(struct policy_question *q, struct policy_action *action_out)
{
    const struct policy_request *r = q->request;

    if (q->work->view->store == NULL)
        return POLICY_NONE;
    if (span_equal_cstr(r->protocol_state, "END-OF-MESSAGE") && r->sasl_username.n != 0)
        return check_sent(q, action_out);
    if (span_equal_cstr(r->protocol_state, "RCPT") && r->sender.n == 0 && r->recipient.n != 0 &&
        !q->trusted)
        check_bounce(q);
    return POLICY_NONE;
}
