/*
 * From scripts to actions.
 */
#include "lmtp/deliver_judge.h"

#include "common/base/clock.h"
#include "lmtp/deliver_plan.h"
#include "lmtp/maildir/maildir_folder.h"
#include "lmtp/script_memory.h"
#include "lmtp/sieve/sieve_action.h"
#include "lmtp/sieve/sieve_run.h"
#include "lmtp/sieve_cache.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX ".sieve"

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
memory_key(const struct deliver_target *t, struct span id, char out[SCRIPT_MEMORY_KEY_BYTES])
{
    const struct span parts[] = {t->recipient->account_name, id};

    script_memory_key("duplicate", parts, sizeof(parts) / sizeof(parts[0]), out);
}

/* The store is ours: the owner's identity is laid down meanwhile. What cannot be known was not
 * seen. */
static bool
was_seen(void *context, struct span id)
{
    struct judging *j = context;
    char key[SCRIPT_MEMORY_KEY_BYTES];
    struct arena mem;
    struct span value;
    struct err e = {""};

    memory_key(j->target, id, key);
    owner_leave(&j->d->turn);
    arena_init(&mem, KVSTORE_MAX_VALUE_BYTES);
    or_status st = kvstore_get(j->d->shared->store, span_cstr(key), &mem, &value, &e);
    arena_fini(&mem);
    if (!deliver_plan_enter(j->d, j->target))
        j->is_lost = true;
    return st == OR_OK;
}

void
deliver_judge_remember(struct deliver *d, const struct deliver_target *t)
{
    char key[SCRIPT_MEMORY_KEY_BYTES];
    struct err e = {""};

    for (size_t i = 0; i < t->mark_count; i++) {
        const struct sieve_mark *mark = &t->marks[i];

        if (mark->was_seen && !mark->renews)
            continue;
        memory_key(t, mark->id, key);
        if (kvstore_put(d->shared->store, span_cstr(key), SPAN_LIT("1"), mark->period_s, &e) !=
            OR_OK)
            log_warning("%.*s: a duplicate of this message will not be known: %s",
                        SPAN_ARG(t->recipient->account_name), e.text);
    }
}

/* A disk that does not let the script be read now is worth waiting for. */
static or_status
load(void *context, enum sieve_place place, struct span name,
     const struct sieve_script **script_out, struct err *e)
{
    struct judging *j = context;
    or_status st = sieve_library_load(&j->library, place, name, script_out, e);

    j->must_wait = j->must_wait || st == OR_TEMPFAIL;
    return st;
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
        .was_seen = was_seen,
        .load = load,
        .context = j,
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
    j->keep_header = NULL;
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
    const struct header_block *edited = NULL, *kept = NULL;

    j->keeps = false;
    for (size_t i = 0; i < actions->count; i++) {
        struct sieve_action action;

        if (j->actions.count == SIEVE_MAX_ACTIONS ||
            sieve_action_copy(&actions->items[i], j->d->mem, &action) != OR_OK)
            return OR_LIMIT;
        if (action.header != NULL) {
            if (action.header != edited &&
                sieve_action_copy_header(action.header, j->d->mem, &kept) != OR_OK)
                return OR_LIMIT;
            edited = action.header;
            action.header = kept;
        }
        if (action.kind == SIEVE_KEEP) {
            j->keeps = true;
            j->keep_flags = action.flags;
            j->keep_header = action.header;
        } else {
            j->actions.items[j->actions.count++] = action;
        }
    }
    return OR_OK;
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
    if (d->shared->store == NULL)
        offer.unavailable |= SIEVE_DUPLICATE;
    return offer;
}

static or_status
take_marks(struct judging *j, const struct sieve_run *r)
{
    for (size_t i = 0; i < r->mark_count; i++) {
        struct sieve_mark mark = r->marks[i];

        if (j->mark_count == SIEVE_MAX_MARKS || arena_copy(j->d->mem, mark.id, &mark.id) != OR_OK)
            return OR_LIMIT;
        j->marks[j->mark_count++] = mark;
    }
    return OR_OK;
}

static void
run(struct judging *j, const struct sieve_script *script, const char *path)
{
    struct sieve_run run;
    struct err e = {""};

    sieve_run_init(&run, script, &j->message);
    j->library = (struct sieve_library){.cache = j->d->shared->scripts,
                                        .personal = j->target->recipient->script_directory,
                                        .global = j->d->settings->sieve_global_directory,
                                        .offer = offer_of(j->d)};
    sieve_library_init(&j->library);
    or_status st = sieve_run_execute(&run, &e);
    sieve_library_fini(&j->library);
    if (st == OR_OK && (take_over(j, &run.actions) != OR_OK || take_marks(j, &run) != OR_OK))
        st = err_set(&e, OR_LIMIT, "too many actions");
    sieve_run_fini(&run);
    if (st == OR_OK)
        return;
    (void)err_wrap(&e, st, "%s", path);
    if (j->must_wait)
        deliver_plan_fail(j->d, j->target, &(struct maildir_fault){.err = e});
    else
        complain(j, path, &e);
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
    return st != OR_TEMPFAIL && !j->must_wait;
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

bool
deliver_judge(struct judging *j, struct deliver *d, struct deliver_target *t)
{
    set_up(j, d, t);
    return run_all(j) && !j->is_lost;
}
