/*
 * outrider-lmtpd's side of an LMTP conversation.
 *
 * Who talks to it: Postfix's lmtp(8), over a unix socket as a rule: pipelined, one connection for
 * many messages, RSET or QUIT right behind the final dot, up to 50 recipients, the same one twice
 * at times. Nobody is authenticated here: the socket's permissions decide who may deliver.
 *
 * Standards: RFC 2033 (LMTP), 5321 (SMTP), 2920 (PIPELINING), 1870 (SIZE), 6152 (8BITMIME), 2034
 * and 3463 (enhanced status codes), 6531 (SMTPUTF8).
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
#include "lmtp/lmtp_command.h"
#include "lmtp/lmtp_message.h"
#include "lmtp/lmtp_metrics.h"

#include <stdlib.h>
#include <string.h>

/* 100 recipients of the longest kind, and the fields of the longest header. */
#define MAX_TRANSACTION_BYTES (4u << 20)
#define MAX_LHLO_BYTES 255 /* RFC 5321 4.5.3.1.2 */
/* Commands that make no sense, per connection. Unknown recipients are not among them. */
#define MAX_ERRORS 20
/* A connection that says nothing for so long gives back its memory and its userdb connection. */
#define QUIET_MS 2000
/* RFC 5321 4.5.3.2.7: at least 5 minutes for a command, here from its first byte to its last. */
#define COMMAND_TIMEOUT_MS 300000

struct lmtp_session {
    struct stream *stream;
    struct deliver_shared *shared;
    const struct lmtp_settings *settings; /* while serving */
    struct arena mem;                     /* of the transaction */
    struct account_client *accounts;      /* NULL: not made */
    char *userdb;                         /* the address `accounts` points to */
    char lhlo[MAX_LHLO_BYTES + 1];        /* empty: LHLO not said */
    bool greeted;
    bool over;
    bool in_mail; /* MAIL was accepted */
    bool smtputf8;
    struct deliver_envelope envelope;
    unsigned errors;
};

static const struct lmtp_reply ok = {250, "2.0.0", "ok"};
static const struct lmtp_reply sender_ok = {250, "2.1.0", "sender ok"};
static const struct lmtp_reply bye = {221, "2.0.0", "bye"};
static const struct lmtp_reply cannot_verify = {252, "2.5.0", "try it and see"};
static const struct lmtp_reply not_understood = {500, "5.5.2", "command not understood"};
static const struct lmtp_reply line_too_long = {500, "5.5.2", "command line is too long"};
static const struct lmtp_reply this_is_lmtp = {500, "5.5.1", "this is LMTP: say LHLO"};
static const struct lmtp_reply no_argument = {501, "5.5.4", "this command has no argument"};
static const struct lmtp_reply lhlo_syntax = {501, "5.5.4", "syntax: LHLO name"};
static const struct lmtp_reply need_lhlo = {503, "5.5.1", "say LHLO first"};
static const struct lmtp_reply need_mail = {503, "5.5.1", "say MAIL first"};
static const struct lmtp_reply nested_mail = {503, "5.5.1", "a sender was named already"};
static const struct lmtp_reply no_recipients = {503, "5.5.1", "no valid recipients"};
static const struct lmtp_reply too_many_errors = {421, "4.7.0", "too many errors"};
static const struct lmtp_reply going_down = {421, "4.3.2", "service is closing down"};
static const struct lmtp_reply idle_too_long = {421, "4.4.2", "idle too long"};
static const struct lmtp_reply data_too_slow = {421, "4.4.2", "the message did not arrive in time"};
static const struct lmtp_reply too_large = {552, "5.3.4", "message is too large"};
static const struct lmtp_reply too_many_recipients = {452, "4.5.3", "too many recipients"};
static const struct lmtp_reply no_memory = {452, "4.3.1", "transaction is too large"};

struct lmtp_session *
lmtp_session_new(struct stream *stream, struct deliver_shared *shared)
{
    struct lmtp_session *s = xcalloc(1, sizeof(*s));

    s->stream = stream;
    s->shared = shared;
    arena_init(&s->mem, MAX_TRANSACTION_BYTES);
    return s;
}

static void
drop_accounts(struct lmtp_session *s)
{
    account_client_free(s->accounts);
    free(s->userdb);
    s->accounts = NULL;
    s->userdb = NULL;
}

void
lmtp_session_free(struct lmtp_session *s)
{
    drop_accounts(s);
    arena_fini(&s->mem);
    free(s);
}

/* A connection that can no longer be written to is over; there is nobody left to tell. */
static void
reply(struct lmtp_session *s, const struct lmtp_reply *r)
{
    if (lmtp_reply_write(s->stream, r) != OR_OK)
        s->over = true;
}

static void
hang_up(struct lmtp_session *s, const struct lmtp_reply *r)
{
    reply(s, r);
    if (stream_flush(s->stream) != OR_OK)
        log_debug("lmtp: the client was gone before \"%u %s\"", r->code, r->text);
    s->over = true;
}

/* The client did something that no client should. */
static void
complain(struct lmtp_session *s, const struct lmtp_reply *r)
{
    if (++s->errors > MAX_ERRORS)
        hang_up(s, &too_many_errors);
    else
        reply(s, r);
}

static void
end_transaction(struct lmtp_session *s)
{
    s->in_mail = false;
    s->smtputf8 = false;
    s->envelope = (struct deliver_envelope){0};
    arena_reset(&s->mem);
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

static void
run_lhlo(struct lmtp_session *s, struct span argument)
{
    if (argument.n == 0 || argument.n > MAX_LHLO_BYTES) {
        complain(s, &lhlo_syntax);
        return;
    }
    end_transaction(s); /* RFC 5321 4.1.4: as if RSET were said */
    struct span name = is_printable_name(argument) ? argument : SPAN_LIT("unknown");
    memcpy(s->lhlo, name.p, name.n);
    s->lhlo[name.n] = '\0';
    if (stream_writef(s->stream,
                      "250-%s\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n"
                      "250-SIZE %lld\r\n250 SMTPUTF8\r\n",
                      s->settings->hostname, (long long)s->settings->max_message_bytes) != OR_OK)
        s->over = true;
}

/* RFC 2033 4.1: HELO and EHLO must not be taken; code 500 says so. */
static void
run_smtp_greeting(struct lmtp_session *s, struct span argument)
{
    (void)argument;
    complain(s, &this_is_lmtp);
}

static or_status
open_envelope(struct lmtp_session *s, const struct addr *sender)
{
    size_t max = (size_t)s->settings->max_recipients;
    struct buf text;

    buf_init(&text, LMTP_COMMAND_MAX_BYTES);
    addr_format(&text, sender);
    or_status st = buf_finish(&text);
    if (st == OR_OK)
        st = arena_copy(&s->mem, buf_span(&text), &s->envelope.sender);
    buf_fini(&text);
    s->envelope.recipients = arena_alloc_array(&s->mem, max, sizeof(struct recipient));
    s->envelope.lhlo = span_cstr(s->lhlo);
    return st == OR_OK && s->envelope.recipients != NULL ? OR_OK : OR_LIMIT;
}

static void
run_mail(struct lmtp_session *s, struct span argument)
{
    struct lmtp_mail mail;
    struct lmtp_reply refusal;

    if (s->lhlo[0] == '\0' || s->in_mail) {
        complain(s, s->in_mail ? &nested_mail : &need_lhlo);
        return;
    }
    end_transaction(s); /* forgets what a refused MAIL left in the arena */
    if (lmtp_command_mail(argument, &s->mem, &mail, &refusal) != OR_OK) {
        complain(s, &refusal);
        return;
    }
    if (mail.size_bytes > (uint64_t)s->settings->max_message_bytes) {
        reply(s, &too_large);
        return;
    }
    if (open_envelope(s, &mail.reverse_path) != OR_OK) {
        end_transaction(s);
        reply(s, &no_memory);
        return;
    }
    s->envelope.smtputf8 = mail.smtputf8;
    s->smtputf8 = mail.smtputf8;
    s->in_mail = true;
    reply(s, &sender_ok);
}

/* The client for this snapshot's userdb; a connection kept from the last message is used again. */
static struct account_client *
accounts(struct lmtp_session *s)
{
    if (s->userdb != NULL && strcmp(s->userdb, s->settings->userdb) != 0)
        drop_accounts(s);
    if (s->accounts == NULL) {
        s->userdb = xstrdup(s->settings->userdb);
        s->accounts = account_client_new(s->userdb, s->settings->userdb_timeout_ms);
    }
    return s->accounts;
}

/* Why a recipient is refused at RCPT. */
static struct lmtp_reply
lookup_refusal(struct lmtp_session *s, or_status st, struct span address)
{
    switch (st) {
    case OR_ABSENT:
    case OR_MALFORMED:
        return lmtp_reply_about(550, "5.1.1", address, "no such user here", &s->mem);
    case OR_CONFIG:
        return lmtp_reply_about(451, "4.3.5", address, "mailbox is not available now", &s->mem);
    case OR_LIMIT:
        return no_memory;
    default:
        return lmtp_reply_about(451, "4.3.0", address, "recipient cannot be looked up now",
                                &s->mem);
    }
}

static void
log_refused_rcpt(struct lmtp_session *s, struct span address, const struct lmtp_reply *r,
                 const struct err *e)
{
    struct log_line l;

    log_line_start(&l, r->code < 500 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, SPAN_EMPTY);
    log_line_add(&l, "from", s->envelope.sender);
    log_line_add(&l, "rcpt", address);
    log_line_add(&l, "action", span_cstr(lmtp_reply_action(r)));
    log_line_add(&l, "reason", span_cstr(e->text));
    log_line_end(&l);
}

static void
count_rcpt(or_status st, const struct lmtp_reply *answer)
{
    enum lmtp_recipient_result refused =
        answer->code >= 500 ? LMTP_RECIPIENT_REJECTED : LMTP_RECIPIENT_DEFERRED;

    metrics_inc(LMTP_METRIC_RECIPIENTS, st == OR_OK ? LMTP_RECIPIENT_OK : refused);
    metrics_add(LMTP_METRIC_USERDB_FAILURES, 0, 0,
                st == OR_TEMPFAIL || st == OR_TIMEOUT || st == OR_CLOSED);
}

static void
look_up_recipient(struct lmtp_session *s, const struct addr *address)
{
    struct recipient_source source = {s->settings, accounts(s), &s->mem};
    struct recipient *r = &s->envelope.recipients[s->envelope.recipient_count];
    struct lmtp_reply answer;
    struct err e = {0};

    *r = (struct recipient){0};
    or_status st = recipient_lookup(&source, address, r, &e);

    if (st == OR_OK) {
        s->envelope.recipient_count++;
        answer = lmtp_reply_about(250, "2.1.5", r->address, "recipient ok", &s->mem);
    } else {
        answer = lookup_refusal(s, st, r->address);
        log_refused_rcpt(s, r->address, &answer, &e);
    }
    count_rcpt(st, &answer);
    reply(s, &answer);
}

static void
run_rcpt(struct lmtp_session *s, struct span argument)
{
    struct addr address;
    struct lmtp_reply refusal;

    if (!s->in_mail)
        reply(s, &need_mail); /* no error of its own when MAIL was refused in the same burst */
    else if (s->envelope.recipient_count >= (size_t)s->settings->max_recipients)
        reply(s, &too_many_recipients);
    else if (lmtp_command_rcpt(argument, s->smtputf8, &s->mem, &address, &refusal) != OR_OK)
        complain(s, &refusal);
    else
        look_up_recipient(s, &address);
}

static void
run_data(struct lmtp_session *s, struct span argument)
{
    struct lmtp_message m = {
        .stream = s->stream,
        .settings = s->settings,
        .envelope = &s->envelope,
        .shared = s->shared,
        .mem = &s->mem,
    };

    if (argument.n > 0) {
        complain(s, &no_argument);
        return;
    }
    /* RFC 2033 4.2: without one accepted recipient DATA must fail, or the empty message that the
     * client then sends would have nobody to be answered for. */
    if (s->envelope.recipient_count == 0) {
        reply(s, s->in_mail ? &no_recipients : &need_mail);
        return;
    }
    or_status st = lmtp_message_receive(&m);
    end_transaction(s);
    s->errors = 0;
    if (st == OR_TIMEOUT)
        hang_up(s, &data_too_slow);
    else if (st == OR_LIMIT)
        reply(s, &no_memory);
    else if (st != OR_OK)
        s->over = true;
}

static void
run_rset(struct lmtp_session *s, struct span argument)
{
    if (argument.n > 0) {
        complain(s, &no_argument);
        return;
    }
    end_transaction(s);
    reply(s, &ok);
}

static void
run_noop(struct lmtp_session *s, struct span argument)
{
    (void)argument; /* RFC 5321 4.1.1.9: ignored */
    reply(s, &ok);
}

static void
run_vrfy(struct lmtp_session *s, struct span argument)
{
    (void)argument;
    reply(s, &cannot_verify);
}

static void
run_quit(struct lmtp_session *s, struct span argument)
{
    (void)argument;
    hang_up(s, &bye);
}

static const struct {
    const char *verb;
    void (*run)(struct lmtp_session *s, struct span argument);
} commands[] = {
    {"LHLO", run_lhlo},          {"MAIL", run_mail}, {"RCPT", run_rcpt},
    {"DATA", run_data},          {"RSET", run_rset}, {"NOOP", run_noop},
    {"VRFY", run_vrfy},          {"QUIT", run_quit}, {"HELO", run_smtp_greeting},
    {"EHLO", run_smtp_greeting},
};

static void
run_line(struct lmtp_session *s, struct span line)
{
    struct lmtp_command c;

    if (lmtp_command_split(line, &c) != OR_OK) {
        complain(s, &not_understood);
        return;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!span_equal_nocase_cstr(c.verb, commands[i].verb))
            continue;
        commands[i].run(s, c.argument);
        return;
    }
    complain(s, &not_understood);
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
        hang_up(s, &idle_too_long);
    else if (st != OR_OK)
        s->over = true;
    else if (too_long)
        complain(s, &line_too_long);
    else
        run_line(s, line);
}

static void
greet(struct lmtp_session *s)
{
    if (!s->greeted &&
        stream_writef(s->stream, "220 %s LMTP outrider\r\n", s->settings->hostname) != OR_OK)
        s->over = true;
    s->greeted = true;
}

/* Why no command came, told to the client. */
static bool
end_wait(struct lmtp_session *s, or_status st)
{
    if (st != OR_OK)
        hang_up(s, st == OR_TIMEOUT ? &idle_too_long : &going_down);
    return st == OR_OK;
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
    s->settings = NULL;
    return !s->over;
}

bool
lmtp_session_await(struct lmtp_session *s, int64_t idle_timeout_ms)
{
    int64_t quiet_ms = idle_timeout_ms < QUIET_MS ? idle_timeout_ms : QUIET_MS;
    or_status st = stream_await(s->stream, quiet_ms);

    if (st == OR_TIMEOUT && idle_timeout_ms > quiet_ms) {
        arena_fini(&s->mem);
        drop_accounts(s);
        st = stream_await(s->stream, idle_timeout_ms - quiet_ms);
    }
    return end_wait(s, st);
}
