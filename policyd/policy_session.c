/*
 * A conversation in Postfix's policy delegation protocol, request by request:
 *
 *     wait for a request -> read its attributes -> hand it to whom `request=` names -> answer, log,
 * forget
 *
 * smtpd keeps its connections for minutes and has one for each of its processes, so a session that
 * waits holds nothing but its stack: the arena is given back, and everything large lives in it.
 *
 * Security: any local process that may open the socket can talk to us, and what it passes on was
 * written by strangers. A request is bounded in bytes, attributes and time; one that is not
 * understood is logged and ends the connection, which Postfix takes as a failure to be retried,
 * never as a permission.
 *
 * Files: policy_request (attributes, answer), policy_checks (table of checks), verdict_session
 * (whole messages).  Threads: one per connection.
 */
#include "policyd/policy_session.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/run/attrs_stream.h"
#include "policyd/policy_checks.h"
#include "policyd/policyd_metrics.h"
#include "policyd/verdict_session.h"

#define REPLY_MAX_BYTES 16384

struct policy_session {
    struct stream *stream;
    const struct policyd_host *host;
    struct policy_memory memory;
};

/* Answers one kind of request: appends the reply. A failure ends the connection. */
typedef or_status (*request_handler)(struct policy_session *s, const struct policyd_work *w,
                                     const struct attrs *attrs, struct buf *reply, struct err *e);

/* For the record only: what became of each check. */
static void
note_checks(struct log_line *l, const struct policy_question *q)
{
    for (size_t i = 0; i < q->trace_count; i++) {
        struct buf text;

        buf_init(&text, LOG_RECORD_MAX_VALUE_BYTES * 2);
        policy_checks_describe(&q->trace[i], &text);
        log_line_note(l, "check", buf_span(&text));
        buf_fini(&text);
    }
}

static void
log_decision(const struct policy_question *q, const struct policy_action *action)
{
    const struct policy_request *r = q->request;
    /* A question that no check had anything to say about is not a decision; it is kept all the
     * same, as it may be what connects an instance with its queue id. */
    bool decided = action->check != NULL || q->spf != NULL || q->word_count != 0;
    struct log_line l;
    struct buf record;

    buf_init(&record, DECISIONS_MAX_TEXT_BYTES);
    log_line_start(&l, decided ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, r->queue_id);
    log_line_record(&l, q->work->view->decisions != NULL ? &record : NULL);
    log_line_note(&l, "request", SPAN_LIT(POLICY_REQUEST_NAME));
    log_line_note(&l, "state", r->protocol_state);
    if (r->client_name.n > 0)
        log_line_note(&l, "client-name", r->client_name);
    log_line_add(&l, "client", r->client_address);
    log_line_add(&l, "helo", r->helo_name);
    log_line_add(&l, "from", r->sender);
    log_line_add(&l, "rcpt", r->recipient);
    if (r->sasl_username.n > 0)
        log_line_add(&l, "user", r->sasl_username);
    if (q->spf != NULL) {
        log_line_add(&l, "spf", span_cstr(spf_result_name(q->spf->result)));
        log_line_add(&l, "scope", span_cstr(spf_scope_name(q->spf->scope)));
        log_line_add(&l, "domain", q->spf->domain);
        if (q->spf->matched.term.n > 0)
            log_line_add(&l, "matched", q->spf->matched.term);
        if (q->spf->reason.n > 0)
            log_line_add(&l, "cause", q->spf->reason);
        log_line_addf(&l, "lookups", "%u", q->spf->terms);
    }
    for (size_t i = 0; i < q->word_count; i++)
        log_line_add(&l, q->words[i].check, span_cstr(q->words[i].text));
    note_checks(&l, q);
    log_line_note(&l, "answer", action->value);
    log_line_add(&l, "action", span_slice(action->value, 0, span_find(action->value, ' ')));
    if (action->reason != NULL)
        log_line_add(&l, "reason", span_cstr(action->reason));
    log_line_addf(&l, "ms", "%lld", (long long)(clock_mono_ms() - q->work->started_mono_ms));
    log_line_end(&l);
    policyd_keep_decision(q->work, r->queue_id, r->instance, &record);
}

static void
count_decision(const struct policy_question *q, const struct policy_action *action)
{
    struct kvstore *store = q->work->view->store;

    metrics_set(POLICYD_METRIC_STORE_UP, store != NULL && kvstore_is_up(store));
    metrics_inc(POLICYD_METRIC_REQUESTS, policyd_metrics_action(action->value));
    if (q->spf != NULL)
        metrics_add(POLICYD_METRIC_SPF, POLICYD_KIND_POLICY, q->spf->result, 1);
    metrics_observe(POLICYD_METRIC_SECONDS, POLICYD_KIND_POLICY,
                    clock_mono_us() - q->work->started_mono_us);
}

/* request=smtpd_access_policy */
static or_status
answer_policy(struct policy_session *s, const struct policyd_work *w, const struct attrs *attrs,
              struct buf *reply, struct err *e)
{
    struct policy_request request;
    struct policy_question question = {.work = w, .request = &request, .memory = &s->memory};
    struct policy_action action;

    (void)e;
    policy_request_parse(attrs, &request);
    policy_checks_prepare(&question);
    if (w->view->senders != NULL && question.client.family != 0)
        recent_senders_note(w->view->senders, request.sender, &question.client);
    policy_checks_run(&question, &action);
    policy_request_answer(reply, action.value);
    log_decision(&question, &action);
    count_decision(&question, &action);
    return OR_OK;
}

/* request=outrider_message */
static or_status
answer_verdict(struct policy_session *s, const struct policyd_work *w, const struct attrs *attrs,
               struct buf *reply, struct err *e)
{
    (void)s;
    return verdict_session_answer(w, attrs, reply, e);
}

static const struct {
    const char *request;
    request_handler handler;
} handlers[] = {
    {POLICY_REQUEST_NAME, answer_policy},
    {VERDICT_REQUEST, answer_verdict},
};

static or_status
dispatch(struct policy_session *s, const struct policyd_work *w, const struct attrs *attrs,
         struct buf *reply, struct err *e)
{
    struct span name = attrs_get(attrs, "request");

    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (span_equal_cstr(name, handlers[i].request))
            return handlers[i].handler(s, w, attrs, reply, e);
    }
    if (name.p == NULL)
        return err_set(e, OR_MALFORMED, "no request= attribute");
    return err_set(e, OR_MALFORMED, "unknown request \"%.*s\"", (int)(name.n > 64 ? 64 : name.n),
                   name.p);
}

static or_status
send_reply(struct policy_session *s, const struct policyd_work *w, const struct buf *reply,
           struct err *e)
{
    or_status st = buf_finish(reply);

    if (st != OR_OK)
        return err_set(e, OR_BUG, "the reply is too large");
    stream_set_deadline(s->stream, clock_mono_ms() + w->view->settings->common.io_timeout_ms);
    st = stream_write(s->stream, buf_span(reply));
    if (st == OR_OK)
        st = stream_flush(s->stream);
    stream_set_deadline(s->stream, 0);
    return st == OR_OK ? OR_OK : err_set(e, st, "the reply was not taken (%s)", or_status_name(st));
}

static or_status
read_and_answer(struct policy_session *s, struct policyd_work *w, struct buf *reply, struct err *e)
{
    const struct policyd_settings *set = w->view->settings;
    struct attrs *attrs = arena_alloc(w->mem, sizeof(*attrs));

    if (attrs == NULL)
        return err_set(e, OR_LIMIT, "no memory for a request");
    /* One deadline for the whole request: a peer that sends a byte at a time gains nothing. */
    stream_set_deadline(s->stream, clock_mono_ms() + set->common.io_timeout_ms);
    or_status st = attrs_stream_read(s->stream, w->mem, attrs, e);
    stream_set_deadline(s->stream, 0);
    if (st != OR_OK)
        return st;
    w->now = clock_now();
    w->started_mono_us = clock_mono_us();
    w->started_mono_ms = w->started_mono_us / 1000;
    w->deadline_mono_ms = w->started_mono_ms + set->request_timeout_ms;
    st = dispatch(s, w, attrs, reply, e);
    return st == OR_OK ? send_reply(s, w, reply, e) : st;
}

/* One request. False ends the connection. */
static bool
serve_request(struct policy_session *s)
{
    struct policyd_view view;
    struct arena mem;
    struct buf reply;
    struct err e;

    s->host->take(s->host->context, &view);
    arena_init(&mem, POLICYD_REQUEST_MAX_BYTES);
    buf_init(&reply, REPLY_MAX_BYTES);
    struct policyd_work work = {.view = &view, .mem = &mem};
    or_status st = read_and_answer(s, &work, &reply, &e);
    metrics_add(POLICYD_METRIC_BAD_REQUESTS, 0, 0, st != OR_OK);
    if (st != OR_OK)
        log_warning("policy connection closed: %s", e.text);
    buf_fini(&reply);
    arena_fini(&mem);
    s->host->drop(s->host->context, &view);
    return st == OR_OK;
}

static bool
await_request(struct policy_session *s)
{
    struct policyd_view view;

    s->host->take(s->host->context, &view);
    int64_t idle_timeout_ms = view.settings->common.idle_timeout_ms;
    s->host->drop(s->host->context, &view);
    return stream_await(s->stream, idle_timeout_ms) == OR_OK;
}

void
policy_session_run(struct stream *stream, const struct policyd_host *host)
{
    struct policy_session s = {.stream = stream, .host = host};

    while (await_request(&s)) {
        if (!serve_request(&s))
            return;
    }
}
