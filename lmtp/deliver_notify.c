/*
 * Never tried twice (RFC 5436 2.7).
 */
#include "lmtp/deliver_notify.h"

#include "common/base/clock.h"
#include "lmtp/deliver_outgoing.h"
#include "lmtp/notification.h"

#define MAX_WORK_BYTES ((size_t)1 << 20)
#define WINDOW_MS 3600000

/* OR_LIMIT: there were too many. */
static or_status
count(struct deliver *d, struct span account, struct err *e)
{
    struct kvstore_taken taken = {.granted = true};
    struct buf key;

    if (d->shared->store == NULL)
        return OR_OK;
    buf_init(&key, KVSTORE_MAX_KEY_BYTES);
    buf_add_cstr(&key, "notify/");
    buf_add_span(&key, account);
    const struct kvstore_bucket bucket = {
        .key = buf_span(&key), .limit = DELIVER_NOTIFY_LIMIT, .window_ms = WINDOW_MS, .cost = 1};
    or_status st =
        kvstore_take(d->shared->store, &bucket, 1, (int64_t)clock_now() * 1000, &taken, e);
    buf_fini(&key);
    if (st == OR_OK && !taken.granted)
        st = err_set(e, OR_LIMIT, "more than %d in an hour", DELIVER_NOTIFY_LIMIT);
    return st;
}

static or_status
write_and_send(struct deliver *d, const struct notification *n, const struct maildir_name *name,
               struct arena *mem, struct err *e)
{
    struct span addresses[SIEVE_MAX_NOTIFIED];
    struct buf text;

    buf_init(&text, OWN_MESSAGE_MAX_BYTES);
    or_status st = notification_format(n, name, d->settings, mem, &text);
    for (size_t i = 0; i < n->how->count; i++)
        addresses[i] = n->how->to[i].address;
    const struct outgoing outgoing = {
        .sender = notification_sender(n, d->envelope->sender, mem),
        .recipients = addresses,
        .count = n->how->count,
        .text = buf_span(&text),
        .fcc = &n->how->fcc,
        .owner = n->recipient,
        .name = name,
    };
    st = st == OR_OK ? deliver_outgoing(d, &outgoing, e) : err_set(e, st, "it is too long");
    buf_fini(&text);
    return st;
}

void
deliver_notify(struct deliver *d, const struct deliver_target *t, const struct sieve_action *action,
               const struct maildir_name *name)
{
    const struct notification n = {.header =
                                       action->header != NULL ? action->header : &d->head.block,
                                   .recipient = t->recipient,
                                   .how = action->notification};
    const struct span account = t->recipient->account_name;
    struct err e = {""};
    struct arena mem;

    if (notification_is_suppressed(n.header)) {
        log_info("%.*s: no notification: the message is an automatic one", SPAN_ARG(account));
        return;
    }
    owner_leave(&d->turn); /* the store is ours */
    arena_init(&mem, MAX_WORK_BYTES);
    or_status st = count(d, account, &e);
    if (st == OR_OK)
        st = write_and_send(d, &n, name, &mem, &e);
    /* RFC 5435 8: the use of notify is logged. */
    if (st == OR_OK)
        log_info("%.*s: notified %.*s", SPAN_ARG(account), SPAN_ARG(action->target));
    else
        log_warning("%.*s: no notification to %.*s: %s", SPAN_ARG(account),
                    SPAN_ARG(action->target), e.text);
    arena_fini(&mem);
}
