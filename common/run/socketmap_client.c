/*
 * One netstring out, one in. A connection on which anything went wrong is not used again.
 */
#include "common/run/socketmap_client.h"

#include "common/base/clock.h"
#include "common/run/stream.h"
#include "common/text/netstring.h"

#define REPLY_MAX_BYTES 100000 /* what Postfix takes */
#define REQUEST_MAX_BYTES 4096

or_status
socketmap_client_open(struct socketmap_client *client, const char *address,
                      int64_t deadline_mono_ms, struct err *e)
{
    int64_t left = deadline_mono_ms - clock_mono_ms();

    *client = (struct socketmap_client){.address = address};
    or_status st = stream_connect(address, left > 0 ? left : 1, &client->stream, e);
    if (st != OR_OK)
        return st == OR_CONFIG ? st : OR_TEMPFAIL;
    stream_set_deadline(client->stream, deadline_mono_ms);
    return OR_OK;
}

void
socketmap_client_close(struct socketmap_client *client)
{
    stream_free(client->stream);
    client->stream = NULL;
}

static or_status
send_request(struct socketmap_client *c, const char *table, struct span key)
{
    struct buf payload, frame;

    buf_init(&payload, REQUEST_MAX_BYTES);
    buf_init(&frame, REQUEST_MAX_BYTES + 16);
    buf_addf(&payload, "%s ", table);
    buf_add_span(&payload, key);
    netstring_format(&frame, buf_span(&payload));
    or_status st = buf_finish(&payload);
    if (st == OR_OK)
        st = stream_write(c->stream, buf_span(&frame));
    if (st == OR_OK)
        st = stream_flush(c->stream);
    buf_fini(&frame);
    buf_fini(&payload);
    return st;
}

static or_status
read_reply(struct socketmap_client *c, struct arena *mem, struct span *reply_out)
{
    struct span bytes, payload;
    size_t used;
    or_status st = stream_peek(c->stream, &bytes);

    while (st == OR_OK) {
        or_status parsed = netstring_parse(bytes, REPLY_MAX_BYTES, &payload, &used);

        if (parsed == OR_OK) {
            st = arena_copy(mem, payload, reply_out);
            stream_consume(c->stream, used);
            return st;
        }
        st = parsed == OR_ABSENT ? stream_peek_more(c->stream, &bytes) : parsed;
    }
    return st;
}

static or_status
parse_reply(struct span reply, struct span *value_out, struct err *e)
{
    size_t blank = span_find(reply, ' ');
    struct span word = span_slice(reply, 0, blank);
    struct span rest = span_from(reply, blank + 1);

    if (span_equal_cstr(word, "OK")) {
        *value_out = rest;
        return OR_OK;
    }
    if (span_equal_cstr(word, "NOTFOUND"))
        return OR_ABSENT;
    return err_set(e, OR_TEMPFAIL, "%.*s", SPAN_ARG(span_slice(reply, 0, 200)));
}

or_status
socketmap_client_ask(struct socketmap_client *client, const char *table, struct span key,
                     struct arena *mem, struct span *value_out, struct err *e)
{
    struct span reply = SPAN_EMPTY;

    if (client->stream == NULL)
        return err_set(e, OR_TEMPFAIL, "%s: not connected", client->address);
    or_status st = send_request(client, table, key);
    if (st == OR_OK)
        st = read_reply(client, mem, &reply);
    if (st != OR_OK) {
        socketmap_client_close(client);
        return err_set(e, OR_TEMPFAIL, "%s: no answer about table %s (%s)", client->address, table,
                       or_status_name(st));
    }
    st = parse_reply(reply, value_out, e);
    return st == OR_TEMPFAIL ? err_wrap(e, st, "%s: table %s", client->address, table) : st;
}
