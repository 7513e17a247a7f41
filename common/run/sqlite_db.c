/*
 * Opens a database file: made with the right owner first, then the pragmas, then whatever
 * migrations it lacks.
 */
#include "common/run/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SQLITE_DB_BUSY_TIMEOUT_MS                                                                  \
    5000 /* a writer in another process: the CLI beside the daemon                                 \
          */
#define SQLITE_DB_FILE_MODE 0640

/* What is being opened, for the steps below. */
struct opening {
    const char *path;
    const struct sqlite_db_schema *schema;
    sqlite3 *db;
    struct err *e;
};

/* The directory that `path` lies in. */
static void
directory_of(const char *path, char *out, size_t out_bytes)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        snprintf(out, out_bytes, ".");
    else
        snprintf(out, out_bytes, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* The CLI is run by root, the daemon is not: the file follows its directory. */
static or_status
give_to_directory_owner(const struct opening *o, int fd, const char *directory)
{
    struct stat st;

    if (fchmod(fd, SQLITE_DB_FILE_MODE) != 0 || stat(directory, &st) != 0 ||
        (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) != 0))
        return err_set(o->e, OR_CONFIG, "%s: cannot set owner and mode: %s; mend the directory",
                       o->path, os_error_text(errno));
    return OR_OK;
}

static or_status
create_file(const struct opening *o)
{
    char directory[PATH_MAX];

    directory_of(o->path, directory, sizeof(directory));
    int fd = open(o->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 && errno == EEXIST)
        return OR_OK;
    if (fd < 0 && errno == ENOENT)
        return err_set(
            o->e, OR_CONFIG,
            "%s: there is no directory %s; make it, owned by the daemon's user, mode 0750", o->path,
            directory);
    if (fd < 0)
        return err_set(o->e, OR_CONFIG,
                       "%s: the %s database cannot be made: %s; let the daemon's user own %s",
                       o->path, o->schema->what, os_error_text(errno), directory);
    or_status st = give_to_directory_owner(o, fd, directory);

    close(fd);
    return st;
}

/* A failed step while opening: always the operator's to mend, but for a lock that stays taken. */
static or_status
open_failed(const struct opening *o, int rc)
{
    int base = rc & 0xff;

    if (base == SQLITE_NOTADB || base == SQLITE_CORRUPT)
        return err_set(o->e, OR_CONFIG,
                       "%s: not a usable SQLite database (%s); restore it from a backup or name "
                       "another file",
                       o->path, sqlite3_errmsg(o->db));
    if (base == SQLITE_BUSY || base == SQLITE_LOCKED)
        return err_set(o->e, OR_CONFIG, "%s: locked by another process; end that one", o->path);
    return err_set(o->e, OR_CONFIG,
                   "%s: the %s database cannot be opened: %s; look at the owner and mode of file "
                   "and directory",
                   o->path, o->schema->what, sqlite3_errmsg(o->db));
}

static or_status
run_sql(const struct opening *o, const char *sql)
{
    int rc = sqlite3_exec(o->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? OR_OK : open_failed(o, rc);
}

/* The single value of a pragma, as text into `out`. */
static or_status
read_pragma(const struct opening *o, const char *sql, char *out, size_t out_bytes)
{
    sqlite3_stmt *step = NULL;
    int rc = sqlite3_prepare_v2(o->db, sql, -1, &step, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(step);
    if (rc == SQLITE_ROW)
        snprintf(out, out_bytes, "%s", (const char *)sqlite3_column_text(step, 0));
    sqlite3_finalize(step);
    return rc == SQLITE_ROW ? OR_OK : open_failed(o, rc);
}

static or_status
read_version(const struct opening *o, size_t *version_out)
{
    char text[32];
    or_status st = read_pragma(o, "PRAGMA user_version", text, sizeof(text));

    if (st != OR_OK)
        return st;
    long version = strtol(text, NULL, 10);

    if (version < 0 || (size_t)version > o->schema->count)
        return err_set(o->e, OR_CONFIG,
                       "%s: the %s database has version %ld, this program knows %zu; upgrade "
                       "Outrider or restore an older copy",
                       o->path, o->schema->what, version, o->schema->count);
    *version_out = (size_t)version;
    return OR_OK;
}

static or_status
migrate_one(const struct opening *o, size_t from)
{
    char sql[64];
    or_status st = run_sql(o, o->schema->migrations[from]);

    if (st != OR_OK)
        return st;
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu", from + 1);
    return run_sql(o, sql);
}

/* All missing steps in one transaction: a crash between leaves the old version whole. */
static or_status
migrate(const struct opening *o)
{
    size_t version = 0;
    or_status st = read_version(o, &version);

    if (st != OR_OK || version == o->schema->count)
        return st;
    st = run_sql(o, "BEGIN IMMEDIATE");
    if (st != OR_OK)
        return st;
    /* Another process may have been faster. */
    st = read_version(o, &version);
    while (st == OR_OK && version < o->schema->count)
        st = migrate_one(o, version++);
    if (st == OR_OK)
        return run_sql(o, "COMMIT");
    (void)sqlite3_exec(o->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

static or_status
use_wal(const struct opening *o)
{
    char mode[16];
    or_status st = read_pragma(o, "PRAGMA journal_mode = WAL", mode, sizeof(mode));

    if (st != OR_OK || strcmp(mode, "wal") == 0)
        return st;
    return err_set(
        o->e, OR_CONFIG,
        "%s: this file system cannot do write-ahead logging; put the file on a local one", o->path);
}

static or_status
set_up_writable(const struct opening *o)
{
    or_status st = use_wal(o);

    if (st == OR_OK)
        st = run_sql(o, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    return st == OR_OK ? migrate(o) : st;
}

static or_status
check_read_only(const struct opening *o)
{
    size_t version = 0;
    or_status st = read_version(o, &version);

    if (st != OR_OK || version == o->schema->count)
        return st;
    return err_set(o->e, OR_CONFIG,
                   "%s: the %s database has version %zu, this program needs %zu; start the daemon "
                   "that owns it once",
                   o->path, o->schema->what, version, o->schema->count);
}

or_status
sqlite_db_open(const char *path, const struct sqlite_db_schema *schema, enum sqlite_db_mode mode,
               sqlite3 **db_out, struct err *e)
{
    struct opening o = {.path = path, .schema = schema, .e = e};
    bool writable = mode == SQLITE_DB_CREATE;
    int flags = SQLITE_OPEN_FULLMUTEX |
                (writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    or_status st = OR_OK;

    if (writable)
        st = create_file(&o);
    else if (access(path, F_OK) != 0 && errno == ENOENT)
        st = err_set(e, OR_ABSENT, "%s: there is no %s database yet", path, schema->what);
    if (st != OR_OK)
        return st;
    int rc = sqlite3_open_v2(path, &o.db, flags, NULL);

    if (rc != SQLITE_OK) {
        st = open_failed(&o, rc);
    } else {
        sqlite3_busy_timeout(o.db, SQLITE_DB_BUSY_TIMEOUT_MS);
        st = writable ? set_up_writable(&o) : check_read_only(&o);
    }
    if (st != OR_OK) {
        sqlite3_close(o.db);
        return st;
    }
    *db_out = o.db;
    return OR_OK;
}

or_status
sqlite_db_status(sqlite3 *db, int rc, struct err *e)
{
    static const struct {
        int rc;
        or_status st;
    } meanings[] = {{SQLITE_BUSY, OR_TEMPFAIL},
                    {SQLITE_LOCKED, OR_TEMPFAIL},
                    {SQLITE_FULL, OR_TEMPFAIL},
                    {SQLITE_IOERR, OR_TEMPFAIL},
                    {SQLITE_CONSTRAINT, OR_MALFORMED}};
    or_status st = OR_BUG;

    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
        return OR_OK;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (meanings[i].rc == (rc & 0xff)) /* extended codes keep the kind in the low byte */
            st = meanings[i].st;
    return err_set(e, st, "sqlite: %s", sqlite3_errmsg(db));
}
