/*
 * Constant memory whatever the size: a buffer's worth is read, unstuffed and handed to delivery at
 * a time. A message that will be refused is still read to its true end; stopping early would make
 * the rest of it commands.
 */
#include "lmtp/lmtp_message.h"

#include "common/base/clock.h"
#include "lmtp/lmtp_metrics.h"

static const struct lmtp_reply too_large = {552, "5.3.4", "message is too large"};
static const struct lmtp_reply bare_line_end = {
    550, "5.6.11", "message has a carriage return or line feed by itself"};

or_status
lmtp_message_begin(struct lmtp_message *m, const struct lmtp_message_source *from)
{
    *m = (struct lmtp_message){
        .from = *from,
        .data = {.chunked = from->chunked,
                 .binary = from->chunked && from->binary,
                 .repair = from->settings->bare_line_ends == LMTP_BARE_REPAIR},
        .started_ms = clock_mono_ms(),
    };
    return deliver_open(&m->delivery, from->settings, from->envelope, from->shared, from->mem);
}

/* Hands on what the reader made of some bytes. */
static void
take(struct lmtp_message *m, const struct buf *text)
{
    if (m->data.bare)
        deliver_refuse(&m->delivery, &bare_line_end);
    else if (m->data.wire_bytes > (uint64_t)m->from.settings->max_message_bytes)
        deliver_refuse(&m->delivery, &too_large);
    deliver_write(&m->delivery, buf_span(text));
}

/* `left`: how many bytes there are, UINT64_MAX when the reader finds the end. */
static or_status
read_message(struct lmtp_message *m, uint64_t left)
{
    struct span bytes;
    struct buf text;
    or_status st = OR_OK;

    buf_init(&text, STREAM_BUFFER_BYTES + 1);
    stream_set_deadline(m->from.stream, m->started_ms + m->from.settings->data_timeout_ms);
    while (left > 0 && m->data.state != LMTP_DATA_END) {
        st = stream_peek(m->from.stream, &bytes);
        if (st != OR_OK)
            break;
        buf_reset(&text);
        size_t taken = lmtp_data_feed(
            &m->data, span_slice(bytes, 0, left < bytes.n ? (size_t)left : bytes.n), &text);
        stream_consume(m->from.stream, taken);
        left -= taken;
        take(m, &text);
    }
    stream_set_deadline(m->from.stream, 0);
    buf_fini(&text);
    return st;
}

or_status
lmtp_message_data(struct lmtp_message *m)
{
    return read_message(m, UINT64_MAX);
}

or_status
lmtp_message_chunk(struct lmtp_message *m, const struct lmtp_chunk *chunk)
{
    struct buf rest;
    or_status st = read_message(m, chunk->size_bytes);

    if (st != OR_OK || !chunk->is_last)
        return st;
    buf_init(&rest, 1);
    lmtp_data_finish(&m->data, &rest);
    take(m, &rest);
    buf_fini(&rest);
    return OR_OK;
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
log_target(const struct lmtp_message *m, const struct deliver_target *t)
{
    const struct deliver *d = &m->delivery;
    const struct recipient *r = t->recipient;
    struct log_line l;

    log_line_start(&l, level_of(&t->reply), d->head.queue_id);
    log_line_add(&l, "id", span_cstr(d->id));
    log_line_add(&l, "from", m->from.envelope->sender);
    log_line_add(&l, "rcpt", r->address);
    log_line_add(&l, "user", r->account_name);
    if (t->folder != NULL)
        log_line_add(&l, "folder", span_cstr(t->folder));
    if (r->proxy != NULL)
        log_line_add(&l, "relay", span_cstr(r->proxy));
    log_line_addf(&l, "size", "%llu", (unsigned long long)d->wire_bytes);
    log_line_add(&l, "action", span_cstr(action_of(t)));
    if (t->reply.code >= 400)
        log_line_add(&l, "reason",
                     span_cstr(t->reason.text[0] != '\0' ? t->reason.text : t->reply.text));
    log_line_addf(&l, "ms", "%lld", (long long)(clock_mono_ms() - m->started_ms));
    log_line_end(&l);
}

static void
log_broken_off(const struct lmtp_message *m, or_status st)
{
    struct log_line l;

    log_line_start(&l, LOG_LEVEL_WARNING, m->delivery.head.queue_id);
    log_line_add(&l, "from", m->from.envelope->sender);
    log_line_add(&l, "action", SPAN_LIT("deferred"));
    log_line_addf(&l, "reason", "the client stopped sending the message: %s", or_status_name(st));
    log_line_end(&l);
}

static or_status
answer(const struct lmtp_message *m)
{
    or_status st = OR_OK;

    for (size_t i = 0; i < m->from.envelope->recipient_count; i++) {
        const struct deliver_target *t = &m->delivery.targets[i];

        metrics_inc(LMTP_METRIC_DELIVERIES, lmtp_metrics_delivery(action_of(t)));
        metrics_observe(LMTP_METRIC_SECONDS, 0, (clock_mono_ms() - m->started_ms) * 1000);
        if (st == OR_OK)
            st = lmtp_reply_write(m->from.stream, &t->reply);
        log_target(m, t);
    }
    if (st == OR_OK)
        st =
            stream_flush(m->from.stream); /* before tmp/ is cleaned up: nobody need wait for that */
    return st;
}

or_status
lmtp_message_end(struct lmtp_message *m, or_status st)
{
    m->delivery.wire_bytes = m->data.wire_bytes;
    metrics_inc(LMTP_METRIC_MESSAGES,
                st == OR_OK ? LMTP_MESSAGE_RECEIVED : LMTP_MESSAGE_BROKEN_OFF);
    metrics_add(LMTP_METRIC_BYTES, 0, 0, (int64_t)m->data.wire_bytes);
    if (st == OR_OK) {
        deliver_commit(&m->delivery);
        st = answer(m);
    } else {
        log_broken_off(m, st);
    }
    deliver_close(&m->delivery);
    return st;
}
