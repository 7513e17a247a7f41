/*
 * Memory first, then the relay: of two machines that get the same sender's mail at once only one
 * answers. An answer that could not be sent is forgotten again.
 */
#include "lmtp/deliver_vacation.h"

#include "common/text/utf8.h"
#include "lmtp/maildir/maildir_folder.h"
#include "lmtp/maildir/maildir_keywords.h"
#include "lmtp/quota.h"
#include "lmtp/vacation.h"

#include <string.h>

#define MAX_WORK_BYTES ((size_t)4 << 20)

struct answering {
    struct deliver *d;
    struct vacation v;
    const struct maildir_name *name;
    struct span self; /* the owner's address that the message names */
    struct arena mem;
};

static void
say_answered(const struct answering *a)
{
    log_info("%.*s: answered <%.*s>", SPAN_ARG(a->v.recipient->account_name),
             SPAN_ARG(a->v.sender));
}

static void
say_not_answered(const struct answering *a, const char *why)
{
    log_info("%.*s: no answer to <%.*s>: %s", SPAN_ARG(a->v.recipient->account_name),
             SPAN_ARG(a->v.sender), why);
}

static void
complain(const struct answering *a, const char *what, const struct err *e)
{
    log_warning("%.*s: %s <%.*s>: %s", SPAN_ARG(a->v.recipient->account_name), what,
                SPAN_ARG(a->v.sender), e->text);
}

/* ---- sending */

static or_status
send_lines(struct relay *r, struct span to, struct span text, struct err *e)
{
    struct lmtp_reply reply = relay_rcpt(r, to);

    if (reply.code < 300 && !r->eight_bit && !utf8_is_ascii(text))
        return err_set(e, OR_TEMPFAIL, "the server does not take 8BITMIME");
    if (reply.code < 300) {
        relay_data(r);
        relay_write(r, text);
        relay_finish(r);
        reply = relay_result(r);
    }
    if (r->err.text[0] != '\0')
        return err_set(e, OR_TEMPFAIL, "%s", r->err.text);
    return reply.code < 300 ? OR_OK : err_set(e, OR_TEMPFAIL, "%u %s", reply.code, reply.text);
}

static bool
has_ascii_header(struct span text)
{
    const char *end = memmem(text.p, text.n, "\n\n", 2);

    return utf8_is_ascii(end != NULL ? span_make(text.p, (size_t)(end - text.p)) : text);
}

/* RFC 3834 3.3: from <>, so that nothing can come of it but silence. */
static or_status
send_answer(struct answering *a, struct span text, struct err *e)
{
    const struct lmtp_settings *s = a->d->settings;
    const struct relay_envelope envelope = {
        .hostname = s->hostname,
        .sender = SPAN_EMPTY,
        .smtputf8 = !utf8_is_ascii(a->v.sender) || !has_ascii_header(text),
        .smtp = true,
        .timeout_ms = s->proxy_timeout_ms,
    };
    struct relay relay;

    relay_open(&relay, s->sieve_relay, &envelope, &a->mem);
    or_status st = send_lines(&relay, a->v.sender, text, e);
    relay_close(&relay);
    return st;
}

/* ---- :fcc (RFC 8580) */

static or_status
open_folder(struct answering *a, const char *dirname, struct maildir *box, struct maildir_fault *f)
{
    const struct sieve_fcc *fcc = &a->v.action->vacation->fcc;
    bool create = fcc->create || a->d->settings->sieve_folder_create;
    struct maildir inbox = MAILDIR_CLOSED;

    or_status st = maildir_open(a->v.recipient->root, &inbox, f);
    if (st != OR_OK || dirname[0] == '\0') {
        *box = inbox;
        return st;
    }
    st = maildir_open_folder(&inbox, dirname, create, box, f);
    maildir_close(&inbox);
    return st == OR_ABSENT ? err_set(&f->err, st, "there is no such folder") : st;
}

static or_status
put_copy(struct answering *a, const char *dirname, struct span text, struct maildir_fault *f)
{
    const struct sieve_fcc *fcc = &a->v.action->vacation->fcc;
    struct maildir box = MAILDIR_CLOSED;
    struct maildir_name name = *a->name;
    char flags[MAILDIR_NAME_FLAGS_BYTES] = "";
    struct quota_alarm alarm;
    int64_t counted = 0;

    or_status st = open_folder(a, dirname, &box, f);
    if (st == OR_OK) {
        if (!maildir_keywords_letters(&box, fcc->flags, flags))
            log_warning("%.*s: not all of the flags %.*s could be set in %.*s",
                        SPAN_ARG(a->v.recipient->account_name), SPAN_ARG(fcc->flags),
                        SPAN_ARG(fcc->folder));
        name.flags = flags;
        st = own_message_put(&box, &name, text, a->d->settings, &counted, f);
    }
    if (st == OR_OK)
        quota_note(a->v.recipient, a->d->settings, dirname, counted, &alarm);
    maildir_close(&box);
    return st;
}

static void
keep_copy(struct answering *a, struct span text)
{
    char dirname[MAILDIR_FOLDER_BYTES];
    struct maildir_fault fault = {0};
    or_status st = maildir_folder_path(a->v.action->vacation->fcc.folder, dirname);

    if (st != OR_OK)
        (void)err_set(&fault.err, st, "no folder can have that name");
    else
        st = owner_become(&a->v.recipient->owner, &a->d->turn, &fault.err);
    if (st == OR_OK)
        st = put_copy(a, dirname, text, &fault);
    owner_leave(&a->d->turn);
    if (st != OR_OK)
        complain(a, "no copy is kept of the answer to", &fault.err);
}

/* ---- once */

/* OR_ABSENT: the sender was answered not long ago. */
static or_status
remember(const struct answering *a, const char *key, struct err *e)
{
    const struct kvstore_item item = {
        .key = span_cstr(key), .value = SPAN_LIT("1"), .ttl_s = a->v.action->vacation->period_s};
    bool is_new = false;

    if (item.ttl_s == 0)
        return OR_OK;
    or_status st = kvstore_add(a->d->shared->store, &item, &is_new, e);
    return st == OR_OK && !is_new ? OR_ABSENT : st;
}

static void
forget(const struct answering *a, const char *key)
{
    struct err e;

    if (a->v.action->vacation->period_s > 0 &&
        kvstore_remove(a->d->shared->store, span_cstr(key), &e) != OR_OK)
        complain(a, "no answer again for the script's time to", &e);
}

static or_status
write_and_send(struct answering *a, struct err *e)
{
    struct buf text;

    buf_init(&text, OWN_MESSAGE_MAX_BYTES);
    or_status st = vacation_format(&a->v, a->self, a->name, a->d->settings, &a->mem, &text);
    if (st != OR_OK)
        (void)err_set(e, st, "it is too long");
    else
        st = send_answer(a, buf_span(&text), e);
    if (st == OR_OK) {
        say_answered(a);
        if (a->v.action->vacation->fcc.folder.n > 0)
            keep_copy(a, buf_span(&text));
    }
    buf_fini(&text);
    return st;
}

static void
answer(struct answering *a)
{
    char key[VACATION_KEY_BYTES];
    struct err e = {""};
    const char *refusal = vacation_refusal(&a->v, &a->mem, &a->self);

    if (refusal != NULL) {
        say_not_answered(a, refusal);
        return;
    }
    vacation_key(&a->v, key);
    or_status st = remember(a, key, &e);
    if (st == OR_ABSENT) {
        say_not_answered(a, "one was sent not long ago");
        return;
    }
    if (st == OR_OK) {
        st = write_and_send(a, &e);
        if (st != OR_OK)
            forget(a, key);
    }
    if (st != OR_OK)
        complain(a, "no answer to", &e);
}

void
deliver_vacation(struct deliver *d, const struct deliver_target *t, const struct maildir_name *name)
{
    struct answering a = {
        .d = d,
        .v = {.header = &d->head.block,
              .sender = d->envelope->sender,
              .recipient = t->recipient,
              .action = t->answer,
              .detail_separator = d->settings->recipient_delimiter[0]},
        .name = name,
        .self = SPAN_EMPTY,
    };

    if (t->answer == NULL || t->reply.code == 0 || t->reply.code >= 300)
        return;
    owner_leave(&d->turn); /* store and sockets are ours */
    arena_init(&a.mem, MAX_WORK_BYTES);
    answer(&a);
    arena_fini(&a.mem);
}
