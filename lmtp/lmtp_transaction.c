/*
 * MAIL, RCPT, DATA and BDAT. What is refused here is refused before anything is on disk; the
 * message itself is lmtp_message.c's.
 *
 * Security: a chunk or message that is not wanted is read all the same, to where the client says
 * that it ends, so that its bytes are never taken for commands.
 */
#include "lmtp/lmtp_transaction.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "lmtp/lmtp_metrics.h"
#include "lmtp/maildir/maildir_folder.h"
#include "lmtp/quota.h"

#include <string.h>

static const struct lmtp_reply sender_ok = {250, "2.1.0", "sender ok"};
static const struct lmtp_reply no_argument = {501, "5.5.4", "this command has no argument"};
static const struct lmtp_reply need_lhlo = {503, "5.5.1", "say LHLO first"};
static const struct lmtp_reply need_mail = {503, "5.5.1", "say MAIL first"};
static const struct lmtp_reply nested_mail = {503, "5.5.1", "a sender was named already"};
static const struct lmtp_reply no_recipients = {503, "5.5.1", "no valid recipients"};
static const struct lmtp_reply go_ahead = {354, "", "end with a dot on a line by itself"};
static const struct lmtp_reply chunk_ok = {250, "2.0.0", "chunk received"};
static const struct lmtp_reply chunk_syntax = {501, "5.5.4", "syntax: BDAT size [LAST]"};
static const struct lmtp_reply chunks_have_begun = {503, "5.5.1", "the message has begun"};
static const struct lmtp_reply needs_bdat = {503, "5.5.1", "a binary message comes by BDAT"};
static const struct lmtp_reply data_too_slow = {421, "4.4.2", "the message did not arrive in time"};
static const struct lmtp_reply too_large = {552, "5.3.4", "message is too large"};
static const struct lmtp_reply too_many_recipients = {452, "4.5.3", "too many recipients"};
static const struct lmtp_reply no_memory = {452, "4.3.1", "transaction is too large"};

void
lmtp_transaction_end(struct lmtp_session *s)
{
    /* Never ended: that nothing is delivered is what was asked for. */
    if (s->in_chunks && lmtp_message_end(&s->message, OR_CLOSED) != OR_CLOSED)
        s->over = true;
    s->in_chunks = false;
    s->binary = false;
    s->in_mail = false;
    s->smtputf8 = false;
    s->envelope = (struct deliver_envelope){0};
    arena_reset(&s->mem);
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
    s->envelope.lhlo = span_cstr(s->helo[0] != '\0' ? s->helo : s->lhlo);
    s->envelope.client_ip = s->client_ip;
    return st == OR_OK && s->envelope.recipients != NULL ? OR_OK : OR_LIMIT;
}

void
lmtp_transaction_mail(struct lmtp_session *s, struct span argument)
{
    struct lmtp_mail mail;
    struct lmtp_reply refusal;

    if (s->lhlo[0] == '\0' || s->in_mail) {
        lmtp_session_complain(s, s->in_mail ? &nested_mail : &need_lhlo);
        return;
    }
    lmtp_transaction_end(s); /* forgets what a refused MAIL left in the arena */
    if (lmtp_command_mail(argument, &s->mem, &mail, &refusal) != OR_OK) {
        lmtp_session_complain(s, &refusal);
        return;
    }
    if (mail.size_bytes > (uint64_t)s->settings->max_message_bytes) {
        lmtp_session_reply(s, &too_large);
        return;
    }
    if (open_envelope(s, &mail.reverse_path) != OR_OK) {
        lmtp_transaction_end(s);
        lmtp_session_reply(s, &no_memory);
        return;
    }
    s->envelope.smtputf8 = mail.smtputf8;
    s->envelope.size_bytes = (int64_t)mail.size_bytes; /* at most max-message-size */
    s->envelope.binary = mail.binary;
    s->envelope.secure = s->secure;
    s->smtputf8 = mail.smtputf8;
    s->binary = mail.binary;
    s->in_mail = true;
    lmtp_session_reply(s, &sender_ok);
}

/* The client for this snapshot's userdb; a connection kept from the last message is used again. */
static struct account_client *
accounts(struct lmtp_session *s)
{
    if (s->userdb != NULL && strcmp(s->userdb, s->settings->userdb) != 0)
        lmtp_session_drop_accounts(s);
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

/* Whether there is room at all, and for what MAIL FROM announced: a message that cannot be stored
 * need not be sent. When nobody can be the mailbox's owner delivery will say so. */
static or_status
check_room(struct lmtp_session *s, const struct recipient *r, struct err *e)
{
    char dirname[MAILDIR_FOLDER_BYTES];
    struct owner_switch back = {.active = false};

    if (r->quota == NULL || owner_enter(&r->owner, &back, NULL) != OR_OK)
        return OR_OK;
    /* The folder that it will go to unless it is quarantined. */
    if (r->detail.n == 0 || maildir_folder_dirname(r->detail, dirname) != OR_OK)
        dirname[0] = '\0';
    or_status st = quota_check(r, s->settings, dirname, s->envelope.size_bytes, e);
    owner_leave(&back);
    return st;
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

    bool full = st == OR_OK && check_room(s, r, &e) != OR_OK;
    if (full) {
        answer = quota_full_reply(s->settings, r->address, &s->mem);
        log_refused_rcpt(s, r->address, &answer, &e);
    } else if (st == OR_OK) {
        s->envelope.recipient_count++;
        answer = lmtp_reply_about(250, "2.1.5", r->address, "recipient ok", &s->mem);
    } else {
        answer = lookup_refusal(s, st, r->address);
        log_refused_rcpt(s, r->address, &answer, &e);
    }
    count_rcpt(full ? OR_LIMIT : st, &answer);
    lmtp_session_reply(s, &answer);
}

void
lmtp_transaction_rcpt(struct lmtp_session *s, struct span argument)
{
    struct addr address;
    struct lmtp_reply refusal;

    if (s->in_chunks)
        lmtp_session_complain(s, &chunks_have_begun);
    else if (!s->in_mail)
        lmtp_session_reply(
            s, &need_mail); /* no error of its own when MAIL was refused in the same burst */
    else if (s->envelope.recipient_count >= (size_t)s->settings->max_recipients)
        lmtp_session_reply(s, &too_many_recipients);
    else if (lmtp_command_rcpt(argument, s->smtputf8, &s->mem, &address, &refusal) != OR_OK)
        lmtp_session_complain(s, &refusal);
    else
        look_up_recipient(s, &address);
}

/* Why no message may come now; NULL: it may. */
static const struct lmtp_reply *
message_refusal(const struct lmtp_session *s)
{
    /* RFC 2033 4.2: without one accepted recipient DATA must fail, or the empty message that the
     * client then sends would have nobody to be answered for. */
    if (s->envelope.recipient_count > 0)
        return NULL;
    return s->in_mail ? &no_recipients : &need_mail;
}

static or_status
begin_message(struct lmtp_session *s, bool chunked)
{
    struct lmtp_message_source source = {
        .stream = s->stream,
        .settings = s->settings,
        .envelope = &s->envelope,
        .shared = &s->shared->delivery,
        .mem = &s->mem,
        .chunked = chunked,
        .binary = s->binary,
    };

    return lmtp_message_begin(&s->message, &source);
}

/* After everybody was answered, or the client was lost on the way. */
static void
finish_message(struct lmtp_session *s, or_status st)
{
    s->in_chunks = false;
    lmtp_transaction_end(s);
    s->errors = 0;
    if (st == OR_TIMEOUT)
        lmtp_session_hang_up(s, &data_too_slow);
    else if (st != OR_OK)
        s->over = true;
}

void
lmtp_transaction_data(struct lmtp_session *s, struct span argument)
{
    const struct lmtp_reply *refusal = message_refusal(s);

    if (argument.n > 0) {
        lmtp_session_complain(s, &no_argument);
        return;
    }
    if (s->in_chunks || s->binary)
        refusal = s->in_chunks ? &chunks_have_begun : &needs_bdat;
    if (refusal != NULL) {
        lmtp_session_reply(s, refusal);
        return;
    }
    if (begin_message(s, false) != OR_OK) {
        lmtp_transaction_end(s);
        lmtp_session_reply(s, &no_memory);
        return;
    }
    lmtp_session_reply(s, &go_ahead);
    finish_message(s, lmtp_message_end(&s->message, lmtp_message_data(&s->message)));
}

/* A chunk that is not wanted is read all the same: its bytes are no commands. */
static void
skip_chunk(struct lmtp_session *s, uint64_t left, const struct lmtp_reply *r)
{
    struct span bytes;
    or_status st = OR_OK;

    stream_set_deadline(s->stream, clock_mono_ms() + s->settings->data_timeout_ms);
    while (left > 0 && (st = stream_peek(s->stream, &bytes)) == OR_OK) {
        size_t taken = left < bytes.n ? (size_t)left : bytes.n;

        stream_consume(s->stream, taken);
        left -= taken;
    }
    stream_set_deadline(s->stream, 0);
    if (st == OR_OK)
        lmtp_session_complain(s, r);
    else
        finish_message(s, st);
}

/* RFC 3030 2. The chunk follows its command at once, whatever we think of it. */
void
lmtp_transaction_bdat(struct lmtp_session *s, struct span argument)
{
    const struct lmtp_reply *refusal = message_refusal(s);
    struct lmtp_chunk chunk;

    if (lmtp_command_bdat(argument, &chunk) != OR_OK) {
        lmtp_session_hang_up(s, &chunk_syntax); /* nobody knows where the next command is */
        return;
    }
    if (refusal == NULL && !s->in_chunks) {
        s->in_chunks = begin_message(s, true) == OR_OK;
        refusal = s->in_chunks ? NULL : &no_memory;
    }
    if (refusal != NULL) {
        skip_chunk(s, chunk.size_bytes, refusal);
        if (refusal == &no_memory)
            lmtp_transaction_end(s); /* or the next chunk would begin a message without this one */
        return;
    }
    or_status st = lmtp_message_chunk(&s->message, &chunk);
    if (st == OR_OK && !chunk.is_last)
        lmtp_session_reply(s, &chunk_ok);
    else
        finish_message(s, lmtp_message_end(&s->message, st));
}
