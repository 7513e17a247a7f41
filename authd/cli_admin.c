/*
 * outrider admin: a user is named as the system knows him, or by his uid.
 */
#include "authd/cli_admin.h"

#include "authd/cli_accounts.h"
#include "common/run/sysuser.h"

#include <stdio.h>

const char *const cli_admin_list_options[] = {"database=PATH", NULL};
const char *const cli_admin_options[] = {"database=PATH", "system", "domain=DOMAIN",
                                         "owner=ADDRESS", NULL};

static int
put_user(const struct cli *cli, json_t *request)
{
    const char *name = cli->argv[0];
    uint64_t number = 0;
    uid_t uid = 0;
    gid_t gid;

    /* A uid whose user is gone can still be named. */
    if (span_parse_u64(span_cstr(name), UINT32_MAX - 1, &number) == OR_OK)
        uid = (uid_t)number;
    else if (sysuser_find(name, &uid, &gid) != OR_OK)
        return cli_fail(cli, CLI_NO, "there is no user %s on this machine", name);
    json_object_set_new(request, "uid", json_integer((json_int_t)uid));
    cli_accounts_put(request, "name", span_cstr(name));
    return CLI_YES;
}

static int
put_role(struct cli_accounts *a, json_t *request)
{
    const char *domain = cli_option(a->cli, "domain"), *owner = cli_option(a->cli, "owner");
    int given = (domain != NULL) + (owner != NULL) + (cli_option(a->cli, "system") != NULL);
    struct account_address address;
    struct span name;
    int status = CLI_YES;

    if (given != 1)
        return cli_fail(a->cli, CLI_USAGE, "one of --system, --domain and --owner");
    if (domain != NULL && (status = cli_accounts_domain(a, domain, &name)) == CLI_YES)
        cli_accounts_put(request, "domain", name);
    if (owner != NULL && (status = cli_accounts_address(a, owner, false, &address)) == CLI_YES)
        cli_accounts_put(request, "owner", address.whole);
    return status;
}

static int
change(struct cli *cli, const char *command, const char *done)
{
    struct cli_accounts a;
    json_t *request = cli_accounts_request(command, "", SPAN_EMPTY);
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = put_user(cli, request);
    if (status == CLI_YES)
        status = put_role(&a, request);
    if (status == CLI_YES)
        status = cli_accounts_change(&a, json_incref(request), done, span_cstr(cli->argv[0]));
    json_decref(request);
    cli_accounts_end(&a);
    return status;
}

int
cli_admin_add(struct cli *cli)
{
    return change(cli, "admin-add", "added");
}

int
cli_admin_del(struct cli *cli)
{
    return change(cli, "admin-del", "deleted");
}

static bool
print(void *context, json_t *row)
{
    const char *domain = json_string_value(json_object_get(row, "domain"));
    const char *owner = json_string_value(json_object_get(row, "owner"));

    (void)context;
    printf("%s uid=%" JSON_INTEGER_FORMAT, json_string_value(json_object_get(row, "name")),
           json_integer_value(json_object_get(row, "uid")));
    if (domain != NULL)
        printf(" domain=%s\n", domain);
    else if (owner != NULL)
        printf(" owner=%s\n", owner);
    else
        puts(" system");
    return true;
}

int
cli_admin_list(struct cli *cli)
{
    struct cli_accounts a;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_READ);

    if (status == CLI_YES)
        status = cli_accounts_list(&a, cli_accounts_request("admin-list", "", SPAN_EMPTY), "admins",
                                   print);
    cli_accounts_end(&a);
    return status;
}
