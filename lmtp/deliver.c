/*
 * The order of things is the promise: file written and fsync()ed, linked into new/, new/ fsync()ed,
 * and only then a reply that says 250. Killed at any moment before, the sender still has the
 * message. Each of these steps is done for all recipients before the next one begins: the first
 * fsync() of a directory then brings the journal of the file system to disk for all of them.
 */
#include "lmtp/deliver.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "lmtp/deliver_judge.h"
#include "lmtp/deliver_notice.h"
#include "lmtp/deliver_notify.h"
#include "lmtp/deliver_plan.h"
#include "lmtp/deliver_redirect.h"
#include "lmtp/deliver_relay.h"
#include "lmtp/deliver_sieve.h"
#include "lmtp/deliver_trace.h"
#include "lmtp/deliver_vacation.h"
#include "lmtp/maildir/maildir_tidy.h"
#include "lmtp/quota.h"

#include <unistd.h>

/* The piece that brings the end of the header may bring body with it. */
#define HEAD_SLACK_BYTES (2 * STREAM_BUFFER_BYTES)

static const struct lmtp_reply header_too_large = {552, "5.3.4", "message header is too large"};

or_status
deliver_open(struct deliver *d, const struct lmtp_settings *settings,
             const struct deliver_envelope *envelope, struct deliver_shared *shared,
             struct arena *mem)
{
    size_t n = envelope->recipient_count;

    *d = (struct deliver){.settings = settings, .envelope = envelope, .shared = shared, .mem = mem};
    buf_init(&d->head_bytes, (size_t)settings->max_header_bytes + HEAD_SLACK_BYTES);
    crypto_random_hex(d->id, (sizeof(d->id) - 1) / 2);
    d->targets = arena_alloc_array(mem, n, sizeof(*d->targets));
    d->spools = arena_alloc_array(mem, n, sizeof(*d->spools));
    d->leaders = arena_alloc_array(mem, n, sizeof(struct deliver_target *));
    d->members = arena_alloc_array(mem, n, sizeof(*d->members));
    d->relays = arena_alloc_array(mem, n, sizeof(*d->relays));
    if (d->relays == NULL || d->targets == NULL || d->spools == NULL || d->leaders == NULL ||
        d->members == NULL)
        return OR_LIMIT;
    d->spool_room = n;
    for (size_t i = 0; i < n; i++) {
        d->targets[i].recipient = &envelope->recipients[i];
        d->targets[i].box.dir_fd = -1;
    }
    return OR_OK;
}

struct maildir_name
deliver_next_name(struct deliver *d)
{
    return (struct maildir_name){
        .when = clock_now_precise(),
        .pid = getpid(),
        .sequence = atomic_fetch_add(&d->shared->last, 1) + 1,
        .host = span_cstr(d->settings->hostname),
    };
}

/* Other servers add the rest themselves. */
static void
start_relays(struct deliver *d)
{
    struct buf received;

    deliver_relay_open(d);
    buf_init(&received, DELIVER_TRACE_MAX_BYTES);
    deliver_trace_received(d, &received, NULL);
    if (message_head_needs_separator(&d->head))
        buf_add_char(&received, '\n');
    deliver_relay_write(d, buf_span(&received));
    buf_fini(&received);
}

/* Creates the file of spool `i` in the tmp/ of `t`, or answers `t`. */
static bool
open_spool(struct deliver *d, size_t i, struct deliver_target *t)
{
    struct spool *s = &d->spools[i];
    struct maildir_name name = deliver_next_name(d);

    if (!deliver_plan_enter(d, t))
        return false;
    spool_open(s, &t->box, &name);
    if (s->status != OR_OK)
        deliver_plan_fail(d, t, &s->fault);
    return s->status == OR_OK;
}

/* The first whose mailbox takes a file has it; a mailbox that is broken must not hurt the others.
 */
static void
start_spool(struct deliver *d, size_t i)
{
    struct spool *s = &d->spools[i];
    struct buf prologue;

    *s = (struct spool){.fd = -1, .status = OR_TEMPFAIL};
    for (size_t k = 0; k < d->envelope->recipient_count && s->status != OR_OK; k++) {
        struct deliver_target *t = &d->targets[k];

        if (t->box.dir_fd < 0 || t->spool != i)
            continue;
        d->leaders[i] = t;
        if (!open_spool(d, i, t))
            d->members[i]--;
    }
    buf_init(&prologue, DELIVER_TRACE_MAX_BYTES);
    deliver_trace_prologue(d, &prologue, d->members[i] == 1 ? d->leaders[i]->recipient : NULL);
    spool_write(s, buf_span(&prologue));
    s->prologue_bytes = s->file_bytes;
    if (message_head_needs_separator(&d->head))
        spool_write(s, SPAN_LIT("\n"));
    buf_fini(&prologue);
}

static void
write_all(struct deliver *d, struct span bytes)
{
    for (size_t i = 0; i < d->spool_count; i++)
        spool_write(&d->spools[i], bytes);
    deliver_relay_write(d, bytes);
}

/* The header is complete: from here on bytes go to disk. */
static void
finish_head(struct deliver *d)
{
    size_t cursor = 0;
    struct span piece;

    d->head_done = true;
    if (message_head_parse(buf_span(&d->head_bytes), d->settings->quarantine_header, d->mem,
                           &d->head, NULL) != OR_OK) {
        deliver_refuse(d, &header_too_large);
        return;
    }
    deliver_plan(d);
    for (size_t i = 0; i < d->spool_count; i++)
        start_spool(d, i);
    owner_leave(&d->turn);
    start_relays(d);
    while (message_head_next_piece(&d->head, &cursor, &piece))
        write_all(d, piece);
}

void
deliver_write(struct deliver *d, struct span bytes)
{
    if (d->refusal.code != 0)
        return;
    if (d->head_done) {
        write_all(d, bytes);
        return;
    }
    size_t seen = d->head_bytes.n;
    buf_add_span(&d->head_bytes, bytes);
    if (message_head_is_complete(buf_span(&d->head_bytes), seen))
        finish_head(d);
    else if (d->head_bytes.failed || d->head_bytes.n > (size_t)d->settings->max_header_bytes)
        deliver_refuse(d, &header_too_large);
}

static void
close_spools(struct deliver *d)
{
    for (size_t i = 0; i < d->spool_count; i++) {
        if (d->spools[i].fd >= 0 &&
            owner_become(&d->leaders[i]->recipient->owner, &d->turn, NULL) == OR_OK)
            spool_close(&d->spools[i]);
    }
    owner_leave(&d->turn);
}

void
deliver_refuse(struct deliver *d, const struct lmtp_reply *reply)
{
    if (d->refusal.code != 0)
        return;
    d->refusal = *reply;
    close_spools(d); /* the disk may be needed before the sender is through */
    deliver_relay_close(d);
}

/* One step of the commit, as the owner of the mailbox. */
typedef or_status (*deliver_step)(struct deliver *d, struct deliver_target *t,
                                  struct maildir_fault *f);

/* What the message of `t` adds to a quota. */
static int64_t
counted_bytes(const struct deliver *d, const struct deliver_target *t)
{
    const struct spool *s = &d->spools[t->spool];

    return (int64_t)(s->file_bytes + (d->settings->quota_virtual_sizes ? s->line_ends : 0));
}

/* Now that its size is known. Never fails otherwise: a full mailbox is no fault. */
static or_status
admit(struct deliver *d, struct deliver_target *t, struct maildir_fault *f)
{
    const struct spool *s = &d->spools[t->spool];
    struct err e = {""};

    (void)f;
    if (s->status != OR_OK ||
        quota_check(t->recipient, d->settings, t->dirname, counted_bytes(d, t), &e) == OR_OK)
        return OR_OK;
    deliver_plan_full(d, t, &e);
    d->members[t->spool]--;
    return OR_OK;
}

static or_status
publish(struct deliver *d, struct deliver_target *t, struct maildir_fault *f)
{
    t->name = deliver_next_name(d);
    t->name.flags = t->flags;
    return spool_publish(&d->spools[t->spool], &t->box, &t->name, d->members[t->spool] == 1, f);
}

static or_status
confirm(struct deliver *d, struct deliver_target *t, struct maildir_fault *f)
{
    return spool_confirm(&d->spools[t->spool], &t->box, &t->name, f);
}

static or_status
note(struct deliver *d, struct deliver_target *t, struct maildir_fault *f)
{
    (void)f;
    quota_note(t->recipient, d->settings, t->dirname, counted_bytes(d, t), &t->alarm);
    return OR_OK;
}

/* Takes the step for every place that is still in the race. */
static void
step_all(struct deliver *d, deliver_step step)
{
    for (size_t i = 0; i < d->envelope->recipient_count; i++) {
        struct deliver_target *first = &d->targets[i];

        if (first->reply.code != 0 || first->twin != NULL || first->relay != NULL)
            continue;
        for (struct deliver_target *t = first; t != NULL; t = t->more) {
            struct maildir_fault fault = {0};

            if (t->reply.code == 0 && !t->withheld && deliver_plan_enter(d, t) &&
                step(d, t, &fault) != OR_OK)
                deliver_plan_fail(d, t, &fault);
        }
    }
}

/* The reply of a target for which all went well, or that has its fate from elsewhere. */
static void
settle_reply(struct deliver *d, struct deliver_target *t)
{
    if (d->refusal.code != 0)
        t->reply = d->refusal;
    else if (t->twin != NULL)
        t->reply = t->twin->reply;
    /* One place that does not take it is enough for the sender to come again. */
    for (const struct deliver_target *p = t->more; p != NULL && t->reply.code == 0; p = p->more) {
        t->reply = p->reply;
        t->reason = p->reason;
    }
    if (t->reply.code != 0)
        return;
    const char *text = arena_printf(d->mem, "saved as %s", d->id);
    t->reply = lmtp_reply_about(250, "2.0.0", t->recipient->address, text != NULL ? text : "saved",
                                d->mem);
}

void
deliver_commit(struct deliver *d)
{
    if (d->refusal.code == 0 && !d->head_done)
        finish_head(d);
    if (d->refusal.code == 0) {
        deliver_sieve(d);
        step_all(d, admit);
        for (size_t i = 0; i < d->spool_count; i++)
            if (d->members[i] > 0 || d->has_redirects)
                spool_sync(&d->spools[i]);
        deliver_redirect(d);
        step_all(d, publish);
        step_all(d, confirm);
        step_all(d, note);
        owner_leave(&d->turn);
        deliver_relay_finish(d);
    }
    for (size_t i = 0; i < d->envelope->recipient_count; i++)
        settle_reply(d, &d->targets[i]);
}

/* Each message of ours may take the mailbox to the next threshold, and so on to the highest. */
static void
sound_alarm(struct deliver *d, const struct deliver_target *t)
{
    struct quota_alarm alarm = t->alarm, next;

    for (; alarm.warning != NULL; alarm = next) {
        struct maildir_name name = deliver_next_name(d);
        int64_t added = 0;

        next.warning = NULL;
        log_info("%.*s: quota reached %s", SPAN_ARG(t->recipient->account_name),
                 alarm.warning->item.title);
        if (alarm.warning->message && owner_become(&t->recipient->owner, &d->turn, NULL) == OR_OK)
            added = quota_warning_deliver(&alarm, t->recipient, d->settings, &name);
        if (added > 0)
            quota_note(t->recipient, d->settings, "", added, &next);
        owner_leave(&d->turn);
        quota_warning_command(&alarm, t->recipient);
    }
}

/* What came of the recipient's script beside places for the message. */
static void
write_for_script(struct deliver *d, const struct deliver_target *t)
{
    for (size_t i = 0; i < t->letter_count && t->reply.code / 100 == 2; i++) {
        const struct maildir_name name = deliver_next_name(d);

        if (t->letters[i].kind == SIEVE_ANSWER)
            deliver_vacation(d, t, &t->letters[i], &name);
        else
            deliver_notify(d, t, &t->letters[i], &name);
    }
    owner_leave(&d->turn);
    if (t->reply.code / 100 == 2)
        deliver_judge_remember(d, t);
    if (t->script_fault != NULL) {
        const struct maildir_name name = deliver_next_name(d);

        deliver_notice(d, t, &name);
    }
}

/* Once everybody has been answered there is time for what crashes left behind. */
static void
close_box(struct deliver *d, struct deliver_target *t)
{
    time_t now = clock_now();

    if (t->box.dir_fd >= 0 && maildir_tidy_is_due(&t->box, now) &&
        owner_become(&t->recipient->owner, &d->turn, NULL) == OR_OK) {
        size_t removed = maildir_tidy(&t->box, now);

        if (removed > 0)
            log_info("%.*s: removed %zu leftovers of interrupted deliveries from tmp/",
                     SPAN_ARG(t->recipient->account_name), removed);
    }
    maildir_close(&t->box);
}

void
deliver_close(struct deliver *d)
{
    close_spools(d);
    deliver_relay_close(d);
    for (size_t i = 0; d->targets != NULL && i < d->envelope->recipient_count; i++)
        for (struct deliver_target *t = &d->targets[i]; t != NULL; t = t->more) {
            sound_alarm(d, t);
            write_for_script(d, t);
            close_box(d, t);
        }
    owner_leave(&d->turn);
    buf_fini(&d->head_bytes);
}
