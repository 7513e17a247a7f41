/*
 * outrider-lmtpd's side of an LMTP conversation.
 *
 * Who talks to it: Postfix's lmtp(8), over a unix socket as a rule: pipelined, one connection for
 * many messages, RSET or QUIT right behind the final dot, up to 50 recipients, the same one twice
 * at times. Nobody is authenticated here: the socket's permissions decide who may deliver.
 *
 * Standards: RFC 2033 (LMTP), 5321 (SMTP), 2920 (PIPELINING), 1870 (SIZE), 6152 (8BITMIME), 2034
 * and 3463 (enhanced status codes), 3030 (CHUNKING, BINARYMIME), 3207 (STARTTLS), 6531 (SMTPUTF8).
 *
 * Security: only CRLF ends a command and only CRLF "." CRLF ends a message (lmtp_data.h); what the
 * client says of itself is checked before it goes into a header; every line, count and wait has a
 * ceiling.
 *
 * Files: none by itself; deliver.c writes Maildirs as their owners. Threads: one per connection.
 */
#include "lmtp/lmtp_session.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/domain.h"
#include "common/text/utf8.h"
#include "lmtp/lmtp_transaction.h"
#include "lmtp/lmtp_xclient.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 100 recipients of the longest kind, and the fields of the longest header. */
#define MAX_TRANSACTION_BYTES (4u << 20)

/* Commands that make no sense, per connection. Unknown recipients are not among them. */
#define MAX_ERRORS 20
/* A connection that says nothing for so long gives back its memory and its userdb connection. */
#define QUIET_MS 2000
/* RFC 5321 4.5.3.2.7: at least 5 minutes for a command, here from its first byte to its last. */
#define COMMAND_TIMEOUT_MS 300000

static const struct lmtp_reply ok = {250, "2.0.0", "ok"};
static const struct lmtp_reply bye = {221, "2.0.0", "bye"};
static const struct lmtp_reply cannot_verify = {252, "2.5.0", "try it and see"};
static const struct lmtp_reply not_understood = {500, "5.5.2", "command not understood"};
static const struct lmtp_reply line_too_long = {500, "5.5.2", "command line is too long"};
static const struct lmtp_reply this_is_lmtp = {500, "5.5.1", "this is LMTP: say LHLO"};
static const struct lmtp_reply no_argument = {501, "5.5.4", "this command has no argument"};
static const struct lmtp_reply lhlo_syntax = {501, "5.5.4", "syntax: LHLO name"};
static const struct lmtp_reply tls_now = {220, "2.0.0", "go on with TLS"};
static const struct lmtp_reply no_tls_now = {503, "5.5.1", "no TLS now"};
static const struct lmtp_reply xclient_syntax = {501, "5.5.4", "bad XCLIENT attribute"};
static const struct lmtp_reply in_transaction = {503, "5.5.1", "a transaction is open"};
static const struct lmtp_reply not_trusted = {550, "5.7.0", "you may not say that"};
static const struct lmtp_reply too_many_connections = {421, "4.7.0",
                                                       "too many connections from your address"};
static const struct lmtp_reply too_many_errors = {421, "4.7.0", "too many errors"};
static const struct lmtp_reply going_down = {421, "4.3.2", "service is closing down"};
static const struct lmtp_reply idle_too_long = {421, "4.4.2", "idle too long"};

struct lmtp_shared *
lmtp_shared_new(void)
{
    struct lmtp_shared *shared = xcalloc(1, sizeof(*shared));

    lmtp_clients_init(&shared->clients);
    shared->delivery.scripts = sieve_cache_new();
    return shared;
}

void
lmtp_shared_free(struct lmtp_shared *shared)
{
    if (shared == NULL)
        return;
    lmtp_clients_fini(&shared->clients);
    sieve_cache_free(shared->delivery.scripts);
    kvstore_close(shared->delivery.store);
    free(shared);
}

struct lmtp_session *
lmtp_session_new(struct stream *stream, struct lmtp_shared *shared)
{
    struct lmtp_session *s = xcalloc(1, sizeof(*s));

    s->stream = stream;
    s->shared = shared;
    s->client_ip = stream_get_peer(stream)->ip;
    arena_init(&s->mem, MAX_TRANSACTION_BYTES);
    return s;
}

void
lmtp_session_drop_accounts(struct lmtp_session *s)
{
    account_client_free(s->accounts);
    free(s->userdb);
    s->accounts = NULL;
    s->userdb = NULL;
}

void
lmtp_session_free(struct lmtp_session *s)
{
    lmtp_clients_leave(&s->shared->clients, &s->client);
    lmtp_session_drop_accounts(s);
    arena_fini(&s->mem);
    free(s);
}

/* A connection that can no longer be written to is over; there is nobody left to tell. */
void
lmtp_session_reply(struct lmtp_session *s, const struct lmtp_reply *r)
{
    if (lmtp_reply_write(s->stream, r) != OR_OK)
        s->over = true;
}

void
lmtp_session_hang_up(struct lmtp_session *s, const struct lmtp_reply *r)
{
    lmtp_session_reply(s, r);
    if (stream_flush(s->stream) != OR_OK)
        log_debug("lmtp: the client was gone before \"%u %s\"", r->code, r->text);
    s->over = true;
}

/* The client did something that no client should. */
void
lmtp_session_complain(struct lmtp_session *s, const struct lmtp_reply *r)
{
    if (++s->errors > MAX_ERRORS)
        lmtp_session_hang_up(s, &too_many_errors);
    else
        lmtp_session_reply(s, r);
}

/* The client's name ends up in Received: fields. Anything but a host name or an address in brackets
 * is "unknown" there (CVE-2020-12272 is what printing names unseen leads to). */
static bool
is_printable_name(struct span name)
{
    if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']') {
        struct span inner = span_slice(name, 1, name.n - 1);

        for (size_t i = 0; i < inner.n; i++)
            if (strchr("0123456789abcdefABCDEF.:IPv", inner.p[i]) == NULL)
                return false;
        return true;
    }
    return domain_is_hostname(name) && utf8_is_ascii(name);
}

/* Whether the peer itself may say for whom it speaks. */
static bool
may_xclient(const struct lmtp_session *s)
{
    const struct conf_cidrs *trusted = &s->settings->xclient_clients;

    for (size_t i = 0; i < trusted->count; i++)
        if (cidr_contains(&trusted->items[i], &stream_get_peer(s->stream)->ip))
            return true;
    return false;
}

static void
run_lhlo(struct lmtp_session *s, struct span argument)
{
    if (argument.n == 0 || argument.n > LMTP_MAX_LHLO_BYTES) {
        lmtp_session_complain(s, &lhlo_syntax);
        return;
    }
    lmtp_transaction_end(s); /* RFC 5321 4.1.4: as if RSET were said */
    struct span name = is_printable_name(argument) ? argument : SPAN_LIT("unknown");
    memcpy(s->lhlo, name.p, name.n);
    s->lhlo[name.n] = '\0';
    if (stream_writef(s->stream,
                      "250-%s\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n"
                      "250-SIZE %lld\r\n250-CHUNKING\r\n250-BINARYMIME\r\n%s%s250 SMTPUTF8\r\n",
                      s->settings->hostname, (long long)s->settings->max_message_bytes,
                      s->tls != NULL && !s->secure ? "250-STARTTLS\r\n" : "",
                      may_xclient(s) ? "250-XCLIENT " LMTP_XCLIENT_ATTRIBUTES "\r\n" : "") != OR_OK)
        s->over = true;
}

/* RFC 2033 4.1: HELO and EHLO must not be taken; code 500 says so. */
static void
run_smtp_greeting(struct lmtp_session *s, struct span argument)
{
    (void)argument;
    lmtp_session_complain(s, &this_is_lmtp);
}

static void
say_greeting(struct lmtp_session *s)
{
    if (stream_writef(s->stream, "220 %s LMTP outrider\r\n", s->settings->hostname) != OR_OK)
        s->over = true;
}

/* The session begins anew, as if the client that is named had connected. */
static void
run_xclient(struct lmtp_session *s, struct span argument)
{
    struct lmtp_xclient client;

    if (!may_xclient(s) || s->in_mail) {
        lmtp_session_complain(s, s->in_mail ? &in_transaction : &not_trusted);
        return;
    }
    if (lmtp_xclient_parse(argument, &client) != OR_OK) {
        lmtp_session_complain(s, &xclient_syntax);
        return;
    }
    if (client.has_ip)
        s->client_ip = client.ip;
    if (client.has_helo)
        snprintf(s->helo, sizeof(s->helo), "%s",
                 client.helo[0] == '\0' || is_printable_name(span_cstr(client.helo)) ? client.helo
                                                                                     : "unknown");
    s->lhlo[0] = '\0';
    say_greeting(s);
}

/* RFC 3207 4: what was said before counts for nothing afterwards. */
static void
run_starttls(struct lmtp_session *s, struct span argument)
{
    struct err e;

    if (s->tls == NULL || s->secure || s->in_mail) {
        lmtp_session_complain(s, s->tls == NULL ? &not_understood : &no_tls_now);
        return;
    }
    if (argument.n > 0) {
        lmtp_session_complain(s, &no_argument);
        return;
    }
    lmtp_session_reply(s, &tls_now);
    or_status st = stream_flush(s->stream);
    if (st == OR_OK)
        st = stream_tls_accept(s->stream, s->tls, &e);
    s->secure = st == OR_OK;
    s->over = st != OR_OK;
    s->lhlo[0] = '\0';
    if (st != OR_OK && st != OR_CLOSED)
        log_info("lmtp: STARTTLS failed: %s", e.text);
}

static void
run_rset(struct lmtp_session *s, struct span argument)
{
    if (argument.n > 0) {
        lmtp_session_complain(s, &no_argument);
        return;
    }
    lmtp_transaction_end(s);
    lmtp_session_reply(s, &ok);
}

static void
run_noop(struct lmtp_session *s, struct span argument)
{
    (void)argument; /* RFC 5321 4.1.1.9: ignored */
    lmtp_session_reply(s, &ok);
}

static void
run_vrfy(struct lmtp_session *s, struct span argument)
{
    (void)argument;
    lmtp_session_reply(s, &cannot_verify);
}

static void
run_quit(struct lmtp_session *s, struct span argument)
{
    (void)argument;
    lmtp_session_hang_up(s, &bye);
}

static const struct {
    const char *verb;
    void (*run)(struct lmtp_session *s, struct span argument);
} commands[] = {
    {"LHLO", run_lhlo},
    {"MAIL", lmtp_transaction_mail},
    {"RCPT", lmtp_transaction_rcpt},
    {"DATA", lmtp_transaction_data},
    {"BDAT", lmtp_transaction_bdat},
    {"RSET", run_rset},
    {"NOOP", run_noop},
    {"VRFY", run_vrfy},
    {"QUIT", run_quit},
    {"XCLIENT", run_xclient},
    {"STARTTLS", run_starttls},
    {"HELO", run_smtp_greeting},
    {"EHLO", run_smtp_greeting},
};

static void
run_line(struct lmtp_session *s, struct span line)
{
    struct lmtp_command c;

    if (lmtp_command_split(line, &c) != OR_OK) {
        lmtp_session_complain(s, &not_understood);
        return;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!span_equal_nocase_cstr(c.verb, commands[i].verb))
            continue;
        commands[i].run(s, c.argument);
        return;
    }
    lmtp_session_complain(s, &not_understood);
}

/* Reads past the end of a line that is longer than any command. */
static or_status
skip_line(struct stream *stream)
{
    struct span bytes;
    or_status st;

    while ((st = stream_peek(stream, &bytes)) == OR_OK) {
        size_t lf = span_find(bytes, '\n');

        stream_consume(stream, lf < bytes.n ? lf + 1 : bytes.n);
        if (lf < bytes.n)
            break;
    }
    return st;
}

/* Input is there or on its way. */
static void
run_command(struct lmtp_session *s)
{
    struct span line;

    stream_set_deadline(s->stream, clock_mono_ms() + COMMAND_TIMEOUT_MS);
    or_status st = stream_read_line(s->stream, LMTP_COMMAND_MAX_BYTES, &line);
    bool too_long = st == OR_LIMIT;
    if (too_long)
        st = skip_line(s->stream);
    stream_set_deadline(s->stream, 0);
    if (st == OR_TIMEOUT)
        lmtp_session_hang_up(s, &idle_too_long);
    else if (st != OR_OK)
        s->over = true;
    else if (too_long)
        lmtp_session_complain(s, &line_too_long);
    else
        run_line(s, line);
}

/* Clients on unix sockets have no address and are not counted. */
static void
greet(struct lmtp_session *s)
{
    if (s->greeted)
        return;
    s->greeted = true;
    if (s->client_ip.family != 0 &&
        !lmtp_clients_enter(&s->shared->clients, &s->client, &s->client_ip,
                            (size_t)s->settings->max_connections_per_client))
        lmtp_session_hang_up(s, &too_many_connections);
    else
        say_greeting(s);
}

/* Why no command came, told to the client. */
static bool
end_wait(struct lmtp_session *s, or_status st)
{
    if (st != OR_OK)
        lmtp_session_hang_up(s, st == OR_TIMEOUT ? &idle_too_long : &going_down);
    return st == OR_OK;
}

void
lmtp_session_offer_tls(struct lmtp_session *s, const struct stream_tls_server *tls)
{
    s->tls = tls;
}

bool
lmtp_session_serve(struct lmtp_session *s, const struct lmtp_settings *settings)
{
    s->settings = settings;
    greet(s);
    while (!s->over && (s->in_mail || stream_has_input(s->stream))) {
        if (stream_has_input(s->stream) ||
            end_wait(s, stream_await(s->stream, settings->common.idle_timeout_ms)))
            run_command(s);
    }
    if (s->over)
        lmtp_transaction_end(s); /* of which the settings are a part */
    s->settings = NULL;
    s->tls = NULL;
    return !s->over;
}

bool
lmtp_session_await(struct lmtp_session *s, int64_t idle_timeout_ms)
{
    int64_t quiet_ms = idle_timeout_ms < QUIET_MS ? idle_timeout_ms : QUIET_MS;
    or_status st = stream_await(s->stream, quiet_ms);

    if (st == OR_TIMEOUT && idle_timeout_ms > quiet_ms) {
        arena_fini(&s->mem);
        lmtp_session_drop_accounts(s);
        st = stream_await(s->stream, idle_timeout_ms - quiet_ms);
    }
    return end_wait(s, st);
}
