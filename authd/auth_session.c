/*
 * Logins.
 *
 * What it does: greets with the mechanisms, then answers AUTH and CONT. A good password is OK, and
 * unless the client said `nologin` the login waits in auth_requests for the process that will serve
 * the user. A wrong one is FAIL failure-delay after it came; other logins on the connection go on
 * meanwhile. Whether it is good: login_check.c.
 *
 * Who talks to it: Postfix's smtpd (smtpd_sasl_type = dovecot), one connection per process;
 * imap-login and pop3-login, several logins at once on one connection.
 *
 * Security: nothing before a password check tells whether an account exists, neither text nor time:
 * the delay of a refusal begins with the password's arrival, so that it hides how long hashing took
 * (schemes differ). Lines, responses and logins under way are bounded; one client too many is told
 * "later", the connection that he shares with others stays. Passwords are wiped, never logged.
 *
 * Standards: RFC 4422 (SASL), RFC 4616 (PLAIN); Dovecot auth protocol 1.2.
 */
#include "authd/auth_session.h"

#include "authd/auth_mechanisms.h"
#include "authd/auth_proto.h"
#include "authd/authd_metrics.h"
#include "authd/login_check.h"
#include "authd/login_keys.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/text/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_ARENA_BYTES 65536
#define REPLY_MAX_BYTES 8192
#define EXCHANGE_KEEP_MS 150000 /* an aborted login is never cancelled by Postfix */
#define SHORT_TEXT_BYTES 64     /* of service, session and addresses, for the log */

/* One login under way, or a refusal that waits for its delay. */
struct exchange {
    struct exchange *next;
    uint32_t id;
    struct mech_exchange sasl;
    bool nologin;
    bool final_with_ok; /* the client takes the server's last word with OK */
    bool final_sent;    /* or it was sent before */
    char service[SHORT_TEXT_BYTES], session[SHORT_TEXT_BYTES], remote[SHORT_TEXT_BYTES];
    int64_t due_mono_ms; /* refused: when to say so; else when it is forgotten */
    char *refusal;       /* the line to send, NULL while the login is under way */
};

struct auth_session {
    struct stream *stream;
    struct daemon *daemon;
    struct auth_requests *requests;
    enum auth_peer peer;
    uint32_t cpid;
    bool has_cpid;
    char cookie[AUTH_COOKIE_HEX + 1];
    struct exchange *exchanges; /* newest first */
    size_t count;
    int64_t idle_timeout_ms, io_timeout_ms; /* of the settings now in force */
    struct arena mem;                       /* of one line */
};

/* ---- exchanges */

static void
free_exchange(struct exchange *x)
{
    mech_exchange_fini(&x->sasl);
    free(x->refusal);
    free(x);
}

static struct exchange **
find_exchange(struct auth_session *s, uint32_t id)
{
    struct exchange **link = &s->exchanges;

    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    return link;
}

static void
drop_exchange(struct auth_session *s, uint32_t id)
{
    struct exchange **link = find_exchange(s, id), *x = *link;

    if (x == NULL)
        return;
    *link = x->next;
    s->count--;
    free_exchange(x);
}

/* A parameter for the log, cut to its room. */
static void
keep_parameter(char out[SHORT_TEXT_BYTES], const struct auth_line *line, const char *key)
{
    struct span value = tabline_get(&line->fields, 3, key);

    snprintf(out, SHORT_TEXT_BYTES, "%.*s", SPAN_ARG(value));
}

static struct exchange *
add_exchange(struct auth_session *s, const struct auth_line *line, const struct mech *mech)
{
    struct exchange *x = xcalloc(1, sizeof(*x));

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
    x->next = s->exchanges;
    s->exchanges = x;
    s->count++;
    return x;
}

/* ---- replies; a failure means that the connection is over */

static or_status
send_line(struct auth_session *s, struct buf *line)
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

static or_status
send_challenge(struct auth_session *s, const struct exchange *x)
{
    struct buf line;

    buf_init(&line, REPLY_MAX_BYTES);
    buf_addf(&line, "CONT\t%u\t", x->id); /* the last field is there even when it is empty */
    base64_encode(&line, x->sasl.challenge);
    return send_line(s, &line);
}

static void
log_login(const struct exchange *x, enum log_level level, const char *action, const char *reason)
{
    struct log_line line;

    log_line_start(&line, level, span_cstr(x->session));
    log_line_add(&line, "client", span_cstr(x->remote));
    log_line_add(&line, "service", span_cstr(x->service));
    log_line_add(&line, "user", buf_span(&x->sasl.authcid));
    log_line_add(&line, "mech", span_cstr(x->sasl.mech->name));
    log_line_add(&line, "action", span_cstr(action));
    if (reason != NULL)
        log_line_add(&line, "reason", span_cstr(reason));
    log_line_end(&line);
}

static void
count_login(const struct exchange *x, enum authd_login outcome)
{
    metrics_add(AUTHD_METRIC_LOGINS, authd_metrics_mechanism(x->sasl.mech->name), outcome, 1);
}

/* Why a login is refused: for the log, and the fields of FAIL that say it to the client (which
 * Dovecot's login processes tell apart; none: a wrong name or password). */
struct refusal {
    const char *reason;
    const char *fields;
    enum authd_login outcome; /* for the metrics */
};

/* Said at `due_mono_ms`, at once when that is over. */
static or_status
refuse(struct auth_session *s, struct exchange *x, int64_t due_mono_ms,
       const struct refusal *refusal)
{
    struct buf line;

    log_login(x, LOG_LEVEL_INFO, "refuse", refusal->reason);
    count_login(x, refusal->outcome);
    buf_init(&line, REPLY_MAX_BYTES);
    buf_addf(&line, "FAIL\t%u", x->id);
    if (x->sasl.authcid.n != 0 && x->sasl.authcid.n <= AUTH_MAX_USER_BYTES)
        auth_proto_add(&line, "user", buf_span(&x->sasl.authcid));
    buf_add_cstr(&line, refusal->fields);
    if (due_mono_ms <= clock_mono_ms()) {
        drop_exchange(s, x->id);
        return send_line(s, &line);
    }
    x->refusal = xmemdup0(line.p, line.n);
    x->due_mono_ms = due_mono_ms;
    buf_fini(&line);
    return OR_OK;
}

/* A FAIL without a login under way. */
static or_status
send_fail(struct auth_session *s, uint32_t id, const char *fields)
{
    struct buf line;

    buf_init(&line, REPLY_MAX_BYTES);
    buf_addf(&line, "FAIL\t%u%s", id, fields);
    return send_line(s, &line);
}

/* "Later", in the way this client understands. */
static or_status
send_later(struct auth_session *s, uint32_t id)
{
    if (s->peer == AUTH_PEER_POSTFIX)
        return OR_CLOSED;
    return send_fail(s, id, "\tcode=temp_fail\ttemp"); /* "temp": as servers before 2.3 said it */
}

static or_status
refuse_for_now(struct auth_session *s, struct exchange *x, const char *why)
{
    uint32_t id = x->id;

    log_login(x, LOG_LEVEL_WARNING, "tempfail", why);
    count_login(x, AUTHD_LOGIN_TEMPFAIL);
    drop_exchange(s, id);
    return send_later(s, id);
}

static or_status
accept_login(struct auth_session *s, struct exchange *x, struct span user)
{
    struct buf line;

    log_login(x, LOG_LEVEL_INFO, "accept", NULL);
    count_login(x, AUTHD_LOGIN_ACCEPTED);
    if (!x->nologin)
        auth_requests_add(s->requests, s->cpid, x->id, span_cstr(s->cookie), user,
                          x->sasl.mech->name);
    buf_init(&line, REPLY_MAX_BYTES);
    buf_addf(&line, "OK\t%u", x->id);
    auth_proto_add(&line, "user", user);
    if (x->sasl.proof == MECH_PROOF_RIGHT && !x->final_sent) {
        buf_add_cstr(&line, "\tresp=");
        base64_encode(&line, x->sasl.challenge);
    }
    drop_exchange(s, x->id);
    return send_line(s, &line);
}

/* ---- the decision */

/* By enum login_result. */
static const struct refusal refusals[] = {
    [LOGIN_WRONG] = {"wrong user or password", "", AUTHD_LOGIN_WRONG},
    [LOGIN_DISABLED] = {"account disabled", "\tcode=user_disabled", AUTHD_LOGIN_DISABLED},
    [LOGIN_OTHER_USER] = {"authorization as another user", "\tcode=authz_fail",
                          AUTHD_LOGIN_OTHER_USER},
};

static or_status
decide(struct auth_session *s, struct exchange *x)
{
    int64_t came = clock_mono_ms();
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(s->daemon);
    int64_t delay_ms = ((const struct authd_settings *)snapshot->settings)->failure_delay_ms;
    struct span user = SPAN_EMPTY;
    struct err e = {""};
    enum login_result result = login_check(snapshot, &x->sasl, &s->mem, &user, &e);

    daemon_snapshot_drop(s->daemon, snapshot);
    if (result == LOGIN_GOOD)
        return accept_login(s, x, user);
    if (result == LOGIN_UNKNOWN_NOW)
        return refuse_for_now(s, x, e.text);
    return refuse(s, x, came + delay_ms, &refusals[result]);
}

/* The server's part of a proof comes before OK, unless the client takes both at once. */
static or_status
conclude(struct auth_session *s, struct exchange *x)
{
    if (x->sasl.proof != MECH_PROOF_RIGHT || x->final_with_ok)
        return decide(s, x);
    x->final_sent = true;
    return send_challenge(s, x);
}

static or_status
go_on_with_keys(struct auth_session *s, struct exchange *x)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(s->daemon);
    struct scram_keys keys;
    struct err e = {""};
    or_status st = login_keys_find(snapshot, &x->sasl, &s->mem, &keys, &e);
    bool go_on = st == OR_OK && mech_exchange_keys(&x->sasl, &keys, &e) == MECH_CONTINUE;

    daemon_snapshot_drop(s->daemon, snapshot);
    if (st == OR_OK)
        crypto_wipe(&keys, sizeof(keys));
    return go_on ? send_challenge(s, x) : refuse_for_now(s, x, e.text);
}

static or_status
take_step(struct auth_session *s, struct exchange *x, struct span response)
{
    struct err e = {""};

    if (x->final_sent)
        return decide(s, x);
    switch (mech_exchange_step(&x->sasl, response, &e)) {
    case MECH_CONTINUE:
        return send_challenge(s, x);
    case MECH_NEED_KEYS:
        return go_on_with_keys(s, x);
    case MECH_CHECK:
        return conclude(s, x);
    case MECH_FAIL:
        break;
    }
    return refuse(s, x, 0, &(struct refusal){e.text, "", AUTHD_LOGIN_MALFORMED});
}

/* Decodes what the client said and takes the next step. `base64`.p == NULL: there was nothing. */
static or_status
take_response(struct auth_session *s, struct exchange *x, struct span base64)
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
        st =
            refuse(s, x, 0, &(struct refusal){"response is not base64", "", AUTHD_LOGIN_MALFORMED});
    buf_fini_wiped(&response);
    return st;
}

/* ---- commands */

static or_status
on_version(void *session, const struct auth_line *line, struct err *e)
{
    (void)session;
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

/* Whether a password may come this way. Postfix and Dovecot say `secured` under TLS, Dovecot also
 * for what it trusts without (its own machine). */
static bool
is_secured_enough(struct auth_session *s, const struct auth_line *line, const struct mech *mech)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(s->daemon);
    bool need = ((const struct authd_settings *)snapshot->settings)->require_tls;

    daemon_snapshot_drop(s->daemon, snapshot);
    return !need || strcmp(mech->flags, "plaintext") != 0 ||
           tabline_get(&line->fields, 3, "secured").p != NULL;
}

static or_status
start_login(struct auth_session *s, const struct auth_line *line, const struct mech *mech)
{
    static const struct refusal no_tls = {"no TLS", "\treason=TLS is needed to log in",
                                          AUTHD_LOGIN_NO_TLS};
    struct exchange *x = add_exchange(s, line, mech);

    if (!is_secured_enough(s, line, mech))
        return refuse(s, x, 0, &no_tls);
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
    if (*find_exchange(s, line->id) != NULL)
        return err_set(e, OR_MALFORMED, "AUTH %u twice", line->id);
    /* smtpd has one login at a time and does not cancel: a new one means that the old one is over.
     */
    while (s->peer == AUTH_PEER_POSTFIX && s->exchanges != NULL)
        drop_exchange(s, s->exchanges->id);
    if (mech == NULL)
        return send_fail(s, line->id, "\treason=Unsupported authentication mechanism");
    /* A login process serves many clients over one connection: somebody who keeps it busy must not
     * cut it off for all of them. */
    if (s->count == AUTH_SESSION_MAX_EXCHANGES) {
        log_warning("login refused for now: %d others are under way on its connection",
                    AUTH_SESSION_MAX_EXCHANGES);
        metrics_inc(AUTHD_METRIC_THROTTLED, AUTHD_THROTTLE_CONNECTION);
        return send_later(s, line->id);
    }
    return start_login(s, line, mech);
}

static or_status
on_cont(void *session, const struct auth_line *line, struct err *e)
{
    struct auth_session *s = session;
    struct exchange *x = *find_exchange(s, line->id);
    struct span base64 = line->fields.count > 2 ? line->fields.fields[2] : SPAN_EMPTY;

    /* Whoever answers after EXCHANGE_KEEP_MS; what stock Dovecot says too. */
    if (x == NULL)
        return send_fail(s, line->id, "\treason=Authentication request timed out");
    if (x->refusal != NULL)
        return err_set(e, OR_MALFORMED, "CONT %u for a login that is over", line->id);
    return take_response(s, x, base64);
}

static or_status
on_cancel(void *session, const struct auth_line *line, struct err *e)
{
    struct auth_session *s = session;

    (void)e;
    drop_exchange(s, line->id);
    return OR_OK;
}

static const struct auth_verb commands[] = {
    {"VERSION", on_version}, {"CPID", on_cpid},     {"AUTH", on_auth},
    {"CONT", on_cont},       {"CANCEL", on_cancel},
};

/* ---- the conversation */

static or_status
greet(struct auth_session *s)
{
    struct buf line;

    buf_init(&line, REPLY_MAX_BYTES);
    buf_add_cstr(&line, "VERSION\t1\t2\n");
    auth_mechanisms_list(s->daemon, &line);
    buf_addf(&line, "SPID\t%u\nCUID\t%u\nCOOKIE\t%s\nDONE", auth_requests_spid(s->requests),
             crypto_random_below(INT32_MAX), s->cookie);
    return send_line(s, &line);
}

/* Says refusals whose delay is over, forgets logins nobody went on with. `all`: without waiting for
 * the delay. */
static or_status
settle_due(struct auth_session *s, bool all)
{
    int64_t now = clock_mono_ms();
    struct exchange **link = &s->exchanges;
    or_status st = OR_OK;

    while (*link != NULL && st == OR_OK) {
        struct exchange *x = *link;

        if (x->due_mono_ms > now && !(all && x->refusal != NULL)) {
            link = &x->next;
            continue;
        }
        if (x->refusal != NULL) {
            struct buf line;

            buf_init(&line, REPLY_MAX_BYTES);
            buf_add_cstr(&line, x->refusal);
            st = send_line(s, &line);
        }
        *link = x->next;
        s->count--;
        free_exchange(x);
    }
    return st;
}

static int64_t
wait_ms(const struct auth_session *s, int64_t idle_ms)
{
    int64_t until = INT64_MAX, now = clock_mono_ms();

    for (const struct exchange *x = s->exchanges; x != NULL; x = x->next)
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

static or_status
converse(struct auth_session *s, struct err *e)
{
    or_status st = greet(s);

    while (st == OR_OK) {
        read_timeouts(s);
        int64_t wait = wait_ms(s, s->idle_timeout_ms);

        st = wait > 0 ? stream_await(s->stream, wait) : OR_TIMEOUT;
        if (st == OR_OK)
            st = serve_line(s, e);
        else if (st == OR_TIMEOUT && wait < s->idle_timeout_ms)
            st = OR_OK;
        if (st == OR_OK)
            st = settle_due(s, false);
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
    if (settle_due(&s, true) != OR_OK)
        log_debug("login client left before its refusal");
    while (s.exchanges != NULL)
        drop_exchange(&s, s.exchanges->id);
    arena_fini(&s.mem);
    crypto_wipe(s.cookie, sizeof(s.cookie));
}
