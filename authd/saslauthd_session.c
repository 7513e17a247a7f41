/*
 * What it does: reads login, password, service and realm; answers one counted string, "OK" or "NO
 * ...". There is no word for "not now": the connection is closed without one, which Cyrus SASL
 * takes as a failure of the service.
 *
 * Security: whoever may open the socket may try passwords; a refusal comes late, like everywhere.
 */
#include "authd/saslauthd_session.h"

#include "authd/plain_login.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/log.h"

#define REQUEST_ARENA_BYTES 65536

or_status
saslauthd_session_parse(struct span bytes, struct span strings[SASLAUTHD_STRINGS], struct err *e)
{
    for (size_t i = 0; i < SASLAUTHD_STRINGS; i++) {
        if (bytes.n < 2)
            return OR_ABSENT;
        size_t n = (size_t)(unsigned char)bytes.p[0] << 8 | (unsigned char)bytes.p[1];
        if (n > SASLAUTHD_MAX_STRING_BYTES)
            return err_set(e, OR_LIMIT, "a string of %zu bytes", n);
        if (bytes.n < 2 + n)
            return OR_ABSENT;
        strings[i] = span_slice(bytes, 2, 2 + n);
        bytes = span_from(bytes, 2 + n);
    }
    return OR_OK;
}

/* `bytes_out` stays the stream's. */
static or_status
read_request(struct stream *stream, struct span *bytes_out, struct span *strings, struct err *e)
{
    or_status st = stream_peek(stream, bytes_out);

    while (st == OR_OK && (st = saslauthd_session_parse(*bytes_out, strings, e)) == OR_ABSENT)
        st = stream_peek_more(stream, bytes_out);
    return st;
}

static or_status
answer(struct stream *stream, const char *word)
{
    struct span text = span_cstr(word);
    const char size[2] = {0, (char)text.n};
    or_status st = stream_write(stream, span_make(size, sizeof(size)));

    if (st == OR_OK)
        st = stream_write(stream, text);
    return st == OR_OK ? stream_flush(stream) : st;
}

/* Cyrus SASL hands user and realm apart. */
static struct span
name_of(const struct span *strings, struct arena *mem)
{
    struct span login = strings[0], realm = strings[3];

    if (realm.n == 0 || span_contains_byte(login, '@'))
        return login;
    char *name = arena_printf(mem, "%.*s@%.*s", SPAN_ARG(login), SPAN_ARG(realm));
    return name != NULL ? span_cstr(name) : login;
}

static or_status
serve(struct stream *stream, struct daemon *d, struct arena *mem, struct err *e)
{
    struct span bytes = SPAN_EMPTY, strings[SASLAUTHD_STRINGS] = {{NULL, 0}}, user;
    or_status st = read_request(stream, &bytes, strings, e);

    if (st != OR_OK)
        return st;
    const struct plain_login login = {
        .name = name_of(strings, mem), .password = strings[1], .service = strings[2]};
    enum login_result result = plain_login_check(d, &login, mem, &user);
    /* The password must not wait in a freed buffer. It is the stream's, on the heap. */
    crypto_wipe((char *)(uintptr_t)bytes.p, bytes.n);
    if (result == LOGIN_UNKNOWN_NOW)
        return OR_OK;
    return answer(stream, result == LOGIN_GOOD ? "OK" : "NO authentication failed");
}

void
saslauthd_session_run(struct stream *stream, struct daemon *d)
{
    const struct daemon_snapshot *now = daemon_snapshot_take(d);
    int64_t io_ms = ((const struct authd_settings *)now->settings)->common.io_timeout_ms;
    struct arena mem;
    struct err e = {""};

    daemon_snapshot_drop(d, now);
    arena_init(&mem, REQUEST_ARENA_BYTES);
    /* One deadline for the request: a peer that sends a byte at a time gains nothing. */
    stream_set_deadline(stream, clock_mono_ms() + io_ms);
    or_status st = serve(stream, d, &mem, &e);
    if (st == OR_LIMIT)
        log_warning("saslauthd client disconnected: %s", e.text);
    arena_fini(&mem);
}
