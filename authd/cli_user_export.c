/*
 * outrider user export.
 */
#include "authd/cli_user_export.h"

#include "authd/cli_login_log.h"
#include "authd/passwd_export.h"

const char *const cli_user_export_options[] = {"database=PATH", "passwd-file=PATH", NULL};

static int
report(const struct cli *cli, size_t count, const char *path)
{
    if (cli->json)
        cli_print_json(json_pack("{s:s, s:I}", "exported", path, "accounts", (json_int_t)count));
    else
        printf("exported %zu accounts to %s\n", count, path);
    return CLI_YES;
}

static or_status
export_accounts(const struct passwd_site *site, const char *database, const char *path,
                size_t *count_out, struct err *e)
{
    struct account_db *db = NULL;
    or_status st = account_db_open(database, false, &db, e);

    if (st == OR_OK)
        st = path != NULL ? passwd_export_file(site, db, path, count_out, e)
                          : passwd_export_print(site, db, stdout, count_out, e);
    account_db_close(db);
    return st;
}

int
cli_user_export(struct cli *cli)
{
    const char *path = cli_option(cli, "passwd-file"), *database = cli_option(cli, "database");
    struct authd_settings *settings = NULL;
    struct passwd_site site = {.mail_home = NULL};
    struct err e = {""};
    size_t count = 0;
    int status = cli_authd_load(cli, &settings);

    if (status != CLI_YES)
        return status;
    if (settings != NULL)
        site = (struct passwd_site){settings->mail_home, settings->mail_uid, settings->mail_gid};
    if (database == NULL)
        database = settings != NULL ? settings->database : AUTHD_DEFAULT_DATABASE;
    or_status st = export_accounts(settings != NULL ? &site : NULL, database, path, &count, &e);
    if (st != OR_OK)
        status = cli_fail_status(cli, st, &e);
    else if (path != NULL)
        status = report(cli, count, path);
    cli_authd_free(settings);
    return status;
}
