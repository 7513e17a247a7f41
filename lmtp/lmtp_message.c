/*
 * Constant memory whatever the size: a buffer's worth is read, unstuffed and handed to delivery at
 * a time. A message that will be refused is still read to its true end; stopping early would make
 * the rest of it commands.
 */
#include "lmtp/lmtp_message.h"

#include "common/base/clock.h"
#include "lmtp/lmtp_data.h"
#include "lmtp/lmtp_metrics.h"

static const struct lmtp_reply too_large = {552, "5.3.4", "message is too large"};
static const struct lmtp_reply bare_line_end = {
    550, "5.6.11", "message has a carriage return or line feed by itself"};
static const struct lmtp_reply go_ahead = {354, "", "end with a dot on a line by itself"};

/* OR_OK at the message's end. */
static or_status
read_message(const struct lmtp_message *m, struct deliver *d, struct lmtp_data *data)
{
    struct span bytes;
    struct buf text;
    or_status st;

    buf_init(&text, STREAM_BUFFER_BYTES + 1);
    do {
        st = stream_peek(m->stream, &bytes);
        if (st != OR_OK)
            break;
        buf_reset(&text);
        stream_consume(m->stream, lmtp_data_feed(data, bytes, &text));
        if (data->bare)
            deliver_refuse(d, &bare_line_end);
        else if (data->wire_bytes > (uint64_t)m->settings->max_message_bytes)
            deliver_refuse(d, &too_large);
        deliver_write(d, buf_span(&text));
    } while (data->state != LMTP_DATA_END);
    buf_fini(&text);
    return st;
}

/* What is worth an operator's look: everything that was put off. */
static enum log_level
level_of(const struct lmtp_reply *r)
{
    return r->code >= 400 && r->code < 500 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
}

static const char *
action_of(const struct deliver_target *t)
{
    if (t->twin != NULL && t->reply.code < 400)
        return "duplicate";
    return lmtp_reply_action(&t->reply);
}

static void
log_target(const struct lmtp_message *m, const struct deliver *d, const struct deliver_target *t,
           int64_t started_ms)
{
    const struct recipient *r = t->recipient;
    struct log_line l;

    log_line_start(&l, level_of(&t->reply), d->head.queue_id);
    log_line_add(&l, "id", span_cstr(d->id));
    log_line_add(&l, "from", m->envelope->sender);
    log_line_add(&l, "rcpt", r->address);
    log_line_add(&l, "user", r->account_name);
    if (t->folder != NULL)
        log_line_add(&l, "folder", span_cstr(t->folder));
    log_line_addf(&l, "size", "%llu", (unsigned long long)d->wire_bytes);
    log_line_add(&l, "action", span_cstr(action_of(t)));
    if (t->reply.code >= 400)
        log_line_add(&l, "reason",
                     span_cstr(t->reason.text[0] != '\0' ? t->reason.text : t->reply.text));
    log_line_addf(&l, "ms", "%lld", (long long)(clock_mono_ms() - started_ms));
    log_line_end(&l);
}

static void
log_broken_off(const struct lmtp_message *m, const struct deliver *d, or_status st)
{
    struct log_line l;

    log_line_start(&l, LOG_LEVEL_WARNING, d->head.queue_id);
    log_line_add(&l, "from", m->envelope->sender);
    log_line_add(&l, "action", SPAN_LIT("deferred"));
    log_line_addf(&l, "reason", "the client stopped sending the message: %s", or_status_name(st));
    log_line_end(&l);
}

static or_status
answer(const struct lmtp_message *m, struct deliver *d, int64_t started_ms)
{
    or_status st = OR_OK;

    for (size_t i = 0; i < m->envelope->recipient_count; i++) {
        const struct deliver_target *t = &d->targets[i];

        metrics_inc(LMTP_METRIC_DELIVERIES, lmtp_metrics_delivery(action_of(t)));
        metrics_observe(LMTP_METRIC_SECONDS, 0, (clock_mono_ms() - started_ms) * 1000);
        if (st == OR_OK)
            st = lmtp_reply_write(m->stream, &t->reply);
        log_target(m, d, t, started_ms);
    }
    if (st == OR_OK)
        st = stream_flush(m->stream); /* before tmp/ is cleaned up: nobody need wait for that */
    return st;
}

or_status
lmtp_message_receive(const struct lmtp_message *m)
{
    int64_t started_ms = clock_mono_ms();
    struct lmtp_data data = {0};
    struct deliver d;
    or_status st = deliver_open(&d, m->settings, m->envelope, m->shared, m->mem);

    if (st != OR_OK)
        return st;
    st = lmtp_reply_write(m->stream, &go_ahead);
    stream_set_deadline(m->stream, started_ms + m->settings->data_timeout_ms);
    if (st == OR_OK)
        st = read_message(m, &d, &data);
    stream_set_deadline(m->stream, 0);
    d.wire_bytes = data.wire_bytes;
    metrics_inc(LMTP_METRIC_MESSAGES,
                st == OR_OK ? LMTP_MESSAGE_RECEIVED : LMTP_MESSAGE_BROKEN_OFF);
    metrics_add(LMTP_METRIC_BYTES, 0, 0, (int64_t)data.wire_bytes);
    if (st == OR_OK) {
        deliver_commit(&d);
        st = answer(m, &d, started_ms);
    } else {
        log_broken_off(m, &d, st);
    }
    deliver_close(&d);
    return st;
}
