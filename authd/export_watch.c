/*
 * SQLite counts what other connections commit (PRAGMA data_version), so that looking costs next to
 * nothing. A file that cannot be written is tried again each time, and told of once.
 */
#include "authd/export_watch.h"

#include "authd/passwd_export.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/run/ticker.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000

/* What is exported, and where to. */
struct job {
    char *path; /* NULL: nothing is */
    char *database;
    char *mail_home;
    int64_t mail_uid, mail_gid;
};

struct export_watch {
    struct lock lock; /* guards `next` */
    struct job next;
    bool has_next;
    struct ticker *ticker;
    /* The rest is the thread's. */
    struct job job;
    struct account_db *db;
    int64_t version; /* of the database as it was exported; -1: it was not */
    bool has_failed;
};

static void
free_job(struct job *job)
{
    free(job->path);
    free(job->database);
    free(job->mail_home);
    *job = (struct job){.path = NULL};
}

static void
take_next(struct export_watch *w)
{
    lock_take(&w->lock);
    if (w->has_next) {
        free_job(&w->job);
        account_db_close(w->db);
        w->db = NULL;
        w->version = -1;
        w->has_failed = false;
        w->job = w->next;
        w->next = (struct job){.path = NULL};
        w->has_next = false;
    }
    lock_drop(&w->lock);
}

static or_status
look(struct export_watch *w, struct err *e)
{
    const struct passwd_site site = {w->job.mail_home, w->job.mail_uid, w->job.mail_gid};
    int64_t version = 0;
    size_t count = 0;
    or_status st = OR_OK;

    if (w->db == NULL)
        st = account_db_open(w->job.database, false, &w->db, e);
    /* Before it is read: what changes meanwhile is another version. */
    if (st == OR_OK)
        st = account_db_version(w->db, &version, e);
    if (st != OR_OK || version == w->version)
        return st;
    st = passwd_export_file(&site, w->db, w->job.path, &count, e);
    if (st == OR_OK) {
        log_info("exported %zu accounts to %s", count, w->job.path);
        w->version = version;
    }
    return st;
}

static void
tick(void *context)
{
    struct export_watch *w = context;
    struct err e = {""};

    take_next(w);
    if (w->job.path == NULL)
        return;
    or_status st = look(w, &e);
    if (st != OR_OK && !w->has_failed)
        log_warning("export-passwd-file: %s", e.text);
    w->has_failed = st != OR_OK;
}

struct export_watch *
export_watch_start(void)
{
    struct export_watch *w = xcalloc(1, sizeof(*w));

    lock_init(&w->lock, LOCK_EXPORT);
    w->version = -1;
    w->ticker = ticker_start(TICK_MS, tick, w);
    return w;
}

void
export_watch_stop(struct export_watch *w)
{
    ticker_stop(w->ticker);
    lock_fini(&w->lock);
    account_db_close(w->db);
    free_job(&w->job);
    free_job(&w->next);
    free(w);
}

void
export_watch_set(struct export_watch *w, const struct authd_settings *s)
{
    struct job job = {.path = NULL};

    if (s->export_passwd_file[0] != '\0')
        job = (struct job){.path = xstrdup(s->export_passwd_file),
                           .database = xstrdup(s->database),
                           .mail_home = xstrdup(s->mail_home),
                           .mail_uid = s->mail_uid,
                           .mail_gid = s->mail_gid};
    lock_take(&w->lock);
    free_job(&w->next);
    w->next = job;
    w->has_next = true;
    lock_drop(&w->lock);
}
