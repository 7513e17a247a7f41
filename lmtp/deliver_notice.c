/*
 * When, and in which words.
 */
#include "lmtp/deliver_notice.h"

#include "lmtp/own_message.h"
#include "lmtp/quota.h"

#define PERIOD_S 86400

static const char subject[] = "Your mail filter has a mistake";
static const char before[] =
    "Your mail filter (Sieve script) could not be run over a message that came for you.\n"
    "The message is in your mailbox, but it was not filtered.\n\nWhat is wrong:\n\n    ";
static const char after[] =
    "\n\nUntil this is mended your mail stays unfiltered. You are told at most once a day.\n";

/* Whether the owner has not been told today; nobody is told when that cannot be known. */
static bool
is_due(const struct deliver *d, struct span account)
{
    struct kvstore_item item = {.value = SPAN_LIT("1"), .ttl_s = PERIOD_S};
    struct buf key;
    struct err e;
    bool is_new = false;

    if (d->shared->store == NULL)
        return false;
    buf_init(&key, KVSTORE_MAX_KEY_BYTES);
    buf_add_cstr(&key, "sieve-fault/");
    buf_add_span(&key, account);
    item.key = buf_span(&key);
    if (buf_finish(&key) == OR_OK && kvstore_add(d->shared->store, &item, &is_new, &e) != OR_OK)
        is_new = false;
    buf_fini(&key);
    return is_new;
}

static void
format(struct buf *out, const struct deliver *d, const struct deliver_target *t,
       const struct maildir_name *name)
{
    struct buf text;

    buf_init(&text, OWN_MESSAGE_MAX_BYTES);
    buf_addf(&text, "%s%s%s", before, t->script_fault, after);
    const struct own_notice notice = {
        .kind = "sieve",
        .account = t->recipient->account_name,
        .subject = span_cstr(subject),
        .text = buf_span(&text),
    };
    own_message_notice(out, &notice, name, d->settings);
    buf_fini(&text);
}

static or_status
put(struct deliver *d, const struct deliver_target *t, const struct maildir_name *name,
    struct maildir_fault *f)
{
    struct maildir box = MAILDIR_CLOSED;
    struct quota_alarm alarm;
    struct buf text;
    int64_t counted = 0;

    buf_init(&text, OWN_MESSAGE_MAX_BYTES);
    format(&text, d, t, name);
    or_status st = owner_become(&t->recipient->owner, &d->turn, &f->err);
    if (st == OR_OK)
        st = maildir_open(t->recipient->root, &box, f);
    if (st == OR_OK)
        st = own_message_put(&box, name, buf_span(&text), d->settings, &counted, f);
    if (st == OR_OK)
        quota_note(t->recipient, d->settings, "", counted, &alarm);
    maildir_close(&box);
    owner_leave(&d->turn);
    buf_fini(&text);
    return st;
}

void
deliver_notice(struct deliver *d, const struct deliver_target *t, const struct maildir_name *name)
{
    const struct span account = t->recipient->account_name;
    struct maildir_fault fault = {0};

    if (!d->settings->sieve_fault_notice)
        return;
    owner_leave(&d->turn); /* the store is ours */
    if (is_due(d, account) && put(d, t, name, &fault) != OR_OK)
        log_warning("%.*s: the owner could not be told of the script's fault: %s",
                    SPAN_ARG(account), fault.err.text);
}
