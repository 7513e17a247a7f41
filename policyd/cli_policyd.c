/* Configuration and store for the verbs of policyd. */
#include "policyd/cli_policyd.h"

#include <limits.h>

int
cli_policyd_load(const struct cli *cli, struct policyd_settings **settings_out)
{
    char path[PATH_MAX];
    void *settings = NULL;
    struct err e;

    conf_default_path(policyd_conf_schema.daemon, path, sizeof(path));
    or_status st =
        conf_load(&policyd_conf_schema, cli->config != NULL ? cli->config : path, &settings, &e);
    if (st != OR_OK)
        return cli_fail_status(cli, st, &e);
    *settings_out = settings;
    return CLI_YES;
}

void
cli_policyd_free(struct policyd_settings *settings)
{
    if (settings != NULL)
        conf_free(&policyd_conf_schema, settings);
}

or_status
cli_policyd_open_store(const struct policyd_settings *settings, bool read_only,
                       struct kvstore **store_out, struct err *e)
{
    const struct kvstore_settings store = {.address = settings->store,
                                           .password_file = settings->store_password_file,
                                           .timeout_ms = settings->store_timeout_ms,
                                           .read_only = read_only};

    if (settings->store[0] == '\0')
        return err_set(e, OR_ABSENT, "the configuration names no store");
    return kvstore_open(&store, store_out, e);
}

void
cli_policyd_format_time(int64_t time_ms, char out[32])
{
    time_t when = (time_t)(time_ms / 1000);
    struct tm tm;

    strftime(out, 32, "%Y-%m-%d %H:%M:%S", localtime_r(&when, &tm));
}
