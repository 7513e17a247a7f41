/*
 * From what scripts come to, to places.
 */
#include "lmtp/deliver_sieve.h"

#include "lmtp/deliver_edit.h"
#include "lmtp/deliver_judge.h"
#include "lmtp/deliver_plan.h"
#include "lmtp/maildir/maildir_folder.h"
#include "lmtp/maildir/maildir_keywords.h"

#include <string.h>

#define MAX_REASON_BYTES 400
#define DISCARDED "(discarded)"

/* The letters of these flags in the folder of `t`. */
static void
set_flags(struct deliver_target *t, struct span flags)
{
    if (flags.n > 0 && !maildir_keywords_letters(&t->box, flags, t->flags))
        log_warning("%.*s: not all of the flags %.*s could be set in %s",
                    SPAN_ARG(t->recipient->account_name), SPAN_ARG(flags), t->folder);
}

/* Whether a script has sent the message to this folder already. */
static bool
is_there(const struct deliver_target *t, const char *dirname)
{
    for (const struct deliver_target *place = t->more; place != NULL; place = place->more)
        if (strcmp(place->dirname, dirname) == 0)
            return true;
    return false;
}

static or_status
open_place(struct judging *j, struct deliver_target *place, bool create, struct maildir_fault *f)
{
    const char *root = place->recipient->root;
    struct maildir inbox = MAILDIR_CLOSED;
    or_status st = maildir_open(root, &inbox, f);

    if (st == OR_OK && place->dirname[0] != '\0')
        st = maildir_open_folder(&inbox, place->dirname, create, &place->box, f);
    else
        place->box = inbox;
    if (place->box.dir_fd != inbox.dir_fd)
        maildir_close(&inbox);
    return st == OR_OK ? maildir_settle(&j->d->shared->settled, root, &place->box, f) : st;
}

/* False: no folder can have that name, or there is none and none is to be made. */
static bool
add_place(struct judging *j, const struct sieve_action *action)
{
    struct deliver_target *t = j->target, **end = &t->more;
    struct maildir_fault fault = {0};
    struct deliver_target place = {
        .recipient = t->recipient, .spool = t->source, .source = t->source, .box.dir_fd = -1};
    bool create = action->create || j->d->settings->sieve_folder_create;

    if (maildir_folder_path(action->target, place.dirname) != OR_OK)
        return false;
    if (is_there(t, place.dirname))
        return true;
    or_status st = open_place(j, &place, create, &fault);
    if (st == OR_ABSENT) {
        maildir_close(&place.box);
        return false;
    }
    place.folder = arena_strdup(j->d->mem, action->target);
    struct deliver_target *kept = arena_alloc(j->d->mem, sizeof(*kept));
    if (kept == NULL || place.folder == NULL) {
        maildir_close(&place.box);
        return false;
    }
    *kept = place;
    while (*end != NULL)
        end = &(*end)->more;
    *end = kept;
    j->d->members[kept->spool]++;
    if (st == OR_OK)
        set_flags(kept, action->flags);
    else
        deliver_plan_fail(j->d, kept, &fault);
    if (st == OR_OK && action->header != NULL)
        deliver_edit_place(j->d, kept, action->header);
    return true;
}

/* False: no memory is left for it, or it is nothing that SMTP can say. */
static bool
add_redirect(struct judging *j, const struct sieve_action *action)
{
    const struct span address = action->target;
    struct deliver_target *t = j->target;

    for (size_t i = 0; i < address.n; i++)
        if ((unsigned char)address.p[i] <= ' ' || address.p[i] == '<' || address.p[i] == '>' ||
            address.p[i] == '\x7f')
            return false;
    if (t->redirects == NULL)
        t->redirects = arena_alloc_array(j->d->mem, SIEVE_MAX_ACTIONS, sizeof(t->redirects[0]));
    if (t->redirects == NULL || t->redirect_count == SIEVE_MAX_ACTIONS)
        return false;
    t->redirects[t->redirect_count++] =
        (struct deliver_redirection){.address = address, .header = action->header};
    j->d->has_redirects = true;
    return true;
}

/* One line of what a reply can hold (RFC 5429 2.2.1 lets the rest go). */
static const char *
reply_text(struct judging *j, struct span reason)
{
    char text[MAX_REASON_BYTES];
    size_t n = 0;

    for (size_t i = 0; i < reason.n && n + 1 < sizeof(text); i++) {
        unsigned char c = (unsigned char)reason.p[i];
        char out = c >= ' ' && c < 0x7f ? (char)c : c == '\n' || c == '\t' ? ' ' : '?';

        if (c != '\r' && !(c >= 0x80 && c < 0xc0)) /* one '?' for a character of several bytes */
            text[n++] = out;
    }
    while (n > 0 && text[n - 1] == ' ')
        n--;
    const char *kept = arena_strdup(j->d->mem, span_make(text, n));
    return kept != NULL && n > 0 ? kept : "the recipient does not want this message";
}

/* No copy for this recipient from here on. */
static void
settle(struct judging *j, unsigned code, const char *enhanced, const char *text)
{
    struct deliver_target *t = j->target;

    t->reply = lmtp_reply_about(code, enhanced, t->recipient->address, text, j->d->mem);
    j->d->members[t->spool]--;
}

/* What is sent once the message is delivered. Of several scripts that answer the first one does. */
static void
add_letters(struct judging *j)
{
    struct sieve_action *kept = arena_alloc_array(j->d->mem, j->actions.count + 1, sizeof(*kept));
    bool has_answer = false;
    size_t n = 0;

    for (size_t i = 0; kept != NULL && i < j->actions.count; i++) {
        const struct sieve_action *action = &j->actions.items[i];

        if (action->kind != SIEVE_NOTIFY && (action->kind != SIEVE_ANSWER || has_answer))
            continue;
        has_answer = has_answer || action->kind == SIEVE_ANSWER;
        kept[n++] = *action;
    }
    j->target->letters = kept;
    j->target->letter_count = n;
}

static void
add_marks(struct judging *j)
{
    struct sieve_mark *kept = arena_alloc_array(j->d->mem, j->mark_count + 1, sizeof(*kept));

    if (kept == NULL)
        return;
    memcpy(kept, j->marks, j->mark_count * sizeof(*kept));
    j->target->marks = kept;
    j->target->mark_count = j->mark_count;
}

static void
perform(struct judging *j)
{
    struct deliver_target *t = j->target;

    t->source = t->spool;

    /* Whoever is told that it was refused has not delivered it, also not to a folder that an
     * earlier script named. */
    for (size_t i = 0; i < j->actions.count; i++)
        if (j->actions.items[i].kind == SIEVE_REFUSE) {
            settle(j, 550, "5.7.1", reply_text(j, j->actions.items[i].target));
            return;
        }
    add_letters(j);
    add_marks(j);
    for (size_t i = 0; i < j->actions.count; i++) {
        const struct sieve_action *action = &j->actions.items[i];

        if (action->kind == SIEVE_REDIRECT_TO && !add_redirect(j, action))
            j->keeps = true;
        if (action->kind == SIEVE_FILEINTO_FOLDER && !add_place(j, action)) {
            log_warning("%.*s: the script's folder %.*s is not there: the message is kept",
                        SPAN_ARG(t->recipient->account_name), SPAN_ARG(action->target));
            j->keeps = true;
        }
    }
    if (!j->keeps && t->more == NULL && t->redirect_count > 0) {
        t->withheld = true;
        j->d->members[t->spool]--;
    } else if (!j->keeps && t->more == NULL) {
        t->folder = DISCARDED;
        settle(j, 250, "2.0.0", "discarded by the recipient's script");
    } else if (!j->keeps || is_there(t, t->dirname)) {
        t->withheld = true;
        t->folder = t->more->folder;
        j->d->members[t->spool]--;
    } else {
        set_flags(t, j->keep_flags);
        if (j->keep_header != NULL)
            deliver_edit_place(j->d, t, j->keep_header);
    }
}

static void
judge(struct deliver *d, struct deliver_target *t)
{
    struct judging j;

    if (deliver_plan_enter(d, t) && deliver_judge(&j, d, t))
        perform(&j);
}

void
deliver_sieve(struct deliver *d)
{
    const struct lmtp_settings *s = d->settings;

    for (size_t i = 0; i < d->envelope->recipient_count; i++) {
        struct deliver_target *t = &d->targets[i];
        bool has_script =
            t->recipient->script != NULL || s->sieve_before.count > 0 || s->sieve_after.count > 0;

        if (has_script && t->reply.code == 0 && t->twin == NULL && t->relay == NULL &&
            t->box.dir_fd >= 0 && !d->head.quarantined)
            judge(d, t);
    }
}
