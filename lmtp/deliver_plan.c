/*
 * Choosing folders and grouping recipients. Opens mailboxes (and makes missing ones) as their
 * owners, writes no message.
 */
#include "lmtp/deliver_plan.h"

#include "lmtp/maildir/maildir_folder.h"
#include "lmtp/quota.h"

#include <errno.h>
#include <string.h>

#define INBOX "INBOX"

static const struct {
    int os_error;
    unsigned code;
    const char *enhanced;
    const char *text;
} disk_replies[] = {
    {EDQUOT, 452, "4.2.2", "mailbox is full"},
    {ENOSPC, 452, "4.3.1", "no room left on our disk"},
    {0, 451, "4.3.0", "mailbox is not available now"},
};

void
deliver_plan_fail(struct deliver *d, struct deliver_target *t, const struct maildir_fault *fault)
{
    size_t i = 0;

    while (disk_replies[i].os_error != 0 && disk_replies[i].os_error != fault->os_error)
        i++;
    t->reply = lmtp_reply_about(disk_replies[i].code, disk_replies[i].enhanced,
                                t->recipient->address, disk_replies[i].text, d->mem);
    t->reason = fault->err;
}

void
deliver_plan_full(struct deliver *d, struct deliver_target *t, const struct err *e)
{
    t->reply = quota_full_reply(d->settings, t->recipient->address, d->mem);
    t->reason = *e;
}

bool
deliver_plan_enter(struct deliver *d, struct deliver_target *t)
{
    if (owner_become(&t->recipient->owner, &d->turn, &t->reason) == OR_OK)
        return true;
    t->reply = lmtp_reply_about(451, "4.3.5", t->recipient->address, "mailbox is not available now",
                                d->mem);
    return false;
}

/* Opens the folder `name` inside the Maildir that `t` has open, and goes on with that. OR_ABSENT:
 * there is none, or no folder can have that name. */
static or_status
enter_folder(struct deliver_target *t, struct span name, bool create, struct maildir_fault *f)
{
    char dirname[MAILDIR_FOLDER_BYTES];
    struct maildir folder;

    if (maildir_folder_dirname(name, dirname) != OR_OK)
        return OR_ABSENT;
    or_status st = maildir_open_folder(&t->box, dirname, create, &folder, f);
    if (st != OR_OK)
        return st;
    folder.made |= t->box.made;
    maildir_close(&t->box);
    t->box = folder;
    memcpy(t->dirname, dirname, sizeof(dirname));
    return OR_OK;
}

/* As the owner. */
static or_status
open_box(struct deliver *d, struct deliver_target *t, struct maildir_fault *f)
{
    struct span junk = span_cstr(d->settings->junk_folder);
    bool wants_junk = d->head.quarantined;
    struct span wanted = wants_junk ? junk : t->recipient->detail;
    or_status st = maildir_open(t->recipient->root, &t->box, f);

    t->folder = INBOX;
    if (st == OR_OK && wanted.n > 0) {
        st = enter_folder(t, wanted, wants_junk || d->settings->subaddress_create, f);
        if (st == OR_OK)
            t->folder = arena_strdup(d->mem, wanted);
        if (t->folder == NULL)
            t->folder = INBOX;
        if (st == OR_ABSENT)
            st = OR_OK;
    }
    if (st == OR_OK)
        st = maildir_settle(&d->shared->settled, t->recipient->root, &t->box, f);
    if (st == OR_OK)
        st = maildir_device(&t->box, &t->device, f);
    return st;
}

static void
plan_box(struct deliver *d, struct deliver_target *t)
{
    struct maildir_fault fault = {0};

    if (!deliver_plan_enter(d, t) || open_box(d, t, &fault) == OR_OK)
        return;
    maildir_close(&t->box);
    deliver_plan_fail(d, t, &fault);
}

/* A message that comes back to the mailbox it was in, or that has been through too many hands. */
static bool
is_looping(struct deliver *d, struct deliver_target *t)
{
    bool many = d->head.received_count > (size_t)d->settings->max_received;

    if (!many && !message_head_was_delivered_to(&d->head, t->recipient->address))
        return false;
    const char *text = many ? "mail loop: too many Received fields"
                            : "mail loop: already delivered to this address";
    t->reply = lmtp_reply_about(554, "5.4.6", t->recipient->address, text, d->mem);
    return true;
}

/* An earlier target with the same mailbox and folder: RCPT given twice, or under two spellings. */
static const struct deliver_target *
find_twin(const struct deliver *d, size_t i)
{
    const struct deliver_target *t = &d->targets[i];

    for (size_t k = 0; k < i; k++) {
        const struct deliver_target *other = &d->targets[k];

        if (other->twin == NULL && other->reply.code == 0 && other->recipient->root != NULL &&
            strcmp(other->recipient->root, t->recipient->root) == 0 &&
            strcmp(other->folder, t->folder) == 0)
            return other;
    }
    return NULL;
}

static void
plan_target(struct deliver *d, size_t i)
{
    struct deliver_target *t = &d->targets[i];

    if (is_looping(d, t) || t->recipient->proxy != NULL)
        return;
    plan_box(d, t);
    if (t->reply.code != 0)
        return;
    t->twin = find_twin(d, i);
    if (t->twin != NULL)
        maildir_close(&t->box);
}

static bool
may_share(const struct deliver_target *a, const struct deliver_target *b)
{
    return a->device == b->device && owner_equal(&a->recipient->owner, &b->recipient->owner);
}

static void
join_spool(struct deliver *d, struct deliver_target *t)
{
    size_t i = 0;

    while (i < d->spool_count && !may_share(d->leaders[i], t))
        i++;
    if (i == d->spool_count) {
        d->leaders[i] = t;
        d->spool_count++;
    }
    d->members[i]++;
    t->spool = i;
}

void
deliver_plan(struct deliver *d)
{
    for (size_t i = 0; i < d->envelope->recipient_count; i++)
        plan_target(d, i);
    for (size_t i = 0; i < d->envelope->recipient_count; i++)
        if (d->targets[i].box.dir_fd >= 0)
            join_spool(d, &d->targets[i]);
}
