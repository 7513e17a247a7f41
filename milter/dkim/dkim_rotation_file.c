/*
 * Small files, replaced as a whole: written under a hidden name, synced, put in place, folder
 * synced.
 */
#include "milter/dkim/dkim_rotation_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static or_status
os_failure(const char *path, struct err *e)
{
    return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
}

/* `infix` and what is after it: "/" for the plan's folder, "/dkim-rotation-" for the state. */
static or_status
make_path(char out[PATH_MAX], const char *directory, const char *infix, const char *domain,
          const char *suffix, struct err *e)
{
    int n = snprintf(out, PATH_MAX, "%s%s%s%s", directory, infix, domain, suffix);

    return n > 0 && n < PATH_MAX ? OR_OK : err_set(e, OR_CONFIG, "%s: path too long", directory);
}

#define PLAN_PATH(out, directory, domain, e) make_path(out, directory, "/", domain, "/rotation", e)
#define STATE_PATH(out, directory, domain, e)                                                      \
    make_path(out, directory, "/dkim-rotation-", domain, "", e)

static or_status
read_small(const char *path, char bytes[DKIM_ROTATION_MAX_BYTES], struct span *text_out,
           struct err *e)
{
    FILE *f = fopen(path, "rbe");

    if (f == NULL)
        return errno == ENOENT || errno == ENOTDIR ? OR_ABSENT : os_failure(path, e);
    size_t n = fread(bytes, 1, DKIM_ROTATION_MAX_BYTES, f);
    bool bad = ferror(f) != 0;
    fclose(f);
    if (bad || n == DKIM_ROTATION_MAX_BYTES)
        return err_set(e, OR_CONFIG, "%s: cannot be read, or is too long", path);
    *text_out = span_make(bytes, n);
    return OR_OK;
}

static or_status
sync_folder_of(const char *path, struct err *e)
{
    char folder[PATH_MAX];

    snprintf(folder, sizeof(folder), "%.*s", (int)span_rfind(span_cstr(path), '/'), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return os_failure(folder, e);
    or_status st = fsync(fd) == 0 ? OR_OK : os_failure(folder, e);
    close(fd);
    return st;
}

static or_status
write_temporary(const char *path, struct span text, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

    if (fd < 0)
        return os_failure(path, e);
    bool ok =
        fchmod(fd, 0644) == 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    or_status st = ok ? OR_OK : os_failure(path, e);
    close(fd);
    return st;
}

/* link(2) where an older file must not be lost, rename(2) where it is to be replaced. */
static or_status
put(const char *path, struct span text, bool replace, struct err *e)
{
    char temporary[PATH_MAX];
    size_t slash = span_rfind(span_cstr(path), '/');
    int n =
        snprintf(temporary, sizeof(temporary), "%.*s/.%s.new", (int)slash, path, path + slash + 1);

    if (n < 0 || (size_t)n >= sizeof(temporary))
        return err_set(e, OR_CONFIG, "%s: path too long", path);
    or_status st = write_temporary(temporary, text, e);
    if (st == OR_OK && (replace ? rename(temporary, path) : link(temporary, path)) != 0)
        st = os_failure(path, e);
    (void)unlink(temporary);
    return st == OR_OK ? sync_folder_of(path, e) : st;
}

or_status
dkim_rotation_plan_read(const char *key_directory, const char *domain,
                        struct dkim_rotation_plan *plan_out, struct err *e)
{
    char path[PATH_MAX], bytes[DKIM_ROTATION_MAX_BYTES];
    struct span text = SPAN_EMPTY;
    or_status st = PLAN_PATH(path, key_directory, domain, e);

    if (st == OR_OK)
        st = read_small(path, bytes, &text, e);
    if (st != OR_OK)
        return st;
    st = dkim_rotation_plan_parse(text, plan_out, e);
    return st == OR_OK ? OR_OK : err_wrap(e, OR_CONFIG, "%s", path);
}

or_status
dkim_rotation_plan_create(const char *key_directory, const char *domain,
                          const struct dkim_rotation_plan *plan, struct err *e)
{
    char path[PATH_MAX];
    struct buf text;
    or_status st = PLAN_PATH(path, key_directory, domain, e);

    if (st != OR_OK)
        return st;
    buf_init(&text, DKIM_ROTATION_MAX_BYTES - 1);
    dkim_rotation_plan_format(plan, &text);
    st = put(path, buf_span(&text), false, e);
    buf_fini(&text);
    return st;
}

or_status
dkim_rotation_plan_remove(const char *key_directory, const char *domain, struct err *e)
{
    char path[PATH_MAX];
    or_status st = PLAN_PATH(path, key_directory, domain, e);

    if (st != OR_OK)
        return st;
    if (unlink(path) != 0 && errno != ENOENT)
        return os_failure(path, e);
    return sync_folder_of(path, e);
}

or_status
dkim_rotation_state_read(const char *state_directory, const char *domain,
                         const struct dkim_rotation_plan *plan,
                         struct dkim_rotation_state *state_out, struct err *e)
{
    char path[PATH_MAX], bytes[DKIM_ROTATION_MAX_BYTES];
    struct span text = SPAN_EMPTY;
    struct dkim_rotation_state state = {.phase = DKIM_ROTATION_WAITING};
    or_status st = STATE_PATH(path, state_directory, domain, e);

    *state_out = (struct dkim_rotation_state){.since = plan->started};
    memcpy(state_out->id, plan->id, sizeof(plan->id));
    if (st == OR_OK)
        st = read_small(path, bytes, &text, e);
    if (st != OR_OK)
        return st;
    if (dkim_rotation_state_parse(text, &state, e) != OR_OK)
        return err_wrap(e, OR_CONFIG, "%s", path);
    if (strcmp(state.id, plan->id) != 0)
        return OR_ABSENT;
    *state_out = state;
    return OR_OK;
}

or_status
dkim_rotation_state_write(const char *state_directory, const char *domain,
                          const struct dkim_rotation_state *state, struct err *e)
{
    char path[PATH_MAX];
    struct buf text;
    or_status st = STATE_PATH(path, state_directory, domain, e);

    if (st != OR_OK)
        return st;
    buf_init(&text, DKIM_ROTATION_MAX_BYTES - 1);
    dkim_rotation_state_format(state, &text);
    st = put(path, buf_span(&text), true, e);
    buf_fini(&text);
    return st;
}
