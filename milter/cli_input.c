/*
 * Reading what the command line names: messages, the milter's own configuration.
 */
#include "milter/cli_input.h"

#include "milter/milter_conf.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

static or_status
read_stream(FILE *f, struct buf *out, struct err *e)
{
    char chunk[READ_BYTES];
    char before = '\0';
    size_t n;

    while ((n = fread(chunk, 1, sizeof(chunk), f)) != 0) {
        for (size_t i = 0; i < n; before = chunk[i++]) {
            if (chunk[i] == '\n' && before != '\r')
                buf_add_char(out, '\r');
            buf_add_char(out, chunk[i]);
        }
    }
    if (ferror(f) != 0)
        return err_set(e, OR_CONFIG, "cannot read the message: %s", os_error_text(errno));
    return buf_finish(out) == OR_OK ? OR_OK : err_set(e, OR_LIMIT, "the message is too large");
}

or_status
cli_input_message(const char *path, struct buf *out, struct err *e)
{
    if (strcmp(path, "-") == 0)
        return read_stream(stdin, out, e);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    or_status st = read_stream(f, out, e);
    fclose(f);
    return st;
}

/* --OPTION=DIR, or what `field` of the milter's settings says, or their default. */
static int
find_directory(const struct cli *cli, const char *option, size_t field, char out[PATH_MAX])
{
    const char *directory = cli_option(cli, option);
    char path[PATH_MAX];
    void *settings = NULL;
    struct err e;

    if (directory != NULL) {
        snprintf(out, PATH_MAX, "%s", directory);
        return CLI_YES;
    }
    conf_default_path(milter_schema.daemon, path, sizeof(path));
    if (cli->config == NULL && access(path, F_OK) != 0)
        return CLI_YES;
    or_status st =
        conf_load(&milter_schema, cli->config != NULL ? cli->config : path, &settings, &e);
    if (st != OR_OK)
        return cli_fail_status(cli, st, &e);
    snprintf(out, PATH_MAX, "%s", *(char *const *)((const char *)settings + field));
    conf_free(&milter_schema, settings);
    return CLI_YES;
}

int
cli_input_directory(const struct cli *cli, char directory_out[PATH_MAX])
{
    snprintf(directory_out, PATH_MAX, "%s/dkim", OUTRIDER_SYSCONFDIR);
    return find_directory(cli, "directory", offsetof(struct milter_settings, key_directory),
                          directory_out);
}

int
cli_input_state_directory(const struct cli *cli, char directory_out[PATH_MAX])
{
    snprintf(directory_out, PATH_MAX, "%s", MILTER_STATE_DIRECTORY);
    return find_directory(cli, "state-directory", offsetof(struct milter_settings, state_directory),
                          directory_out);
}
