/*
 * Postfix's tables.
 *
 * What it does: one look-up per netstring. What cannot be answered now is TEMP, so that Postfix
 * defers; PERM is never said: it would turn into a configuration error for all mail.
 *
 * Who talks to it: Postfix's smtpd, cleanup and trivial-rewrite, one connection per process.
 *
 * Standards: socketmap_table(5); netstrings.
 */
#include "authd/socketmap_session.h"

#include "authd/authd_metrics.h"
#include "authd/socketmap_maps.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/text/netstring.h"

#define REQUEST_MAX_BYTES 8192 /* Postfix's keys come from SMTP lines of 2048 bytes */
#define REQUEST_ARENA_BYTES ((size_t)1 << 20)

struct socketmap_session {
    struct stream *stream;
    struct daemon *daemon;
    struct arena mem; /* of one request */
};

/* The next request, copied into the arena. */
static or_status
read_request(struct socketmap_session *s, struct span *request_out)
{
    struct span bytes, payload;
    size_t used;
    or_status st = stream_peek(s->stream, &bytes);

    while (st == OR_OK) {
        or_status parsed = netstring_parse(bytes, REQUEST_MAX_BYTES, &payload, &used);

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
send_reply(struct socketmap_session *s, const char *word, struct span text)
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
answer(struct socketmap_session *s, const struct daemon_snapshot *snapshot, struct span request)
{
    const struct authd_settings *settings = snapshot->settings;
    size_t blank = span_find(request, ' ');
    const struct map *map = socketmap_maps_find(span_slice(request, 0, blank));
    struct map_query query = {
        .accounts = ((struct authd_built *)snapshot->built)->accounts,
        .delimiter = settings->recipient_delimiter[0],
        .key = span_from(request, blank + 1),
        .mem = &s->mem,
    };
    struct err e = {""};
    struct buf value;

    if (map == NULL) {
        log_warning("Postfix asks for the table \"%.*s\", which there is not; "
                    "tables are mailbox-domains, mailboxes, aliases, senders",
                    SPAN_ARG(span_slice(request, 0, blank)));
        return send_reply(s, "TEMP", SPAN_LIT("no such table"));
    }
    buf_init(&value, SOCKETMAP_MAX_VALUE_BYTES);
    or_status found = map->find(&query, &value, &e);
    if (found == OR_OK && buf_finish(&value) != OR_OK)
        found = err_set(&e, OR_LIMIT, "the answer is over %d bytes", SOCKETMAP_MAX_VALUE_BYTES);
    authd_metrics_lookup(map->name, found);
    or_status st;
    if (found == OR_OK) {
        st = send_reply(s, "OK", buf_span(&value));
    } else if (found == OR_ABSENT) {
        st = send_reply(s, "NOTFOUND", SPAN_EMPTY);
    } else {
        log_error("table %s: look-up of %.*s failed: %s", map->name, SPAN_ARG(query.key), e.text);
        st = send_reply(s, "TEMP", SPAN_LIT("the accounts cannot be read now"));
    }
    buf_fini(&value);
    return st;
}

void
socketmap_session_run(struct stream *stream, struct daemon *d)
{
    struct socketmap_session s = {.stream = stream, .daemon = d};
    or_status st = OR_OK;

    arena_init(&s.mem, REQUEST_ARENA_BYTES);
    while (st == OR_OK) {
        const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);
        const struct conf_common *common =
            &((const struct authd_settings *)snapshot->settings)->common;
        int64_t idle_ms = common->idle_timeout_ms, io_ms = common->io_timeout_ms;
        struct span request;

        daemon_snapshot_drop(d, snapshot);
        st = stream_await(stream, idle_ms);
        stream_set_deadline(stream, clock_mono_ms() + io_ms); /* over the whole request */
        if (st == OR_OK)
            st = read_request(&s, &request);
        stream_set_deadline(stream, 0);
        if (st != OR_OK)
            break;
        snapshot = daemon_snapshot_take(d);
        st = answer(&s, snapshot, request);
        daemon_snapshot_drop(d, snapshot);
        arena_fini(&s.mem);
    }
    if (st == OR_MALFORMED || st == OR_LIMIT)
        log_warning("table client disconnected: no netstring, or one over %d bytes",
                    REQUEST_MAX_BYTES);
    arena_fini(&s.mem);
}
