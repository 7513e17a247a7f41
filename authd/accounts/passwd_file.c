/*
 * The file as it is now. A reading replaces the table whole; rows are copied out of it with the
 * lock held, which takes less than a microsecond.
 */
#include "authd/accounts/passwd_file.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 1000
#define READ_BYTES 65536
#define ROW_BYTES 65536 /* of one row while a walk shows it */

struct passwd_file {
    char *path;
    struct lock lock; /* all below */
    struct passwd_table *table;
    struct stat seen; /* of the newest reading, also of one that failed */
    int64_t looked_mono_ms;
};

static or_status
read_text(int fd, struct buf *out, struct err *e)
{
    char *chunk = xmalloc(READ_BYTES);
    ssize_t n;

    while ((n = read(fd, chunk, READ_BYTES)) > 0)
        buf_add(out, chunk, (size_t)n);
    int os_error = errno;
    free(chunk);
    if (n < 0)
        return err_set(e, OR_CONFIG, "%s", os_error_text(os_error));
    return buf_finish(out) == OR_OK
               ? OR_OK
               : err_set(e, OR_CONFIG, "more than %d bytes", PASSWD_FILE_MAX_BYTES);
}

/* What was seen is set in any case, so that a mistake is told once. */
static or_status
read_table(const char *path, struct stat *seen_out, struct passwd_table **table_out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct buf text;
    or_status st = OR_OK;

    memset(seen_out, 0, sizeof(*seen_out));
    if (fd < 0)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    buf_init(&text, PASSWD_FILE_MAX_BYTES);
    if (fstat(fd, seen_out) != 0 || !S_ISREG(seen_out->st_mode))
        st = err_set(e, OR_CONFIG, "not a file");
    if (st == OR_OK)
        st = read_text(fd, &text, e);
    close(fd);
    if (st == OR_OK)
        *table_out = passwd_table_parse(buf_span(&text), path);
    buf_fini_wiped(&text);
    return st == OR_OK ? OR_OK : err_wrap(e, OR_CONFIG, "%s", path);
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* With the lock held: whether it is time to look, and there is something to see. A file that has
 * gone is no change: editors take it away for a moment. */
static bool
has_changed(struct passwd_file *f)
{
    int64_t now = clock_mono_ms();
    struct stat st;

    if (now - f->looked_mono_ms < LOOK_MS)
        return false;
    f->looked_mono_ms = now;
    return stat(f->path, &st) == 0 && !is_same(&st, &f->seen);
}

/* Reading takes its time: others go on with the old table meanwhile. */
static void
look(struct passwd_file *f)
{
    struct passwd_table *table = NULL;
    struct stat seen;
    struct err e;

    lock_take(&f->lock);
    bool changed = has_changed(f);
    lock_drop(&f->lock);
    if (!changed)
        return;
    or_status st = read_table(f->path, &seen, &table, &e);
    if (st == OR_OK)
        log_info("%s: %zu accounts read", f->path, passwd_table_count(table));
    else
        log_warning("%s; what it said before stays in force", e.text);
    lock_take(&f->lock);
    f->seen = seen;
    if (st == OR_OK) {
        struct passwd_table *old = f->table;

        f->table = table;
        table = old;
    }
    lock_drop(&f->lock);
    passwd_table_free(table);
}

/* A row of the table, which may go, into `mem`. */
static or_status
copy_row(struct account_row *row, struct arena *mem, struct err *e)
{
    struct span whole = SPAN_EMPTY;

    if (arena_copy(mem, row->address.whole, &whole) != OR_OK ||
        arena_copy(mem, row->password, &row->password) != OR_OK ||
        arena_copy(mem, row->home, &row->home) != OR_OK ||
        arena_copy(mem, row->host, &row->host) != OR_OK)
        return err_set(e, OR_TEMPFAIL, "no room for the account's record");
    row->address = (struct account_address){
        .local = span_slice(whole, 0, row->address.local.n),
        .domain = span_from(whole, row->address.local.n + 1),
        .whole = whole,
    };
    return OR_OK;
}

static or_status
find(void *self, const struct account_address *address, struct arena *mem,
     struct account_row *row_out, struct err *e)
{
    struct passwd_file *f = self;

    look(f);
    lock_take(&f->lock);
    or_status st = passwd_table_find(f->table, address->whole, row_out);
    if (st == OR_OK)
        st = copy_row(row_out, mem, e);
    lock_drop(&f->lock);
    return st;
}

static or_status
find_domain(void *self, struct span domain, struct err *e)
{
    struct passwd_file *f = self;

    (void)e;
    look(f);
    lock_take(&f->lock);
    bool found = passwd_table_has_domain(f->table, domain);
    lock_drop(&f->lock);
    return found ? OR_OK : OR_ABSENT;
}

static or_status
next_row(struct passwd_file *f, struct span after, struct arena *mem, struct account_row *row_out,
         struct err *e)
{
    lock_take(&f->lock);
    or_status st = passwd_table_next(f->table, after, row_out);
    if (st == OR_OK)
        st = copy_row(row_out, mem, e);
    lock_drop(&f->lock);
    return st;
}

/* By name, so that a table that is replaced meanwhile is gone on with where the old one was left.
 */
static or_status
each(void *self, account_visit visit, void *context, struct err *e)
{
    struct passwd_file *f = self;
    struct arena here, next;
    struct account_row row = {.enabled = false};
    or_status st;

    look(f);
    arena_init(&here, ROW_BYTES);
    arena_init(&next, ROW_BYTES);
    while ((st = next_row(f, row.address.whole, &next, &row, e)) == OR_OK && visit(context, &row)) {
        struct arena spare = here;

        here = next; /* has the name to go on from */
        next = spare;
        arena_reset(&next);
    }
    arena_fini(&here);
    arena_fini(&next);
    return st == OR_ABSENT ? OR_OK : st;
}

static void
close_file(void *self)
{
    struct passwd_file *f = self;

    passwd_table_free(f->table);
    lock_fini(&f->lock);
    free(f->path);
    free(f);
}

static const struct account_source_type type = {
    .kind = "passwd-file",
    .find = find,
    .find_domain = find_domain,
    .each = each,
    .close = close_file,
};

or_status
passwd_file_open(const char *path, const char *name, struct account_source *source_out,
                 struct err *e)
{
    struct passwd_table *table = NULL;
    struct stat seen;
    or_status st = read_table(path, &seen, &table, e);

    if (st != OR_OK)
        return st;
    struct passwd_file *f = xcalloc(1, sizeof(*f));
    f->path = xstrdup(path);
    lock_init(&f->lock, LOCK_PASSWD_FILE);
    f->table = table;
    f->seen = seen;
    f->looked_mono_ms = clock_mono_ms();
    *source_out = (struct account_source){.type = &type, .self = f, .name = name};
    return OR_OK;
}
