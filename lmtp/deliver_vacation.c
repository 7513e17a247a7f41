/*
 * Memory first, then the relay: of two machines that get the same sender's mail at once only one
 * answers. An answer that could not be sent is forgotten again.
 */
#include "lmtp/deliver_vacation.h"

#include "lmtp/deliver_outgoing.h"
#include "lmtp/vacation.h"

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
    /* RFC 3834 3.3: from <>, so that nothing can come of it but silence. */
    const struct outgoing outgoing = {
        .sender = SPAN_EMPTY,
        .recipients = &a->v.sender,
        .count = 1,
        .text = buf_span(&text),
        .fcc = &a->v.action->vacation->fcc,
        .owner = a->v.recipient,
        .name = a->name,
    };
    st = st == OR_OK ? deliver_outgoing(a->d, &outgoing, e) : err_set(e, st, "it is too long");
    buf_fini(&text);
    return st;
}

static void
answer(struct answering *a)
{
    char key[SCRIPT_MEMORY_KEY_BYTES];
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
        if (st == OR_OK)
            say_answered(a);
        else
            forget(a, key);
    }
    if (st != OR_OK)
        complain(a, "no answer to", &e);
}

void
deliver_vacation(struct deliver *d, const struct deliver_target *t,
                 const struct sieve_action *action, const struct maildir_name *name)
{
    struct answering a = {
        .d = d,
        .v = {.header = action->header != NULL ? action->header : &d->head.block,
              .sender = d->envelope->sender,
              .recipient = t->recipient,
              .action = action,
              .detail_separator = d->settings->recipient_delimiter[0]},
        .name = name,
        .self = SPAN_EMPTY,
    };

    owner_leave(&d->turn); /* the store is ours */
    arena_init(&a.mem, MAX_WORK_BYTES);
    answer(&a);
    arena_fini(&a.mem);
}
