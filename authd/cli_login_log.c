/*
 * One line for each login: when, then what its log line said.
 */
#include "authd/cli_login_log.h"

#include "authd/accounts/account_db.h"
#include "common/run/decisions.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define RECORD_BYTES ((size_t)1 << 20)
#define LINES 200
#define ADDRESS_BYTES 4096

const char *const cli_login_log_options[] = {"file=PATH", NULL};

int
cli_authd_load(const struct cli *cli, struct authd_settings **settings_out)
{
    char path[PATH_MAX];
    void *settings = NULL;
    struct err e = {""};

    *settings_out = NULL;
    conf_default_path(authd_schema.daemon, path, sizeof(path));
    if (cli->config == NULL && access(path, F_OK) != 0)
        return CLI_YES;
    or_status st =
        conf_load(&authd_schema, cli->config != NULL ? cli->config : path, &settings, &e);
    if (st != OR_OK)
        return cli_fail_status(cli, st, &e);
    *settings_out = settings;
    return CLI_YES;
}

void
cli_authd_free(struct authd_settings *settings)
{
    if (settings != NULL)
        conf_free(&authd_schema, settings);
}

static void
format_time(int64_t time_ms, char out[32])
{
    time_t when = (time_t)(time_ms / 1000);
    struct tm tm;

    strftime(out, 32, "%Y-%m-%d %H:%M:%S", localtime_r(&when, &tm));
}

static json_t *
json_login(const struct decision *d, struct arena *mem)
{
    struct span rest = d->text, key, value;
    json_t *login = json_object();
    char when[32];

    format_time(d->time_ms, when);
    json_object_set_new(login, "time", json_string(when));
    while (decision_next_pair(&rest, &key, &value)) {
        char *name = arena_strdup(mem, key);

        if (name != NULL)
            json_object_set_new(login, name, cli_json_text(mem, value));
    }
    return login;
}

static void
print_login(const struct decision *d, struct arena *mem)
{
    struct span rest = d->text, key, value;
    char when[32];

    format_time(d->time_ms, when);
    printf("%s ", when);
    while (decision_next_pair(&rest, &key, &value))
        printf(" %.*s=%.*s", SPAN_ARG(cli_printable(mem, key)),
               SPAN_ARG(cli_printable(mem, value)));
    putchar('\n');
}

struct printing {
    json_t *list;
    size_t *count;
};

static bool
take(void *context, const struct decision *d)
{
    const struct printing *p = context;
    struct arena mem;

    arena_init(&mem, RECORD_BYTES);
    if (p->list != NULL)
        json_array_append_new(p->list, json_login(d, &mem));
    else
        print_login(d, &mem);
    arena_fini(&mem);
    ++*p->count;
    return true;
}

or_status
cli_login_log_print(const char *path, struct span name, json_t *list, size_t *count, struct err *e)
{
    struct printing p = {list, count};
    or_status st = decisions_last(path, name, LINES, take, &p, e);

    return st == OR_ABSENT ? OR_OK : st;
}

static int
print_all(const struct cli *cli, const char *path)
{
    json_t *list = cli->json ? json_array() : NULL;
    struct account_address address;
    struct arena mem;
    struct err e = {""};
    size_t count = 0;
    int status = CLI_YES;

    arena_init(&mem, ADDRESS_BYTES);
    or_status st = account_address_parse(span_cstr(cli->argv[0]), false, &mem, &address, &e);
    if (st == OR_OK)
        st = cli_login_log_print(path, address.whole, list, &count, &e);
    if (st != OR_OK)
        status = cli_fail_status(cli, st, &e);
    else if (count == 0)
        status = cli_fail(cli, CLI_NO, "no login of %s is kept in %s", cli->argv[0], path);
    else if (cli->json)
        cli_print_json(json_pack("{s:O}", "logins", list));
    json_decref(list);
    arena_fini(&mem);
    return status;
}

int
cli_login_log(struct cli *cli)
{
    const char *file = cli_option(cli, "file");
    struct authd_settings *settings = NULL;
    int status = file == NULL ? cli_authd_load(cli, &settings) : CLI_YES;

    if (status != CLI_YES)
        return status;
    if (file == NULL)
        file = settings != NULL ? settings->logins : AUTHD_DEFAULT_LOGINS;
    if (file[0] == '\0')
        status = cli_fail(cli, CLI_CONFIG, "the configuration keeps no logins");
    else
        status = print_all(cli, file);
    cli_authd_free(settings);
    return status;
}
