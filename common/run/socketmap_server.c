/*
 * One connection of Postfix's smtpd, cleanup or trivial-rewrite: look-up by look-up.
 */
#include "common/run/socketmap_server.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/run/conf.h"
#include "common/text/netstring.h"

#define REQUEST_ARENA_BYTES ((size_t)1 << 20)

struct session {
    struct stream *stream;
    socketmap_find find;
    struct arena mem; /* of one request */
};

/* The next request, copied into the arena. */
static or_status
read_request(struct session *s, struct span *request_out)
{
    struct span bytes, payload;
    size_t used;
    or_status st = stream_peek(s->stream, &bytes);

    while (st == OR_OK) {
        or_status parsed = netstring_parse(bytes, SOCKETMAP_MAX_KEY_BYTES, &payload, &used);

        if (parsed == OR_OK) {
            st = arena_copy(&s->mem, payload, request_out);
            stream_consume(s->stream, used);
            return st;
        }
        st = parsed == OR_ABSENT ? stream_peek_more(s->stream, &bytes) : parsed;
    }
    return st;
}

static or_status
send_reply(struct session *s, const char *word, struct span text)
{
    struct buf payload, frame;

    buf_init(&payload, SOCKETMAP_MAX_VALUE_BYTES + 64);
    buf_init(&frame, SOCKETMAP_MAX_VALUE_BYTES + 128);
    buf_addf(&payload, "%s ", word);
    buf_add_span(&payload, text);
    netstring_format(&frame, buf_span(&payload));
    or_status st = stream_write(s->stream, buf_span(&frame));
    if (st == OR_OK)
        st = stream_flush(s->stream);
    buf_fini(&frame);
    buf_fini(&payload);
    return st;
}

static or_status
answer(struct session *s, const struct daemon_snapshot *snapshot, struct span request)
{
    size_t blank = span_find(request, ' ');
    struct socketmap_query query = {.snapshot = snapshot,
                                    .table = span_slice(request, 0, blank),
                                    .key = span_from(request, blank + 1),
                                    .mem = &s->mem};
    struct err e = {""};
    struct buf value;
    or_status st;

    buf_init(&value, SOCKETMAP_MAX_VALUE_BYTES);
    or_status found = s->find(&query, &value, &e);
    if (found == OR_OK && buf_finish(&value) != OR_OK)
        found = err_set(&e, OR_LIMIT, "the answer is over %d bytes", SOCKETMAP_MAX_VALUE_BYTES);
    if (found == OR_OK) {
        st = send_reply(s, "OK", buf_span(&value));
    } else if (found == OR_ABSENT) {
        st = send_reply(s, "NOTFOUND", SPAN_EMPTY);
    } else {
        log_error("table \"%.*s\": look-up of %.*s failed: %s", SPAN_ARG(query.table),
                  SPAN_ARG(query.key), e.text);
        st = send_reply(s, "TEMP",
                        found == OR_CONFIG ? SPAN_LIT("no such table")
                                           : SPAN_LIT("this table cannot be read now"));
    }
    buf_fini(&value);
    return st;
}

/* Waits for the next request and reads it, within one deadline for all its bytes. */
static or_status
next_request(struct session *s, struct daemon *d, struct span *request_out)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);
    const struct conf_common *common = snapshot->settings;
    int64_t idle_ms = common->idle_timeout_ms, io_ms = common->io_timeout_ms;

    daemon_snapshot_drop(d, snapshot);
    or_status st = stream_await(s->stream, idle_ms);
    stream_set_deadline(s->stream, clock_mono_ms() + io_ms);
    if (st == OR_OK)
        st = read_request(s, request_out);
    stream_set_deadline(s->stream, 0);
    return st;
}

void
socketmap_server_run(struct stream *stream, struct daemon *d, socketmap_find find)
{
    struct session s = {.stream = stream, .find = find};
    or_status st = OR_OK;

    arena_init(&s.mem, REQUEST_ARENA_BYTES);
    while (st == OR_OK) {
        struct span request;

        st = next_request(&s, d, &request);
        if (st != OR_OK)
            break;
        const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);
        st = answer(&s, snapshot, request);
        daemon_snapshot_drop(d, snapshot);
        arena_fini(&s.mem);
    }
    if (st == OR_MALFORMED || st == OR_LIMIT)
        log_warning("table client disconnected: no netstring, or one over %d bytes",
                    SOCKETMAP_MAX_KEY_BYTES);
    arena_fini(&s.mem);
}
