/* What the LMTP server said is passed on: it knows whether that is for now or for good. */
#include "policyd/check_quota.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "policyd/quota_probe.h"

/* Strangers and our own users alike: a full mailbox has no room for either. */
static bool
applies(const struct policy_question *q)
{
    if (q->work->view->quota == NULL || !span_equal_cstr(q->request->protocol_state, "RCPT") ||
        q->recipient_local.n == 0 || q->recipient_domain.n == 0)
        return false;
    for (size_t i = 0; i < q->recipient_local.n; i++)
        if ((unsigned char)q->recipient_local.p[i] < ' ' || q->recipient_local.p[i] == 0x7f)
            return false;
    return true;
}

/* Of this question, within the request's own. */
static int64_t
deadline(const struct policyd_work *w)
{
    int64_t own = clock_mono_ms() + w->view->settings->quota_timeout_ms;

    return own < w->deadline_mono_ms ? own : w->deadline_mono_ms;
}

enum policy_opinion
check_quota(struct policy_question *q, struct policy_action *action_out)
{
    struct quota_question question = {
        .recipient = {.local = q->recipient_local, .domain = q->recipient_domain}};
    struct span reply = SPAN_EMPTY;
    struct err e = {""};

    if (!applies(q))
        return POLICY_NONE;
    /* Postfix says 0 when the client has not said. */
    if (span_parse_u64(q->request->size, INT64_MAX, &question.size_bytes) != OR_OK)
        question.size_bytes = 0;
    question.deadline_mono_ms = deadline(q->work);
    or_status st = quota_probe_ask(q->work->view->quota, &question, q->work->mem, &reply, &e);
    if (st == OR_TEMPFAIL && e.text[0] != '\0')
        log_warning("quota-lmtp: %s", e.text);
    if (st != OR_LIMIT) {
        policy_checks_say(q, "quota", st == OR_OK ? NULL : "unknown");
        return POLICY_NONE;
    }
    policy_checks_say(q, "quota", "full");
    *action_out = (struct policy_action){.value = reply, .reason = "quota"};
    return POLICY_FINAL;
}
