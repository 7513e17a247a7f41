/*
 * Lines as accounts/passwd_line.h reads them. A file takes the old one's place whole: whoever reads
 * it meanwhile has the one or the other.
 */
#include "authd/cli_user_export.h"

#include "authd/accounts/account_db.h"
#include "authd/cli_login_log.h"
#include "authd/mail_home.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROW_BYTES 65536
#define FILE_MODE 0600 /* it holds hashes; an old file's mode stays */

const char *const cli_user_export_options[] = {"database=PATH", "passwd-file=PATH", NULL};

struct exporting {
    const struct authd_settings *settings; /* NULL: homes and owners are left to Dovecot */
    FILE *out;
    size_t count;
    or_status status;
};

static void
print_id(FILE *out, int64_t own, const struct authd_settings *settings, int64_t site)
{
    int64_t id = own >= 0 || settings == NULL ? own : site;

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
    const struct authd_settings *s = x->settings;
    struct span home = row->home;
    struct arena mem;

    arena_init(&mem, ROW_BYTES);
    if (home.n == 0 && s != NULL)
        x->status = mail_home_expand(s->mail_home, &row->address, &mem, &home);
    fprintf(x->out, "%.*s:%.*s:", SPAN_ARG(row->address.whole), SPAN_ARG(row->password));
    print_id(x->out, row->uid, s, s != NULL ? s->mail_uid : -1);
    print_id(x->out, row->gid, s, s != NULL ? s->mail_gid : -1);
    fprintf(x->out, ":%.*s::", SPAN_ARG(home));
    print_extra(x->out, row);
    putc('\n', x->out);
    arena_fini(&mem);
    x->count++;
    return x->status == OR_OK && !ferror(x->out);
}

static or_status
print_all(struct exporting *x, const char *database, struct err *e)
{
    struct account_db *db = NULL;
    or_status st = account_db_open(database, false, &db, e);

    if (st == OR_OK)
        st = account_db_each(db, print_row, x, e);
    account_db_close(db);
    if (st == OR_OK && x->status != OR_OK)
        st = err_set(e, x->status, "a home is too long");
    if (st == OR_OK && (fflush(x->out) != 0 || ferror(x->out)))
        st = err_set(e, OR_TEMPFAIL, "cannot write: %s", os_error_text(errno));
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

static or_status
write_temporary(struct exporting *x, const char *database, const char *temporary, const char *path,
                struct err *e)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

    x->out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (x->out == NULL) {
        if (fd >= 0)
            close(fd);
        return err_set(e, OR_CONFIG, "%s: %s", temporary, os_error_text(errno));
    }
    take_after(fd, path);
    or_status st = print_all(x, database, e);
    if (st == OR_OK && fsync(fd) != 0)
        st = err_set(e, OR_TEMPFAIL, "%s: %s", temporary, os_error_text(errno));
    fclose(x->out);
    return st;
}

static or_status
export_to(struct exporting *x, const char *database, const char *path, struct err *e)
{
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof(temporary), "%s.new", path);

    if (n < 0 || (size_t)n >= sizeof(temporary))
        return err_set(e, OR_CONFIG, "--passwd-file: the path is too long");
    or_status st = write_temporary(x, database, temporary, path, e);
    if (st == OR_OK && rename(temporary, path) != 0)
        st = err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    if (st != OR_OK) {
        (void)unlink(temporary);
        return st;
    }
    return sync_directory_of(path, e);
}

static int
report(const struct cli *cli, const struct exporting *x, const char *path)
{
    if (cli->json)
        cli_print_json(json_pack("{s:s, s:I}", "exported", path, "accounts", (json_int_t)x->count));
    else
        printf("exported %zu accounts to %s\n", x->count, path);
    return CLI_YES;
}

int
cli_user_export(struct cli *cli)
{
    const char *path = cli_option(cli, "passwd-file"), *database = cli_option(cli, "database");
    struct authd_settings *settings = NULL;
    struct exporting x = {.out = stdout};
    struct err e = {""};
    int status = cli_authd_load(cli, &settings);

    if (status != CLI_YES)
        return status;
    x.settings = settings;
    if (database == NULL)
        database = settings != NULL ? settings->database : AUTHD_DEFAULT_DATABASE;
    or_status st = path != NULL ? export_to(&x, database, path, &e) : print_all(&x, database, &e);
    if (st != OR_OK)
        status = cli_fail_status(cli, st, &e);
    else if (path != NULL)
        status = report(cli, &x, path);
    cli_authd_free(settings);
    return status;
}
