/*
 * Lines, then the file around them.
 */
#include "authd/passwd_export.h"

#include "authd/mail_home.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROW_BYTES 65536
#define FILE_MODE 0600 /* it holds hashes; an old file's mode stays */

struct exporting {
    const struct passwd_site *site;
    FILE *out;
    size_t count;
    or_status status;
};

static void
print_id(FILE *out, int64_t own, int64_t site)
{
    int64_t id = own >= 0 ? own : site;

    if (id >= 0)
        fprintf(out, "%" PRId64, id);
    putc(':', out);
}

/* Quota in bytes, as Dovecot writes it ("B" since 2.2), then messages. */
static void
print_extra(FILE *out, const struct account_row *row)
{
    if (row->quota.bytes > 0 || row->quota.messages > 0)
        fputs("userdb_quota_rule=*", out);
    if (row->quota.bytes > 0)
        fprintf(out, ":bytes=%" PRId64, row->quota.bytes);
    if (row->quota.messages > 0)
        fprintf(out, ":messages=%" PRId64, row->quota.messages);
    if (!row->enabled || row->app_passwords_only)
        fprintf(out, "%snologin", row->quota.bytes > 0 || row->quota.messages > 0 ? " " : "");
}

static bool
print_row(void *context, const struct account_row *row)
{
    struct exporting *x = context;
    const struct passwd_site *s = x->site;
    struct span home = row->home;
    struct arena mem;

    arena_init(&mem, ROW_BYTES);
    if (home.n == 0 && s != NULL)
        x->status = mail_home_expand(s->mail_home, &row->address, &mem, &home);
    fprintf(x->out, "%.*s:%.*s:", SPAN_ARG(row->address.whole), SPAN_ARG(row->password));
    print_id(x->out, row->uid, s != NULL ? s->mail_uid : -1);
    print_id(x->out, row->gid, s != NULL ? s->mail_gid : -1);
    fprintf(x->out, ":%.*s::", SPAN_ARG(home));
    print_extra(x->out, row);
    putc('\n', x->out);
    arena_fini(&mem);
    x->count++;
    return x->status == OR_OK && !ferror(x->out);
}

or_status
passwd_export_print(const struct passwd_site *site, struct account_db *db, FILE *out,
                    size_t *count_out, struct err *e)
{
    struct exporting x = {.site = site, .out = out};
    or_status st = account_db_each(db, print_row, &x, e);

    if (st == OR_OK && x.status != OR_OK)
        st = err_set(e, x.status, "a home is too long");
    if (st == OR_OK && (fflush(out) != 0 || ferror(out)))
        st = err_set(e, OR_TEMPFAIL, "cannot write: %s", os_error_text(errno));
    *count_out = x.count;
    return st;
}

/* ---- to a file */

static or_status
sync_directory_of(const char *path, struct err *e)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash != NULL && slash != path ? (size_t)(slash - path) : 1;

    snprintf(directory, sizeof(directory), "%.*s", (int)n, slash != NULL ? path : ".");
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return done ? OR_OK : err_set(e, OR_TEMPFAIL, "%s: %s", directory, os_error_text(errno));
}

/* Owner, group and mode of the file that is replaced, as far as we may. */
static void
take_after(int fd, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return;
    if (fchown(fd, st.st_uid, st.st_gid) == 0)
        (void)!fchmod(fd, st.st_mode & 0777);
}

struct target {
    const char *path;
    char temporary[PATH_MAX];
};

static or_status
write_temporary(const struct passwd_site *site, struct account_db *db, const struct target *t,
                size_t *count_out, struct err *e)
{
    int fd = open(t->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (out == NULL) {
        if (fd >= 0)
            close(fd);
        return err_set(e, OR_CONFIG, "%s: %s", t->temporary, os_error_text(errno));
    }
    take_after(fd, t->path);
    or_status st = passwd_export_print(site, db, out, count_out, e);
    if (st == OR_OK && fsync(fd) != 0)
        st = err_set(e, OR_TEMPFAIL, "%s: %s", t->temporary, os_error_text(errno));
    fclose(out);
    return st;
}

or_status
passwd_export_file(const struct passwd_site *site, struct account_db *db, const char *path,
                   size_t *count_out, struct err *e)
{
    struct target t = {.path = path};
    int n = snprintf(t.temporary, sizeof(t.temporary), "%s.new", path);

    if (n < 0 || (size_t)n >= sizeof(t.temporary))
        return err_set(e, OR_CONFIG, "%s: the path is too long", path);
    or_status st = write_temporary(site, db, &t, count_out, e);
    if (st == OR_OK && rename(t.temporary, path) != 0)
        st = err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    if (st != OR_OK) {
        (void)unlink(t.temporary);
        return st;
    }
    return sync_directory_of(path, e);
}
