/*
 * Each file is written beside its place and renamed into it, so that the web server never serves
 * half of one. The paths are those that the mail programs ask for.
 */
#include "common/cli/cli_client_config.h"

#include "common/cli/client_config.h"
#include "common/text/domain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEM_MAX_BYTES 65536 /* names and paths of one run */

const char *const cli_client_config_options[] = {"directory=DIR", "host=HOST", "name=TEXT", NULL};

typedef void (*document_fn)(const struct client_config *c, struct buf *out);

struct document {
    const char *path; /* below the web server's root; "": DOMAIN.mobileconfig */
    document_fn write;
};

static const struct document documents[] = {
    {".well-known/autoconfig/mail/config-v1.1.xml", client_config_autoconfig},
    /* Below the root of autoconfig.DOMAIN. */
    {"mail/config-v1.1.xml", client_config_autoconfig},
    {"autodiscover/autodiscover.xml", client_config_autodiscover},
    {"", client_config_mobileconfig},
};

struct job {
    struct arena mem;
    struct client_config config;
    const char *directory;
    json_t *files;
};

static or_status
canonical(struct job *job, const char *what, const char *text, struct span *out, struct err *e)
{
    if (domain_canonical(span_cstr(text), &job->mem, out, e) != OR_OK)
        return err_wrap(e, OR_MALFORMED, "%s \"%s\"", what, text);
    /* It becomes part of a file name: no '/', no "..". */
    if (!domain_is_hostname(*out))
        return err_set(e, OR_MALFORMED, "%s \"%s\" is no host name", what, text);
    return OR_OK;
}

static or_status
take_arguments(struct cli *cli, struct job *job, struct err *e)
{
    const char *host = cli_option(cli, "host"), *name = cli_option(cli, "name");
    const char *directory = cli_option(cli, "directory");
    or_status st = canonical(job, "domain", cli->argv[0], &job->config.domain, e);

    if (st != OR_OK)
        return st;
    job->directory = directory == NULL ? "." : directory;
    if (host == NULL)
        host = arena_printf(&job->mem, "mail.%.*s", SPAN_ARG(job->config.domain));
    if (host == NULL)
        return err_set(e, OR_LIMIT, "the arguments are too long");
    job->config.name = name == NULL ? job->config.domain : span_cstr(name);
    if (!client_config_is_text(job->config.name))
        return err_set(e, OR_MALFORMED, "--name: 1 to %d bytes of UTF-8 without control characters",
                       CLIENT_CONFIG_MAX_NAME_BYTES);
    return canonical(job, "host", host, &job->config.host, e);
}

/* mkdir -p of all that stands before the last '/'. `path` is changed and put back. */
static or_status
make_parents(char *path, struct err *e)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(path, 0755) == 0 || errno == EEXIST;

        if (!made)
            err_set(e, OR_CONFIG, "cannot make %s: %s", path, os_error_text(errno));
        *slash = '/';
        if (!made)
            return OR_CONFIG;
    }
    return OR_OK;
}

static bool
write_all(int fd, struct span s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = span_from(s, (size_t)n);
    }
    return true;
}

static or_status
write_file(struct job *job, const char *path, struct span text, struct err *e)
{
    char *temporary = arena_printf(&job->mem, "%s.XXXXXX", path);
    int fd = temporary == NULL ? -1 : mkstemp(temporary);

    if (temporary == NULL)
        return err_set(e, OR_LIMIT, "the path is too long");
    if (fd < 0)
        return err_set(e, OR_CONFIG, "cannot write %s: %s", path, os_error_text(errno));
    /* The web server is another user. */
    bool ok = write_all(fd, text) && fchmod(fd, 0644) == 0;

    ok = close(fd) == 0 && ok;
    if (ok && rename(temporary, path) == 0)
        return OR_OK;
    err_set(e, OR_CONFIG, "cannot write %s: %s", path, os_error_text(errno));
    unlink(temporary);
    return OR_CONFIG;
}

static or_status
write_document(struct job *job, const struct document *d, struct err *e)
{
    char *path = d->path[0] != '\0' ? arena_printf(&job->mem, "%s/%s", job->directory, d->path)
                                    : arena_printf(&job->mem, "%s/%.*s.mobileconfig",
                                                   job->directory, SPAN_ARG(job->config.domain));
    struct buf text;

    if (path == NULL)
        return err_set(e, OR_LIMIT, "the path is too long");
    buf_init(&text, CLIENT_CONFIG_MAX_BYTES);
    d->write(&job->config, &text);
    or_status st = buf_finish(&text);

    if (st != OR_OK)
        err_set(e, st, "%s would be too long", path);
    if (st == OR_OK)
        st = make_parents(path, e);
    if (st == OR_OK)
        st = write_file(job, path, buf_span(&text), e);
    if (st == OR_OK)
        json_array_append_new(job->files, cli_json_text(&job->mem, span_cstr(path)));
    buf_fini(&text);
    return st;
}

static int
print_files(const struct cli *cli, const struct job *job)
{
    if (cli->json) {
        cli_print_json(json_pack("{s:O}", "files", job->files));
        return CLI_YES;
    }
    for (size_t i = 0; i < json_array_size(job->files); i++) {
        const char *path = json_string_value(json_array_get(job->files, i));

        printf("%s\n", path != NULL ? path : "");
    }
    return CLI_YES;
}

int
cli_client_config(struct cli *cli)
{
    struct job job = {.files = json_array()};
    struct err e = {.text = ""};

    arena_init(&job.mem, MEM_MAX_BYTES);
    or_status st = take_arguments(cli, &job, &e);

    for (size_t i = 0; st == OR_OK && i < sizeof(documents) / sizeof(documents[0]); i++)
        st = write_document(&job, &documents[i], &e);
    int status = st == OR_OK ? print_files(cli, &job) : cli_fail_status(cli, st, &e);

    json_decref(job.files);
    arena_fini(&job.mem);
    return status;
}
