/*
 * One SMTP transaction, then one file.
 */
#include "lmtp/deliver_outgoing.h"

#include "common/text/utf8.h"
#include "lmtp/maildir/maildir_folder.h"
#include "lmtp/maildir/maildir_keywords.h"
#include "lmtp/own_message.h"
#include "lmtp/quota.h"

#include <string.h>

#define MAX_REPLIES_BYTES 65536

/* ---- sending */

static or_status
send_lines(struct relay *r, const struct outgoing *o, struct err *e)
{
    struct lmtp_reply reply = r->result;

    for (size_t i = 0; i < o->count; i++)
        reply = relay_rcpt(r, o->recipients[i]);
    if (r->accepted > 0 && !r->eight_bit && !utf8_is_ascii(o->text))
        return err_set(e, OR_TEMPFAIL, "the server does not take 8BITMIME");
    if (r->accepted > 0) {
        relay_data(r);
        relay_write(r, o->text);
        relay_finish(r);
        reply = relay_result(r);
    }
    if (r->err.text[0] != '\0')
        return err_set(e, OR_TEMPFAIL, "%s", r->err.text);
    return reply.code < 300 ? OR_OK : err_set(e, OR_TEMPFAIL, "%u %s", reply.code, reply.text);
}

/* RFC 6531: who must be told that addresses or fields are not ASCII. */
static bool
needs_smtputf8(const struct outgoing *o)
{
    const char *end = memmem(o->text.p, o->text.n, "\n\n", 2);
    size_t head = end != NULL ? (size_t)(end - o->text.p) : o->text.n;

    for (size_t i = 0; i < o->count; i++)
        if (!utf8_is_ascii(o->recipients[i]))
            return true;
    return !utf8_is_ascii(o->sender) || !utf8_is_ascii(span_slice(o->text, 0, head));
}

static or_status
send_message(const struct deliver *d, const struct outgoing *o, struct err *e)
{
    const struct relay_envelope envelope = {
        .hostname = d->settings->hostname,
        .sender = o->sender,
        .smtputf8 = needs_smtputf8(o),
        .smtp = true,
        .timeout_ms = d->settings->proxy_timeout_ms,
    };
    struct relay relay;
    struct arena mem;

    arena_init(&mem, MAX_REPLIES_BYTES);
    relay_open(&relay, d->settings->sieve_relay, &envelope, &mem);
    or_status st = send_lines(&relay, o, e);
    relay_close(&relay);
    arena_fini(&mem);
    return st;
}

/* ---- the copy */

static or_status
open_folder(const struct deliver *d, const struct outgoing *o, const char *dirname,
            struct maildir *box, struct maildir_fault *f)
{
    bool create = o->fcc->create || d->settings->sieve_folder_create;
    struct maildir inbox = MAILDIR_CLOSED;

    or_status st = maildir_open(o->owner->root, &inbox, f);
    if (st != OR_OK || dirname[0] == '\0') {
        *box = inbox;
        return st;
    }
    st = maildir_open_folder(&inbox, dirname, create, box, f);
    maildir_close(&inbox);
    return st == OR_ABSENT ? err_set(&f->err, st, "there is no such folder") : st;
}

static or_status
put_copy(const struct deliver *d, const struct outgoing *o, const char *dirname,
         struct maildir_fault *f)
{
    struct maildir box = MAILDIR_CLOSED;
    struct maildir_name name = *o->name;
    char flags[MAILDIR_NAME_FLAGS_BYTES] = "";
    struct quota_alarm alarm;
    int64_t counted = 0;

    or_status st = open_folder(d, o, dirname, &box, f);
    if (st == OR_OK) {
        if (!maildir_keywords_letters(&box, o->fcc->flags, flags))
            log_warning("%.*s: not all of the flags %.*s could be set in %.*s",
                        SPAN_ARG(o->owner->account_name), SPAN_ARG(o->fcc->flags),
                        SPAN_ARG(o->fcc->folder));
        name.flags = flags;
        st = own_message_put(&box, &name, o->text, d->settings, &counted, f);
    }
    if (st == OR_OK)
        quota_note(o->owner, d->settings, dirname, counted, &alarm);
    maildir_close(&box);
    return st;
}

static void
keep_copy(struct deliver *d, const struct outgoing *o)
{
    char dirname[MAILDIR_FOLDER_BYTES];
    struct maildir_fault fault = {0};
    or_status st = maildir_folder_path(o->fcc->folder, dirname);

    if (st != OR_OK)
        (void)err_set(&fault.err, st, "no folder can have that name");
    else
        st = owner_become(&o->owner->owner, &d->turn, &fault.err);
    if (st == OR_OK)
        st = put_copy(d, o, dirname, &fault);
    owner_leave(&d->turn);
    if (st != OR_OK)
        log_warning("%.*s: no copy is kept in %.*s of what the script has sent: %s",
                    SPAN_ARG(o->owner->account_name), SPAN_ARG(o->fcc->folder), fault.err.text);
}

or_status
deliver_outgoing(struct deliver *d, const struct outgoing *o, struct err *e)
{
    owner_leave(&d->turn); /* the socket is ours to open */
    or_status st = send_message(d, o, e);
    if (st == OR_OK && o->fcc->folder.n > 0)
        keep_copy(d, o);
    return st;
}
