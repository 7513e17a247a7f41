/*
 * outrider dkim import-opendkim [FILE]: an OpenDKIM configuration as milter.conf and key directory,
 * with a report of every directive. Nothing is written before the milter's own loader has accepted
 * the result, and no file is replaced unless --force says so.
 */
#include "milter/cli_dkim.h"

#include "common/base/xalloc.h"
#include "milter/cli_dkim_import_keys.h"
#include "milter/milter_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_SOURCE "/etc/opendkim.conf"
#define SOURCE_MAX_BYTES ((size_t)8 << 20) /* of one file */
#define MEM_BYTES ((size_t)128 << 20)      /* files, rules and notes of one import */

const char *const cli_dkim_import_options[] = {"output=DIR", "dry-run",    "observe", "copy-keys",
                                               "force",      "owner=USER", NULL};

struct job {
    struct cli *cli;
    struct arena mem;
    struct opendkim_import import;
    bool dry_run;
    char directory[PATH_MAX]; /* of --output, absolute */
    char key_directory[PATH_MAX + sizeof("/dkim")];
    char path[PATH_MAX + sizeof("/milter.conf")];
};

static or_status
read_file(void *context, const char *path, struct span *text_out, struct err *e)
{
    struct job *job = context;
    struct stat info;
    FILE *f = path != NULL ? fopen(path, "rb") : NULL;

    if (f == NULL)
        return err_set(e, OR_CONFIG, "%s: %s", path != NULL ? path : "?", os_error_text(errno));
    bool ok = fstat(fileno(f), &info) == 0 && S_ISREG(info.st_mode) &&
              (uint64_t)info.st_size <= SOURCE_MAX_BYTES;
    char *bytes = ok ? arena_alloc(&job->mem, (size_t)info.st_size + 1) : NULL;
    size_t n = bytes != NULL ? fread(bytes, 1, (size_t)info.st_size, f) : 0;
    fclose(f);
    if (bytes == NULL)
        return err_set(e, OR_CONFIG, "%s: not a file of at most 8 MiB", path);
    *text_out = span_make(bytes, n);
    return OR_OK;
}

static int
find_places(struct job *job)
{
    const char *output = cli_option(job->cli, "output");

    if (output != NULL && job->dry_run)
        return cli_fail(job->cli, CLI_USAGE, "say --output or --dry-run, not both");
    if (output == NULL)
        output = OUTRIDER_SYSCONFDIR;
    if (!job->dry_run && mkdir(output, 0755) != 0 && errno != EEXIST)
        return cli_fail(job->cli, CLI_CONFIG, "%s: %s", output, os_error_text(errno));
    if (realpath(output, job->directory) == NULL)
        snprintf(job->directory, sizeof(job->directory), "%s", output);
    snprintf(job->key_directory, sizeof(job->key_directory), "%s/dkim", job->directory);
    snprintf(job->path, sizeof(job->path), "%s/milter.conf", job->directory);
    if (!opendkim_import_quotable(span_cstr(job->key_directory)))
        return cli_fail(job->cli, CLI_USAGE, "--output: choose a plain path");
    if (!job->dry_run && cli_option(job->cli, "force") == NULL && access(job->path, F_OK) == 0)
        return cli_fail(job->cli, CLI_CONFIG, "%s exists; choose another --output, or say --force",
                        job->path);
    return CLI_YES;
}

static int
convert(struct job *job)
{
    struct opendkim_reader reader = {.read = read_file, .context = job};
    struct err e = {.text = ""};

    job->import.mem = &job->mem;
    job->import.reader = &reader;
    job->import.observe = cli_option(job->cli, "observe") != NULL;
    job->import.key_directory = job->key_directory;
    or_status st =
        opendkim_import(&job->import, job->cli->argc > 0 ? job->cli->argv[0] : DEFAULT_SOURCE, &e);
    job->import.reader = NULL;
    return st == OR_OK ? CLI_YES : cli_fail_status(job->cli, st, &e);
}

static bool
write_all(int fd, struct span bytes)
{
    while (bytes.n != 0) {
        ssize_t done = write(fd, bytes.p, bytes.n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes = span_from(bytes, (size_t)done);
    }
    return true;
}

/* The loader that the daemon will use, on a file that nobody else sees. */
static int
check_result(struct job *job)
{
    char path[64];
    void *settings = NULL;
    struct err e = {.text = ""};
    int fd = memfd_create("milter.conf", MFD_CLOEXEC);

    if (fd < 0 || !write_all(fd, buf_span(&job->import.conf))) {
        if (fd >= 0)
            close(fd);
        return cli_fail(job->cli, CLI_TEMPFAIL, "no memory: %s", os_error_text(errno));
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    or_status st = conf_load(&milter_schema, path, &settings, &e);
    close(fd);
    if (st != OR_OK)
        return cli_fail(job->cli, CLI_CONFIG, "the milter would refuse the result: %s", e.text);
    conf_free(&milter_schema, settings);
    return CLI_YES;
}

static int
place_keys(struct job *job)
{
    const char *owner = cli_option(job->cli, "owner");
    struct err e = {.text = ""};
    struct cli_import_keys how = {
        .directory = job->key_directory,
        .copy = cli_option(job->cli, "copy-keys") != NULL,
        .dry_run = job->dry_run,
        .user = owner != NULL ? owner : milter_schema.default_user,
        .user_is_named = owner != NULL,
    };
    or_status st = cli_import_keys(&job->import, &how, &e);

    return st == OR_OK ? CLI_YES : cli_fail_status(job->cli, st, &e);
}

static int
write_result(struct job *job)
{
    char temporary[sizeof(job->path) + 16];
    bool force = cli_option(job->cli, "force") != NULL;

    if (job->dry_run)
        return CLI_YES;
    snprintf(temporary, sizeof(temporary), "%s.XXXXXX", job->path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return cli_fail(job->cli, CLI_CONFIG, "%s: %s", temporary, os_error_text(errno));
    bool ok = write_all(fd, buf_span(&job->import.conf)) && fchmod(fd, 0644) == 0 && fsync(fd) == 0;
    close(fd);
    ok = ok && (force ? rename(temporary, job->path) : link(temporary, job->path)) == 0;
    int problem = errno;
    (void)unlink(temporary);
    return ok ? CLI_YES
              : cli_fail(job->cli, CLI_CONFIG, "%s: %s", job->path, os_error_text(problem));
}

static const char *const kind_names[] = {"taken", "changed", "impossible"};

static void
print_notes(struct job *job, enum opendkim_note_kind kind, const char *heading)
{
    size_t count = 0;

    for (size_t i = 0; i < job->import.note_count; i++) {
        const struct opendkim_note *note = &job->import.notes[i];

        if (note->kind != kind)
            continue;
        if (count++ == 0)
            printf("\n%s:\n", heading);
        printf("  %.*s: %.*s\n", SPAN_ARG(cli_printable(&job->mem, note->option)),
               SPAN_ARG(cli_printable(&job->mem, note->text)));
    }
}

static void
print_people(struct job *job)
{
    if (job->dry_run)
        printf("%.*s", (int)job->import.conf.n, job->import.conf.p);
    else
        printf("%s written\n", job->path);
    print_notes(job, OPENDKIM_TAKEN, "Taken over");
    print_notes(job, OPENDKIM_CHANGED, "Different from now on");
    print_notes(job, OPENDKIM_IMPOSSIBLE, "Not taken over");
}

static void
print_json(struct job *job)
{
    json_t *lists[3] = {json_array(), json_array(), json_array()};
    json_t *document = json_object();

    for (size_t i = 0; i < job->import.note_count; i++) {
        const struct opendkim_note *note = &job->import.notes[i];

        json_array_append_new(lists[note->kind],
                              json_pack("{s:o, s:o}", "option",
                                        cli_json_text(&job->mem, note->option), "text",
                                        cli_json_text(&job->mem, note->text)));
    }
    json_object_set_new(document, "file", job->dry_run ? json_null() : json_string(job->path));
    json_object_set_new(document, "configuration",
                        cli_json_text(&job->mem, buf_span(&job->import.conf)));
    for (size_t i = 0; i < 3; i++)
        json_object_set_new(document, kind_names[i], lists[i]);
    cli_print_json(document);
}

static bool
is_complete(const struct opendkim_import *import)
{
    for (size_t i = 0; i < import->note_count; i++)
        if (import->notes[i].kind == OPENDKIM_IMPOSSIBLE)
            return false;
    return true;
}

int
cli_dkim_import(struct cli *cli)
{
    static int (*const steps[])(struct job *) = {find_places, convert, check_result, place_keys,
                                                 write_result};
    struct job *job = xcalloc(1, sizeof(*job));
    int status = CLI_YES;

    job->cli = cli;
    job->dry_run = cli_option(cli, "dry-run") != NULL;
    arena_init(&job->mem, MEM_BYTES);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == CLI_YES; i++)
        status = steps[i](job);
    if (status == CLI_YES) {
        if (cli->json)
            print_json(job);
        else
            print_people(job);
        status = is_complete(&job->import) ? CLI_YES : CLI_NO;
    }
    opendkim_import_fini(&job->import);
    arena_fini(&job->mem);
    free(job);
    return status;
}
