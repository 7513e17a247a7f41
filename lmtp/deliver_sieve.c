/*
 * From scripts to actions, and from actions to places.
 */
#include "lmtp/deliver_sieve.h"

#include "common/base/clock.h"
#include "lmtp/deliver_plan.h"
#include "lmtp/maildir/maildir_folder.h"
#include "lmtp/maildir/maildir_keywords.h"
#include "lmtp/sieve/sieve_action.h"
#include "lmtp/sieve/sieve_run.h"
#include "lmtp/sieve_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_REASON_BYTES 400
#define DISCARDED "(discarded)"
#define SUFFIX ".sieve"

/* One recipient's scripts. */
struct judging {
    struct deliver *d;
    struct deliver_target *target;
    struct sieve_message message;
    struct sieve_actions actions; /* of all scripts so far; spans in the transaction's arena */
    bool keeps;                   /* as far as the scripts have come */
    struct span keep_flags;
    char remote[IP_TEXT_BYTES];
};

/* ---- what scripts look at */

static long
local_offset_s(time_t when)
{
    struct tm tm;

    return localtime_r(&when, &tm) != NULL ? tm.tm_gmtoff : 0;
}

static bool
mailbox_exists(void *context, struct span folder)
{
    const struct judging *j = context;
    char dirname[MAILDIR_FOLDER_BYTES], path[PATH_MAX];
    struct stat st;

    if (maildir_folder_path(folder, dirname) != OR_OK)
        return false;
    int n = snprintf(path, sizeof(path), "%s/%s", j->target->recipient->root, dirname);
    return n > 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void
set_up(struct judging *j, struct deliver *d, struct deliver_target *t)
{
    const struct deliver_envelope *env = d->envelope;

    *j = (struct judging){.d = d, .target = t, .keeps = true};
    if (env->client_ip.family != 0)
        ip_format(&env->client_ip, j->remote);
    j->message = (struct sieve_message){
        .header = &d->head.block,
        .size_bytes = d->wire_bytes,
        .sender = env->sender,
        .recipient = t->recipient->address,
        .now = clock_now(),
        .local_offset_s = local_offset_s,
        .host = span_cstr(d->settings->hostname),
        .remote_ip = span_cstr(j->remote),
        .detail_separator = d->settings->recipient_delimiter[0],
        .mailbox_exists = mailbox_exists,
        .mailbox_context = j,
    };
}

/* ---- running */

/* Whatever was asked for before: the message is kept (RFC 5228 2.10.6). */
static void
only_keep(struct judging *j)
{
    j->actions.count = 0;
    j->keeps = true;
    j->keep_flags = SPAN_EMPTY;
}

static void
complain(struct judging *j, const char *path, const struct err *e)
{
    log_warning("%.*s: the message is kept in spite of the script: %s",
                SPAN_ARG(j->target->recipient->account_name), e->text);
    /* Where the file lies is nothing to an owner; the site's scripts are not his to mend. */
    if (path == j->target->recipient->script) {
        const char *slash = strrchr(path, '/');
        size_t directory = slash != NULL ? (size_t)(slash + 1 - path) : 0;

        j->target->script_fault =
            arena_strdup(j->d->mem, span_cstr(e->text + strnlen(e->text, directory)));
    }
    only_keep(j);
}

/* What a script asks for, but for keeping: that is decided by the last one. */
static or_status
take_over(struct judging *j, const struct sieve_actions *actions)
{
    j->keeps = false;
    for (size_t i = 0; i < actions->count; i++) {
        struct sieve_action action;

        if (j->actions.count == SIEVE_MAX_ACTIONS ||
            sieve_action_copy(&actions->items[i], j->d->mem, &action) != OR_OK)
            return OR_LIMIT;
        if (action.kind == SIEVE_KEEP) {
            j->keeps = true;
            j->keep_flags = action.flags;
        } else {
            j->actions.items[j->actions.count++] = action;
        }
    }
    return OR_OK;
}

static void
run(struct judging *j, const struct sieve_script *script, const char *path)
{
    struct sieve_run run;
    struct err e = {""};

    sieve_run_init(&run, script, &j->message);
    or_status st = sieve_run_execute(&run, &e);
    if (st == OR_OK && take_over(j, &run.actions) != OR_OK)
        st = err_set(&e, OR_LIMIT, "too many actions");
    sieve_run_fini(&run);
    if (st != OR_OK) {
        (void)err_wrap(&e, st, "%s", path);
        complain(j, path, &e);
    }
}

/* Without a server that takes what they send, and a memory of whom they have answered, scripts must
 * not ask for it. */
static struct sieve_offer
offer_of(const struct deliver *d)
{
    struct sieve_offer offer = {.no_redirect = d->settings->sieve_relay[0] == '\0'};

    if (offer.no_redirect)
        offer.unavailable = SIEVE_ENOTIFY;
    if (offer.no_redirect || d->shared->store == NULL)
        offer.unavailable |= SIEVE_VACATION;
    return offer;
}

/* False: the message must wait; the target has its reply. */
static bool
run_file(struct judging *j, const char *path)
{
    const struct sieve_offer offer = offer_of(j->d);
    struct sieve_cached *cached = NULL;
    struct err e = {""};
    or_status st = sieve_cache_get(j->d->shared->scripts, path, &offer, &cached, &e);

    if (st == OR_OK)
        run(j, sieve_cache_script(cached), path);
    else if (st == OR_TEMPFAIL)
        deliver_plan_fail(j->d, j->target, &(struct maildir_fault){.err = e});
    else if (st != OR_ABSENT)
        complain(j, path, &e);
    sieve_cache_drop(cached);
    return st != OR_TEMPFAIL;
}

static int
is_script(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return entry->d_name[0] != '.' && n > strlen(SUFFIX) &&
           strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

/* A directory's scripts in order of name; a file is one. */
static bool
run_place(struct judging *j, const char *place)
{
    char path[PATH_MAX];
    struct dirent **entries = NULL;
    int count = scandir(place, &entries, is_script, alphasort);
    bool goes_on = true;

    if (count < 0)
        return run_file(j, place);
    for (int i = 0; i < count; i++) {
        int n = snprintf(path, sizeof(path), "%s/%s", place, entries[i]->d_name);

        if (goes_on && j->keeps && n > 0 && (size_t)n < sizeof(path))
            goes_on = run_file(j, path);
        free(entries[i]);
    }
    free(entries);
    return goes_on;
}

static bool
run_places(struct judging *j, const struct conf_list *places)
{
    for (size_t i = 0; i < places->count; i++)
        if (j->keeps && !run_place(j, places->items[i]))
            return false;
    return true;
}

static bool
run_all(struct judging *j)
{
    const struct lmtp_settings *s = j->d->settings;
    const char *own = j->target->recipient->script;

    return run_places(j, &s->sieve_before) && (!j->keeps || own == NULL || run_file(j, own)) &&
           run_places(j, &s->sieve_after);
}

/* ---- doing */

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
    struct deliver_target place = {.recipient = t->recipient, .spool = t->spool, .box.dir_fd = -1};
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
    j->d->members[t->spool]++;
    if (st == OR_OK)
        set_flags(kept, action->flags);
    else
        deliver_plan_fail(j->d, kept, &fault);
    return true;
}

/* False: no memory is left for it, or it is nothing that SMTP can say. */
static bool
add_redirect(struct judging *j, struct span address)
{
    struct deliver_target *t = j->target;

    for (size_t i = 0; i < address.n; i++)
        if ((unsigned char)address.p[i] <= ' ' || address.p[i] == '<' || address.p[i] == '>' ||
            address.p[i] == '\x7f')
            return false;
    if (t->redirects == NULL)
        t->redirects = arena_alloc_array(j->d->mem, SIEVE_MAX_ACTIONS, sizeof(t->redirects[0]));
    if (t->redirects == NULL || t->redirect_count == SIEVE_MAX_ACTIONS)
        return false;
    t->redirects[t->redirect_count++] = address;
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
perform(struct judging *j)
{
    struct deliver_target *t = j->target;

    /* Whoever is told that it was refused has not delivered it, also not to a folder that an
     * earlier script named. */
    for (size_t i = 0; i < j->actions.count; i++)
        if (j->actions.items[i].kind == SIEVE_REFUSE) {
            settle(j, 550, "5.7.1", reply_text(j, j->actions.items[i].target));
            return;
        }
    add_letters(j);
    for (size_t i = 0; i < j->actions.count; i++) {
        const struct sieve_action *action = &j->actions.items[i];

        if (action->kind == SIEVE_REDIRECT_TO && !add_redirect(j, action->target))
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
    }
}

static void
judge(struct deliver *d, struct deliver_target *t)
{
    struct judging j;

    set_up(&j, d, t);
    if (deliver_plan_enter(d, t) && run_all(&j))
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
