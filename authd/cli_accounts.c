/*
 * Opens the accounts for a verb, as the daemon would find them.
 */
#include "authd/cli_accounts.h"

#include "authd/accounts/password_make.h"
#include "authd/authd_conf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define CLI_ACCOUNTS_BYTES (1024 * 1024) /* a thousand targets of the longest kind fit */

/* What the configuration says: the path into `out`. Without a file the defaults hold. OR_CONFIG. */
static or_status
read_configuration(struct cli_accounts *a, char *out, size_t out_bytes)
{
    const struct cli *cli = a->cli;
    char conf_path[PATH_MAX];
    void *settings = NULL;

    if (cli->config != NULL) {
        snprintf(conf_path, sizeof(conf_path), "%s", cli->config);
    } else {
        conf_default_path(authd_schema.daemon, conf_path, sizeof(conf_path));
        if (access(conf_path, F_OK) != 0 && errno == ENOENT) {
            snprintf(out, out_bytes, "%s", AUTHD_DEFAULT_DATABASE);
            return OR_OK;
        }
    }
    or_status st = conf_load(&authd_schema, conf_path, &settings, &a->e);

    if (st != OR_OK)
        return st;
    snprintf(out, out_bytes, "%s", ((const struct authd_settings *)settings)->database);
    a->password_scheme = ((const struct authd_settings *)settings)->password_scheme;
    conf_free(&authd_schema, settings);
    return OR_OK;
}

/* --database says where; the configuration, where there is one that can be read, says the rest. */
static or_status
configure(struct cli_accounts *a, char *out, size_t out_bytes)
{
    const char *named = cli_option(a->cli, "database");
    or_status st = OR_OK;

    if (named == NULL || a->cli->config != NULL)
        st = read_configuration(a, out, out_bytes);
    if (st == OR_OK && named != NULL)
        snprintf(out, out_bytes, "%s", named);
    return st;
}

int
cli_accounts_begin(struct cli_accounts *a, const struct cli *cli, enum cli_accounts_mode mode)
{
    char path[PATH_MAX];

    *a = (struct cli_accounts){.cli = cli, .password_scheme = PASSWORD_YESCRYPT};
    arena_init(&a->mem, CLI_ACCOUNTS_BYTES);
    or_status st = configure(a, path, sizeof(path));

    /* A mistyped path must not leave an empty database behind. */
    if (st == OR_OK && mode == CLI_ACCOUNTS_CHANGE && access(path, F_OK) != 0 && errno == ENOENT)
        st = err_set(&a->e, OR_ABSENT,
                     "%s: there is no accounts database yet; outrider domain add makes it", path);
    if (st == OR_OK)
        st = account_db_open(path, mode != CLI_ACCOUNTS_READ, &a->db, &a->e);
    return st == OR_OK ? CLI_YES : cli_fail_status(cli, st, &a->e);
}

void
cli_accounts_end(struct cli_accounts *a)
{
    account_db_close(a->db);
    arena_fini(&a->mem);
}

int
cli_accounts_domain(struct cli_accounts *a, const char *text, struct span *domain_out)
{
    or_status st = account_domain_parse(span_cstr(text), &a->mem, domain_out, &a->e);

    return st == OR_OK ? CLI_YES : cli_fail_status(a->cli, st, &a->e);
}

int
cli_accounts_address(struct cli_accounts *a, const char *text, bool catch_all_ok,
                     struct account_address *address_out)
{
    or_status st =
        account_address_parse(span_cstr(text), catch_all_ok, &a->mem, address_out, &a->e);

    return st == OR_OK ? CLI_YES : cli_fail_status(a->cli, st, &a->e);
}

int
cli_accounts_filter(struct cli_accounts *a, struct span *domain_out)
{
    *domain_out = SPAN_EMPTY;
    if (a->cli->argc == 0)
        return CLI_YES;
    int status = cli_accounts_domain(a, a->cli->argv[0], domain_out);

    if (status != CLI_YES)
        return status;
    or_status st = account_db_find_domain(a->db, *domain_out, &a->e);

    if (st == OR_ABSENT)
        return cli_fail(a->cli, CLI_NO, "there is no domain %.*s", SPAN_ARG(*domain_out));
    return st == OR_OK ? CLI_YES : cli_accounts_fail(a, st);
}

int
cli_accounts_fail(const struct cli_accounts *a, or_status st)
{
    return cli_fail_status(a->cli, st, &a->e);
}

int
cli_accounts_report(struct cli_accounts *a, or_status st, const char *done, struct span name)
{
    /* The command line was right; it is the accounts that say no. */
    if (st == OR_MALFORMED)
        return cli_fail(a->cli, CLI_NO, "%s", a->e.text);
    if (st != OR_OK)
        return cli_accounts_fail(a, st);
    if (a->cli->json)
        cli_print_json(json_pack("{s:o}", done, json_stringn(name.p, name.n)));
    else
        printf("%s %.*s\n", done, SPAN_ARG(name));
    return CLI_YES;
}
