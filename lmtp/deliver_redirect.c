/*
 * One SMTP transaction for all addresses of one recipient's script.
 */
#include "lmtp/deliver_redirect.h"

#include "common/base/xalloc.h"
#include "lmtp/deliver_edit.h"
#include "lmtp/script_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MARK "X-Sieve-Redirected-From"
#define REDIRECTED "(redirected)"
#define READ_BYTES 65536
#define MAX_HEADER_BYTES ((size_t)20 << 20)
#define MEMORY_S 432000 /* Postfix's maximal_queue_lifetime */

/* It comes back from where this account has sent it. */
static bool
was_redirected(const struct deliver *d, const struct deliver_target *t)
{
    const struct header_block *head = &d->head.block;

    for (size_t i = 0; i < head->count; i++)
        if (span_equal_nocase_cstr(head->fields[i].name, MARK) &&
            span_equal_nocase(span_trim(head->fields[i].value), t->recipient->account_name))
            return true;
    return false;
}

/* The client's queue entry: the same one comes again when its message was sent on and could then
 * not be placed, or we were killed before we could say so. Messages that merely look alike are
 * others: none may be lost for that. False: there is nothing to know it by. */
static bool
memory_key(const struct deliver *d, const struct deliver_target *t,
           char out[SCRIPT_MEMORY_KEY_BYTES])
{
    const struct header_field *id = header_find(&d->head.block, "Message-ID");
    char size[24];
    struct buf addresses;

    if (d->shared->store == NULL || d->head.queue_id.n == 0)
        return false;
    buf_init(&addresses, SIZE_MAX);
    for (size_t i = 0; i < t->redirect_count; i++)
        buf_addf(&addresses, "<%.*s>", SPAN_ARG(t->redirects[i].address));
    snprintf(size, sizeof(size), "%llu", (unsigned long long)d->wire_bytes);
    const struct span parts[] = {t->recipient->account_name, d->head.queue_id,
                                 id != NULL ? id->value : SPAN_EMPTY, span_cstr(size),
                                 buf_span(&addresses)};
    script_memory_key("redirect", parts, sizeof(parts) / sizeof(parts[0]), out);
    buf_fini(&addresses);
    return true;
}

static bool
was_sent(const struct deliver *d, const char *key)
{
    struct arena mem;
    struct span value;
    struct err e;

    arena_init(&mem, KVSTORE_MAX_VALUE_BYTES);
    or_status st = kvstore_get(d->shared->store, span_cstr(key), &mem, &value, &e);
    arena_fini(&mem);
    return st == OR_OK;
}

/* What the sender sent: the file without our trace fields, or without its header as well. */
static or_status
send_file(struct relay *r, const struct spool *s, off_t at, struct err *e)
{
    char *bytes = xmalloc(READ_BYTES);
    ssize_t n;

    while ((n = pread(s->fd, bytes, READ_BYTES, at)) > 0) {
        relay_write(r, span_make(bytes, (size_t)n));
        at += n;
    }
    int os_error = errno;
    free(bytes);
    return n == 0 ? OR_OK
                  : err_set(e, OR_TEMPFAIL, "cannot read the message: %s", os_error_text(os_error));
}

static or_status
send_edited(const struct deliver *d, const struct spool *s, const struct header_block *header,
            struct relay *r, struct err *e)
{
    struct buf text;

    buf_init(&text, MAX_HEADER_BYTES);
    or_status st = deliver_edit_format(header, &text);
    if (st == OR_OK)
        relay_write(r, buf_span(&text));
    else
        (void)err_set(e, st, "the edited header is too large");
    buf_fini(&text);
    return st == OR_OK ? send_file(r, s, (off_t)deliver_edit_body_at(d, s), e) : st;
}

static or_status
send_message(struct deliver *d, struct deliver_target *t, const struct header_block *header,
             struct relay *r, struct err *e)
{
    const struct spool *s = &d->spools[t->source];
    struct buf mark;

    relay_data(r);
    buf_init(&mark, 4096);
    buf_addf(&mark, MARK ": %.*s\n", SPAN_ARG(t->recipient->account_name));
    relay_write(r, buf_span(&mark));
    buf_fini(&mark);
    or_status st = header != NULL ? send_edited(d, s, header, r, e)
                                  : send_file(r, s, (off_t)s->prologue_bytes, e);
    if (st != OR_OK)
        return st; /* without relay_finish() the other server gets no message */
    relay_finish(r);
    struct lmtp_reply result = relay_result(r);
    return result.code < 300 ? OR_OK : err_set(e, OR_TEMPFAIL, "%u %s", result.code, result.text);
}

/* To those from `first` on that get the same header. OR_OK: all of them have it. */
static or_status
send_to_all(struct deliver *d, struct deliver_target *t, size_t first, struct relay *r,
            struct err *e)
{
    const struct header_block *header = t->redirects[first].header;
    or_status st = OR_OK;

    for (size_t i = first; i < t->redirect_count; i++) {
        if (t->redirects[i].header != header)
            continue;
        struct lmtp_reply reply = relay_rcpt(r, t->redirects[i].address);

        if (reply.code >= 300)
            st = err_set(e, OR_TEMPFAIL, "%.*s: %u %s", SPAN_ARG(t->redirects[i].address),
                         reply.code, reply.text);
    }
    if (r->accepted == 0)
        return st;
    or_status sent = send_message(d, t, header, r, e);
    return st == OR_OK ? sent : st;
}

/* Whether one before it had the same header, and so they went out together. */
static bool
has_gone(const struct deliver_target *t, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (t->redirects[i].header == t->redirects[at].header)
            return true;
    return false;
}

static or_status
redirect(struct deliver *d, struct deliver_target *t, struct err *e)
{
    const struct relay_envelope envelope = {
        .hostname = d->settings->hostname,
        .sender = d->envelope->sender,
        .smtputf8 = d->envelope->smtputf8,
        .smtp = true,
        .timeout_ms = d->settings->proxy_timeout_ms,
    };
    struct relay relay;

    if (d->envelope->binary)
        return err_set(e, OR_MALFORMED, "a binary message cannot be redirected");
    if (was_redirected(d, t))
        return err_set(e, OR_MALFORMED, "it has been redirected from here before");
    or_status st = OR_OK;
    for (size_t i = 0; i < t->redirect_count && st == OR_OK; i++) {
        if (has_gone(t, i))
            continue;
        relay_open(&relay, d->settings->sieve_relay, &envelope, d->mem);
        st = send_to_all(d, t, i, &relay, e);
        if (st != OR_OK && relay.err.text[0] != '\0')
            *e = relay.err;
        relay_close(&relay);
    }
    return st;
}

/* OR_OK: it has gone out, now or before. */
static or_status
redirect_once(struct deliver *d, struct deliver_target *t, struct err *e)
{
    char key[SCRIPT_MEMORY_KEY_BYTES];
    bool has_key = memory_key(d, t, key);
    struct err ignored;

    if (has_key && was_sent(d, key)) {
        log_info("%.*s: it was sent on when it came before", SPAN_ARG(t->recipient->account_name));
        return OR_OK;
    }
    or_status st = redirect(d, t, e);
    if (st == OR_OK && has_key &&
        kvstore_put(d->shared->store, span_cstr(key), SPAN_LIT("1"), MEMORY_S, &ignored) != OR_OK)
        log_warning("%.*s: it may be sent on again: %s", SPAN_ARG(t->recipient->account_name),
                    ignored.text);
    return st;
}

void
deliver_redirect(struct deliver *d)
{
    for (size_t i = 0; i < d->envelope->recipient_count; i++) {
        struct deliver_target *t = &d->targets[i];
        struct err e = {""};

        if (t->redirect_count == 0 || t->reply.code != 0 || d->spools[t->source].status != OR_OK)
            continue;
        owner_leave(&d->turn); /* socket and store are ours */
        if (redirect_once(d, t, &e) == OR_OK) {
            if (t->withheld && t->more == NULL)
                t->folder = REDIRECTED;
            continue;
        }
        log_warning("%.*s: the message is kept, redirecting it failed: %s",
                    SPAN_ARG(t->recipient->account_name), e.text);
        if (t->withheld && t->more == NULL) {
            t->withheld = false;
            d->members[t->spool]++;
        }
    }
}
