/*
 * Logins.
 *
 * What it does: greets with the mechanisms, then answers AUTH and CONT. A good password is OK, and
 * unless the client said `nologin` the login waits in auth_requests for the process that will serve
 * the user. A wrong one is FAIL failure-delay after it came; other logins on the connection go on
 * meanwhile. Whether it is good: login_attempt.c.
 *
 * Who talks to it: Postfix's smtpd (smtpd_sasl_type = dovecot), one connection per process;
 * imap-login and pop3-login, several logins at once on one connection.
 *
 * Security: nothing before a password check tells whether an account exists, neither text nor time:
 * the delay of a refusal begins with the password's arrival, so that it hides how long hashing took
 * (schemes differ). Lines, responses and logins under way are bounded; one client too many is told
 * "later", the connection that he shares with others stays. Passwords are wiped, never logged.
 *
 * Standards: RFC 4422 (SASL), RFC 4616 (PLAIN), RFC 5802 (SCRAM); Dovecot auth protocol 1.4.
 */
#include "authd/auth_session.h"

#include "authd/auth_exchange.h"
#include "authd/auth_mechanisms.h"
#include "authd/authd_metrics.h"
#include "authd/login_attempt.h"
#include "authd/login_keys.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/text/base64.h"
#include "common/text/ip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_ARENA_BYTES 65536
/* For a client that speaks only after it was greeted (Exim); the others have spoken by then. */
#define FIRST_WORD_WAIT_MS 200
#define MINOR_BINDS 3     /* protocol versions 1.x of clients: it can say the channel's binding, */
#define MINOR_CANCELLED 4 /* it waits for an answer to CANCEL */

/* ---- the decision */

/* By enum login_result: the fields of FAIL. */
static const char *const refusals[] = {
    [LOGIN_WRONG] = "",
    [LOGIN_OUT_OF_SCOPE] = "",
    [LOGIN_EXPIRED] = "\tcode=pass_expired",
    [LOGIN_DISABLED] = "\tcode=user_disabled",
    [LOGIN_OTHER_USER] = "\tcode=authz_fail",
    [LOGIN_BANNED] = "\treason=Too many failed logins from your address, try again later",
};

static struct login_origin
origin_of(const struct auth_exchange *x)
{
    return (struct login_origin){.session = span_cstr(x->session),
                                 .client = span_cstr(x->remote),
                                 .service = span_cstr(x->service)};
}

static or_status
decide(struct auth_session *s, struct auth_exchange *x)
{
    const struct login_origin origin = origin_of(x);
    int64_t came = clock_mono_ms();
    struct login_answer answer;

    login_attempt(s->daemon, &x->sasl, &origin, &s->mem, &answer);
    if (answer.result == LOGIN_GOOD)
        return auth_exchange_accept(s, x, answer.user);
    if (answer.result == LOGIN_UNKNOWN_NOW)
        return auth_exchange_refuse_for_now(s, x);
    return auth_exchange_refuse(s, x, came + answer.delay_ms, refusals[answer.result]);
}

/* What is refused without having been looked at. */
static or_status
refuse_unseen(struct auth_session *s, struct auth_exchange *x, enum authd_login outcome,
              const char *reason)
{
    const struct login_origin origin = origin_of(x);

    login_attempt_refused(s->daemon, &x->sasl, &origin, outcome, reason);
    return auth_exchange_refuse(
        s, x, 0, outcome == AUTHD_LOGIN_NO_TLS ? "\treason=TLS is needed to log in" : "");
}

static or_status
refuse_for_now(struct auth_session *s, struct auth_exchange *x, const char *why)
{
    log_warning("login of %.*s refused for now: %s", SPAN_ARG(buf_span(&x->sasl.authcid)), why);
    return auth_exchange_refuse_for_now(s, x);
}

/* The server's part of a proof comes before OK, unless the client takes both at once. */
static or_status
conclude(struct auth_session *s, struct auth_exchange *x)
{
    if (!auth_exchange_has_last_word(x) || x->final_with_ok)
        return decide(s, x);
    x->final_sent = true;
    return auth_exchange_challenge(s, x);
}

/* A banned client's token costs us no signature and its issuer no question. */
static bool
is_token_unwelcome(struct auth_session *s, const struct auth_exchange *x)
{
    const struct login_origin origin = origin_of(x);

    return x->sasl.mech->needs == MECH_KEYS_TOKEN &&
           login_attempt_banned(s->daemon, &x->sasl, &origin, &s->mem);
}

static or_status
go_on_with_keys(struct auth_session *s, struct auth_exchange *x)
{
    if (is_token_unwelcome(s, x))
        return auth_exchange_refuse(s, x, 0, refusals[LOGIN_BANNED]);
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(s->daemon);
    struct mech_keys keys;
    struct err e = {""};
    enum mech_step step = MECH_FAIL;
    or_status st = login_keys_find(snapshot, &x->sasl, &s->mem, &keys, &e);

    daemon_snapshot_drop(s->daemon, snapshot);
    if (st == OR_OK) {
        step = mech_exchange_keys(&x->sasl, &keys, &e);
        /* In the arena, which is freed unwiped. */
        crypto_wipe((char *)(uintptr_t)keys.password.p, keys.password.n);
        crypto_wipe(&keys, sizeof(keys));
    }
    if (step == MECH_CHECK)
        return conclude(s, x);
    return step == MECH_CONTINUE ? auth_exchange_challenge(s, x) : refuse_for_now(s, x, e.text);
}

static or_status
take_step(struct auth_session *s, struct auth_exchange *x, struct span response)
{
    struct err e = {""};

    if (x->final_sent)
        return decide(s, x);
    switch (mech_exchange_step(&x->sasl, response, &e)) {
    case MECH_CONTINUE:
        return auth_exchange_challenge(s, x);
    case MECH_NEED_KEYS:
        return go_on_with_keys(s, x);
    case MECH_CHECK:
        return conclude(s, x);
    case MECH_FAIL:
        break;
    }
    return refuse_unseen(s, x, AUTHD_LOGIN_MALFORMED, e.text);
}

/* Decodes what the client said and takes the next step. `base64`.p == NULL: there was nothing. */
static or_status
take_response(struct auth_session *s, struct auth_exchange *x, struct span base64)
{
    struct buf response;
    struct span bytes = {NULL, 0};
    or_status st = OR_OK;

    buf_init(&response, MECH_MAX_RESPONSE_BYTES);
    if (base64.p != NULL) {
        st = auth_proto_response(base64, &response);
        bytes = buf_span(&response);
    }
    if (st == OR_OK)
        st = take_step(s, x, bytes);
    else
        st = refuse_unseen(s, x, AUTHD_LOGIN_MALFORMED, "response is not base64");
    buf_fini_wiped(&response);
    return st;
}

/* ---- commands */

static or_status
on_version(void *session, const struct auth_line *line, struct err *e)
{
    struct auth_session *s = session;

    if (auth_proto_number(line, 2, &s->minor) != OR_OK)
        s->minor = 0;
    return auth_proto_check_version(line, e);
}

static or_status
on_cpid(void *session, const struct auth_line *line, struct err *e)
{
    struct auth_session *s = session;

    if (s->has_cpid || auth_proto_number(line, 1, &s->cpid) != OR_OK)
        return err_set(e, OR_MALFORMED, "CPID twice or without a number");
    s->has_cpid = true;
    return OR_OK;
}

/* Whether the client is in one of plaintext-networks. One without an address is on this machine. */
static bool
may_speak_plainly(const struct authd_settings *settings, struct span remote)
{
    struct ip client;

    if (remote.n == 0)
        return true;
    if (ip_parse(remote, &client) != OR_OK)
        return false;
    for (size_t i = 0; i < settings->plaintext_networks.count; i++)
        if (cidr_contains(&settings->plaintext_networks.items[i], &client))
            return true;
    return false;
}

/* Whether a password may come this way. Postfix and Dovecot say `secured` under TLS, Dovecot also
 * for what it trusts without (its own machine). */
static bool
is_secured_enough(struct auth_session *s, const struct auth_line *line, const struct mech *mech)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(s->daemon);
    const struct authd_settings *settings = snapshot->settings;
    bool enough = !settings->require_tls || strcmp(mech->flags, "plaintext") != 0 ||
                  tabline_get(&line->fields, 3, "secured").p != NULL ||
                  may_speak_plainly(settings, tabline_get(&line->fields, 3, "rip"));

    daemon_snapshot_drop(s->daemon, snapshot);
    return enough;
}

static or_status
start_login(struct auth_session *s, const struct auth_line *line, const struct mech *mech)
{
    struct auth_exchange *x = auth_exchange_add(s, line, mech);

    if (!is_secured_enough(s, line, mech))
        return refuse_unseen(s, x, AUTHD_LOGIN_NO_TLS, "no TLS");
    /* Dovecot's login processes show the -PLUS mechanisms under TLS only. */
    x->sasl.binding_offered =
        s->offers_binds && span_equal_cstr(tabline_get(&line->fields, 3, "secured"), "tls");
    if (tabline_get(&line->fields, 3, "valid-client-cert").p != NULL)
        buf_add_span(&x->sasl.certificate, tabline_get(&line->fields, 3, "cert_username"));
    return take_response(s, x, tabline_get(&line->fields, 3, "resp"));
}

static or_status
on_auth(void *session, const struct auth_line *line, struct err *e)
{
    struct auth_session *s = session;
    const struct mech *mech =
        line->fields.count > 2 ? auth_mechanisms_find(s->daemon, line->fields.fields[2]) : NULL;

    if (!s->has_cpid)
        return err_set(e, OR_MALFORMED, "AUTH before CPID");
    if (*auth_exchange_find(s, line->id) != NULL)
        return err_set(e, OR_MALFORMED, "AUTH %u twice", line->id);
    /* smtpd has one login at a time and does not cancel: a new one means that the old one is over.
     */
    while (s->peer == AUTH_PEER_POSTFIX && s->exchanges != NULL)
        auth_exchange_drop(s, s->exchanges->id);
    if (mech == NULL)
        return auth_exchange_fail(s, line->id, "\treason=Unsupported authentication mechanism");
    /* A login process serves many clients over one connection: somebody who keeps it busy must not
     * cut it off for all of them. */
    if (s->count == AUTH_SESSION_MAX_EXCHANGES) {
        log_warning("login refused for now: %d others are under way on its connection",
                    AUTH_SESSION_MAX_EXCHANGES);
        metrics_inc(AUTHD_METRIC_THROTTLED, AUTHD_THROTTLE_CONNECTION);
        return auth_exchange_later(s, line->id);
    }
    return start_login(s, line, mech);
}

static or_status
on_cont(void *session, const struct auth_line *line, struct err *e)
{
    struct auth_session *s = session;
    struct auth_exchange *x = *auth_exchange_find(s, line->id);
    struct span base64 = line->fields.count > 2 ? line->fields.fields[2] : SPAN_EMPTY;

    /* Whoever answers after EXCHANGE_KEEP_MS; what stock Dovecot says too. */
    if (x == NULL)
        return auth_exchange_fail(s, line->id, "\treason=Authentication request timed out");
    if (x->refusal != NULL)
        return err_set(e, OR_MALFORMED, "CONT %u for a login that is over", line->id);
    if (x->sasl.binding_wanted != NULL && x->sasl.binding.n == 0 &&
        auth_proto_response(tabline_get(&line->fields, 3, "channel_binding"), &x->sasl.binding) !=
            OR_OK)
        return err_set(e, OR_MALFORMED, "CONT %u: channel_binding is not base64", line->id);
    return take_response(s, x, base64);
}

static or_status
on_cancel(void *session, const struct auth_line *line, struct err *e)
{
    struct auth_session *s = session;
    struct buf reply;

    (void)e;
    auth_exchange_drop(s, line->id);
    if (s->minor < MINOR_CANCELLED)
        return OR_OK;
    buf_init(&reply, AUTH_REPLY_MAX_BYTES);
    buf_addf(&reply, "CANCELLED\t%u", line->id);
    return auth_exchange_send(s, &reply);
}

static const struct auth_verb commands[] = {
    {"VERSION", on_version}, {"CPID", on_cpid},     {"AUTH", on_auth},
    {"CONT", on_cont},       {"CANCEL", on_cancel},
};

/* ---- the conversation */

static int64_t
wait_ms(const struct auth_session *s, int64_t idle_ms)
{
    int64_t until = INT64_MAX, now = clock_mono_ms();

    for (const struct auth_exchange *x = s->exchanges; x != NULL; x = x->next)
        if (x->due_mono_ms < until)
            until = x->due_mono_ms;
    if (until == INT64_MAX || until - now > idle_ms)
        return idle_ms;
    return until > now ? until - now : 0;
}

static or_status
serve_line(struct auth_session *s, struct err *e)
{
    struct span line;

    /* One deadline for the whole line: a peer that sends a byte at a time holds up no refusals. */
    stream_set_deadline(s->stream, clock_mono_ms() + s->io_timeout_ms);
    or_status st = stream_read_line(s->stream, AUTH_PROTO_MAX_LINE_BYTES - 1, &line);
    stream_set_deadline(s->stream, 0);
    if (st != OR_OK)
        return err_set(e, st, "%s", or_status_name(st));
    st = auth_proto_dispatch(commands, sizeof(commands) / sizeof(commands[0]), s, line, &s->mem, e);
    /* resp= is a password: it must not wait in a freed buffer for whoever reads the memory. The
     * stream's buffer is on the heap; const is for parsers. */
    crypto_wipe((char *)(uintptr_t)line.p, line.n);
    arena_fini(&s->mem);
    return st;
}

static void
read_timeouts(struct auth_session *s)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(s->daemon);
    const struct conf_common *common = &((const struct authd_settings *)snapshot->settings)->common;

    s->idle_timeout_ms = common->idle_timeout_ms;
    s->io_timeout_ms = common->io_timeout_ms;
    daemon_snapshot_drop(s->daemon, snapshot);
}

/* What the client is, before it is told of mechanisms that only some can do. */
static or_status
await_first_word(struct auth_session *s, struct err *e)
{
    or_status st = stream_await(s->stream, FIRST_WORD_WAIT_MS);

    if (st == OR_OK)
        st = serve_line(s, e);
    return st == OR_TIMEOUT ? OR_OK : st;
}

static or_status
greet(struct auth_session *s, struct err *e)
{
    struct buf line;
    /* Postfix knows nothing of it and has no use for waiting. */
    bool may_bind = s->peer == AUTH_PEER_DOVECOT && auth_mechanisms_bind(s->daemon);

    buf_init(&line, AUTH_REPLY_MAX_BYTES);
    buf_add_cstr(&line, "VERSION\t1\t4");
    if (may_bind) {
        or_status st = auth_exchange_send(s, &line);

        if (st == OR_OK)
            st = await_first_word(s, e);
        if (st != OR_OK)
            return st;
        buf_init(&line, AUTH_REPLY_MAX_BYTES);
    } else {
        buf_add_char(&line, '\n');
    }
    s->offers_binds = may_bind && s->minor >= MINOR_BINDS;
    auth_mechanisms_list(s->daemon, s->offers_binds, &line);
    buf_addf(&line, "SPID\t%u\nCUID\t%u\nCOOKIE\t%s\nDONE", auth_requests_spid(s->requests),
             crypto_random_below(INT32_MAX), s->cookie);
    return auth_exchange_send(s, &line);
}

static or_status
converse(struct auth_session *s, struct err *e)
{
    read_timeouts(s);
    or_status st = greet(s, e);

    while (st == OR_OK) {
        read_timeouts(s);
        int64_t wait = wait_ms(s, s->idle_timeout_ms);

        st = wait > 0 ? stream_await(s->stream, wait) : OR_TIMEOUT;
        if (st == OR_OK)
            st = serve_line(s, e);
        else if (st == OR_TIMEOUT && wait < s->idle_timeout_ms)
            st = OR_OK;
        if (st == OR_OK)
            st = auth_exchange_settle(s, false);
    }
    return st;
}

void
auth_session_run(struct stream *stream, struct daemon *d, enum auth_peer peer)
{
    struct auth_session s = {
        .stream = stream, .daemon = d, .requests = authd_requests(d), .peer = peer};
    struct err e = {""};

    arena_init(&s.mem, REQUEST_ARENA_BYTES);
    crypto_random_hex(s.cookie, AUTH_COOKIE_HEX / 2);
    or_status st = converse(&s, &e);
    if (st == OR_MALFORMED || st == OR_LIMIT)
        log_warning("login client disconnected: %s", e.text);
    if (auth_exchange_settle(&s, true) != OR_OK)
        log_debug("login client left before its refusal");
    while (s.exchanges != NULL)
        auth_exchange_drop(&s, s.exchanges->id);
    arena_fini(&s.mem);
    crypto_wipe(s.cookie, sizeof(s.cookie));
}
