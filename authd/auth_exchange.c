/*
 * Logins under way on one connection, newest first, and the lines that answer them.
 */
#include "authd/auth_exchange.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/base64.h"

#include <stdio.h>
#include <stdlib.h>

#define EXCHANGE_KEEP_MS 150000 /* an aborted login is never cancelled by Postfix */

/* ---- exchanges */

static void
free_exchange(struct auth_exchange *x)
{
    mech_exchange_fini(&x->sasl);
    free(x->refusal);
    free(x);
}

struct auth_exchange **
auth_exchange_find(struct auth_session *s, uint32_t id)
{
    struct auth_exchange **link = &s->exchanges;

    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    return link;
}

void
auth_exchange_drop(struct auth_session *s, uint32_t id)
{
    struct auth_exchange **link = auth_exchange_find(s, id), *x = *link;

    if (x == NULL)
        return;
    *link = x->next;
    s->count--;
    free_exchange(x);
}

/* A parameter for the log, cut to its room. */
static void
keep_parameter(char out[AUTH_SHORT_TEXT_BYTES], const struct auth_line *line, const char *key)
{
    struct span value = tabline_get(&line->fields, 3, key);

    snprintf(out, AUTH_SHORT_TEXT_BYTES, "%.*s", SPAN_ARG(value));
}

struct auth_exchange *
auth_exchange_add(struct auth_session *s, const struct auth_line *line, const struct mech *mech)
{
    struct auth_exchange *x = xcalloc(1, sizeof(*x));

    x->id = line->id;
    x->nologin = tabline_get(&line->fields, 3, "nologin").p != NULL;
    x->final_with_ok = tabline_get(&line->fields, 3, "final-resp-ok").p != NULL;
    x->due_mono_ms = clock_mono_ms() + EXCHANGE_KEEP_MS;
    keep_parameter(x->service, line, "service");
    if (x->service[0] == '\0') /* Dovecot 2.4 renamed it */
        keep_parameter(x->service, line, "protocol");
    keep_parameter(x->session, line, "session");
    keep_parameter(x->remote, line, "rip");
    mech_exchange_init(&x->sasl, mech);
    x->sasl.service = span_cstr(x->service);
    x->sasl.client = span_cstr(x->remote);
    x->next = s->exchanges;
    s->exchanges = x;
    s->count++;
    return x;
}

/* ---- replies; a failure means that the connection is over */

or_status
auth_exchange_send(struct auth_session *s, struct buf *line)
{
    buf_add_char(line, '\n');
    or_status st = buf_finish(line);

    if (st == OR_OK)
        st = stream_write(s->stream, buf_span(line));
    if (st == OR_OK)
        st = stream_flush(s->stream);
    buf_fini_wiped(line);
    return st;
}

or_status
auth_exchange_challenge(struct auth_session *s, const struct auth_exchange *x)
{
    struct buf line;

    buf_init(&line, AUTH_REPLY_MAX_BYTES);
    buf_addf(&line, "CONT\t%u\t", x->id); /* the last field is there even when it is empty */
    base64_encode(&line, x->sasl.challenge);
    if (x->sasl.binding_wanted != NULL && x->sasl.binding.n == 0)
        auth_proto_add(&line, "channel_binding", span_cstr(x->sasl.binding_wanted));
    return auth_exchange_send(s, &line);
}

/* Said at `due_mono_ms`, at once when that is over. */
or_status
auth_exchange_refuse(struct auth_session *s, struct auth_exchange *x, int64_t due_mono_ms,
                     const char *fields)
{
    struct buf line;

    buf_init(&line, AUTH_REPLY_MAX_BYTES);
    buf_addf(&line, "FAIL\t%u", x->id);
    if (x->sasl.authcid.n != 0 && x->sasl.authcid.n <= AUTH_MAX_USER_BYTES)
        auth_proto_add(&line, "user", buf_span(&x->sasl.authcid));
    buf_add_cstr(&line, fields);
    if (due_mono_ms <= clock_mono_ms()) {
        auth_exchange_drop(s, x->id);
        return auth_exchange_send(s, &line);
    }
    x->refusal = xmemdup0(line.p, line.n);
    x->due_mono_ms = due_mono_ms;
    buf_fini(&line);
    return OR_OK;
}

/* A FAIL without a login under way. */
or_status
auth_exchange_fail(struct auth_session *s, uint32_t id, const char *fields)
{
    struct buf line;

    buf_init(&line, AUTH_REPLY_MAX_BYTES);
    buf_addf(&line, "FAIL\t%u%s", id, fields);
    return auth_exchange_send(s, &line);
}

/* "Later", in the way this client understands. */
or_status
auth_exchange_later(struct auth_session *s, uint32_t id)
{
    if (s->peer == AUTH_PEER_POSTFIX)
        return OR_CLOSED;
    return auth_exchange_fail(s, id,
                              "\tcode=temp_fail\ttemp"); /* "temp": as servers before 2.3 said it */
}

or_status
auth_exchange_refuse_for_now(struct auth_session *s, struct auth_exchange *x)
{
    uint32_t id = x->id;

    auth_exchange_drop(s, id);
    return auth_exchange_later(s, id);
}

/* The server's own proof, which comes before OK or with it. */
bool
auth_exchange_has_last_word(const struct auth_exchange *x)
{
    return x->sasl.proof == MECH_PROOF_RIGHT && x->sasl.challenge.p != NULL;
}

or_status
auth_exchange_accept(struct auth_session *s, struct auth_exchange *x, struct span user)
{
    struct buf line;

    if (!x->nologin)
        auth_requests_add(s->requests, s->cpid, x->id, span_cstr(s->cookie), user,
                          x->sasl.mech->name);
    buf_init(&line, AUTH_REPLY_MAX_BYTES);
    buf_addf(&line, "OK\t%u", x->id);
    auth_proto_add(&line, "user", user);
    if (x->sasl.mech->needs == MECH_KEYS_ANONYMOUS)
        buf_add_cstr(&line, "\tanonymous");
    if (auth_exchange_has_last_word(x) && !x->final_sent) {
        buf_add_cstr(&line, "\tresp=");
        base64_encode(&line, x->sasl.challenge);
    }
    auth_exchange_drop(s, x->id);
    return auth_exchange_send(s, &line);
}

/* Says refusals whose delay is over, forgets logins nobody went on with. `all`: without waiting for
 * the delay. */
or_status
auth_exchange_settle(struct auth_session *s, bool all)
{
    int64_t now = clock_mono_ms();
    struct auth_exchange **link = &s->exchanges;
    or_status st = OR_OK;

    while (*link != NULL && st == OR_OK) {
        struct auth_exchange *x = *link;

        if (x->due_mono_ms > now && !(all && x->refusal != NULL)) {
            link = &x->next;
            continue;
        }
        if (x->refusal != NULL) {
            struct buf line;

            buf_init(&line, AUTH_REPLY_MAX_BYTES);
            buf_add_cstr(&line, x->refusal);
            st = auth_exchange_send(s, &line);
        }
        *link = x->next;
        s->count--;
        free_exchange(x);
    }
    return st;
}
