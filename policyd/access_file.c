/* Rules are replaced whole; those that somebody still uses are kept until he is done. */
#include "policyd/access_file.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 1000

/* One reading. */
struct version {
    struct access_rules *rules;
    unsigned users; /* the file itself is one while it is the newest */
    struct version *next;
};

struct access_file {
    char *path;
    struct lock lock;
    struct version *versions; /* newest first */
    struct stat seen;         /* of the newest reading, also of one that failed */
    int64_t looked_mono_ms;
};

static or_status
read_text(int fd, struct buf *out, struct err *e)
{
    char chunk[16384];
    ssize_t n;

    while ((n = read(fd, chunk, sizeof(chunk))) > 0)
        buf_add(out, chunk, (size_t)n);
    if (n < 0)
        return err_set(e, OR_CONFIG, "%s", os_error_text(errno));
    return buf_finish(out) == OR_OK
               ? OR_OK
               : err_set(e, OR_CONFIG, "more than %zu bytes", ACCESS_MAX_BYTES);
}

/* What was seen is set in any case, so that a mistake is told once. */
static or_status
read_rules(const char *path, struct stat *seen_out, struct access_rules **rules_out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct buf text;
    or_status st = OR_OK;

    memset(seen_out, 0, sizeof(*seen_out));
    if (fd < 0)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    buf_init(&text, ACCESS_MAX_BYTES);
    if (fstat(fd, seen_out) != 0 || !S_ISREG(seen_out->st_mode))
        st = err_set(e, OR_CONFIG, "not a file");
    if (st == OR_OK)
        st = read_text(fd, &text, e);
    if (st == OR_OK)
        st = access_rules_parse(buf_span(&text), rules_out, e);
    close(fd);
    buf_fini(&text);
    return st == OR_OK ? OR_OK : err_wrap(e, OR_CONFIG, "%s", path);
}

static void
add_version(struct access_file *f, struct access_rules *rules)
{
    struct version *v = xcalloc(1, sizeof(*v));

    *v = (struct version){.rules = rules, .users = 1, .next = f->versions};
    f->versions = v;
}

/* With the lock held: one user less. */
static void
release(struct access_file *f, const struct access_rules *rules)
{
    struct version **at = &f->versions;

    while (*at != NULL && (*at)->rules != rules)
        at = &(*at)->next;
    struct version *v = *at;
    if (v == NULL || --v->users != 0)
        return;
    *at = v->next;
    access_rules_free(v->rules);
    free(v);
}

or_status
access_file_open(const char *path, struct access_file **file_out, struct err *e)
{
    struct access_rules *rules = NULL;
    struct stat seen;

    or_status st = read_rules(path, &seen, &rules, e);
    if (st != OR_OK)
        return st;
    struct access_file *f = xcalloc(1, sizeof(*f));
    f->path = xstrdup(path);
    lock_init(&f->lock, LOCK_ACCESS_FILE);
    f->seen = seen;
    f->looked_mono_ms = clock_mono_ms();
    add_version(f, rules);
    *file_out = f;
    return OR_OK;
}

void
access_file_close(struct access_file *file)
{
    if (file == NULL)
        return;
    while (file->versions != NULL) {
        file->versions->users = 1;
        release(file, file->versions->rules);
    }
    lock_fini(&file->lock);
    free(file->path);
    free(file);
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* With the lock held. A file that has gone is no change: editors take it away for a moment. */
static void
look(struct access_file *f)
{
    int64_t now = clock_mono_ms();
    struct access_rules *rules = NULL;
    struct stat st;
    struct err e;

    if (now - f->looked_mono_ms < LOOK_MS)
        return;
    f->looked_mono_ms = now;
    if (stat(f->path, &st) != 0 || is_same(&st, &f->seen))
        return;
    if (read_rules(f->path, &f->seen, &rules, &e) != OR_OK) {
        log_error("access-file: %s; the rules read before stay in force", e.text);
        return;
    }
    log_info("%s: %zu access rules read again", f->path, access_rules_count(rules));
    const struct access_rules *old = f->versions->rules;
    add_version(f, rules);
    release(f, old);
}

const struct access_rules *
access_file_take(struct access_file *file)
{
    lock_take(&file->lock);
    look(file);
    struct version *v = file->versions;
    v->users++;
    lock_drop(&file->lock);
    return v->rules;
}

void
access_file_drop(struct access_file *file, const struct access_rules *rules)
{
    lock_take(&file->lock);
    release(file, rules);
    lock_drop(&file->lock);
}
