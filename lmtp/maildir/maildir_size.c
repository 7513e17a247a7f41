/*
 * Reading is trusting: the file is the owner's, and whatever he writes there is his own limit that
 * he deceives. So nothing in it may cost more than a file of MAILDIR_SIZE_MAX_BYTES can.
 */
#include "lmtp/maildir/maildir_size.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
/* A FIFO or a link put in its place must neither hang us nor lead elsewhere. */
#define OPEN_FILE (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
#define COUNT_TRIES 3 /* while mail comes and goes */
#define RANDOM_HEX 16
/* Of the deliveries that found the file short enough and then made it too long together. */
#define LATE_CHANGES_BYTES 4096

/* ---- the file's text */

static or_status
parse_number(struct span text, int64_t *number_out)
{
    bool negative = text.n > 0 && text.p[0] == '-';
    uint64_t number;

    if (span_parse_u64(span_from(text, negative ? 1 : 0), INT64_MAX, &number) != OR_OK)
        return OR_MALFORMED;
    *number_out = negative ? -(int64_t)number : (int64_t)number;
    return OR_OK;
}

/* "102400S,1000C", either part alone, or nothing. */
static or_status
parse_limits(struct span line, struct maildir_usage *limits_out)
{
    struct span part = SPAN_EMPTY;

    while (span_split(&line, ',', &part)) {
        char unit = part.n > 0 ? part.p[part.n - 1] : '\0';
        int64_t *limit = unit == 'S'   ? &limits_out->bytes
                         : unit == 'C' ? &limits_out->messages
                                       : NULL;

        if (limit == NULL || parse_number(span_slice(part, 0, part.n - 1), limit) != OR_OK)
            return OR_MALFORMED;
    }
    return OR_OK;
}

/* "182 1"; some write more blanks. */
static or_status
add_change(struct span line, struct maildir_usage *sum)
{
    struct maildir_usage change;

    line = span_trim(line);
    size_t blank = span_find(line, ' ');
    if (parse_number(span_slice(line, 0, blank), &change.bytes) != OR_OK ||
        parse_number(span_trim(span_from(line, blank)), &change.messages) != OR_OK ||
        __builtin_add_overflow(sum->bytes, change.bytes, &sum->bytes) ||
        __builtin_add_overflow(sum->messages, change.messages, &sum->messages))
        return OR_MALFORMED;
    return OR_OK;
}

static or_status
parse_content(struct span text, struct maildir_size_content *content_out)
{
    struct maildir_size_content c = {.changes = 0};
    struct span line = SPAN_EMPTY;
    size_t lines = 0;

    /* Without its last LF somebody is writing, or was interrupted. */
    if (text.n == 0 || text.p[text.n - 1] != '\n')
        return OR_MALFORMED;
    text.n--;
    if (!span_split(&text, '\n', &line) || parse_limits(line, &c.limits) != OR_OK)
        return OR_MALFORMED;
    for (; span_split(&text, '\n', &line); lines++)
        if (add_change(line, &c.sum) != OR_OK)
            return OR_MALFORMED;
    if (lines == 0 || c.sum.bytes < 0 || c.sum.messages < 0)
        return OR_MALFORMED;
    c.changes = lines - 1;
    *content_out = c;
    return OR_OK;
}

or_status
maildir_size_parse(struct span text, struct maildir_size_content *content_out)
{
    return text.n > MAILDIR_SIZE_MAX_BYTES ? OR_MALFORMED : parse_content(text, content_out);
}

/* ---- counting */

struct count {
    const struct maildir_size_rules *rules;
    struct maildir_usage sum;
    size_t files;
    bool only_times;        /* files are not looked at */
    struct timespec newest; /* change of a directory */
};

/* The S= or W= of a file's name (behind the first ',', before the flags); -1: it has none. */
static int64_t
size_in_name(const char *name, char which)
{
    struct span rest = span_cstr(name), part = SPAN_EMPTY;
    int64_t size;

    rest = span_slice(rest, 0, span_find(rest, ':'));
    (void)span_split(&rest, ',', &part);
    while (span_split(&rest, ',', &part))
        if (part.n > 2 && part.p[0] == which && part.p[1] == '=' &&
            parse_number(span_from(part, 2), &size) == OR_OK && size >= 0)
            return size;
    return -1;
}

/* A message without W= counts as its file is: reading the mailbox through would be dearer than
 * being a fiftieth off. */
static int64_t
size_of(const struct maildir_size_rules *rules, int dir_fd, const char *name)
{
    int64_t size = rules->virtual_sizes ? size_in_name(name, 'W') : -1;
    struct stat st;

    if (size < 0)
        size = size_in_name(name, 'S');
    if (size >= 0)
        return size;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (int64_t)st.st_size : 0;
}

static or_status
count_entry(struct count *c, int dir_fd, const char *name, struct maildir_fault *f)
{
    if (name[0] == '.')
        return OR_OK;
    if (++c->files > MAILDIR_SIZE_MAX_FILES ||
        __builtin_add_overflow(c->sum.bytes, size_of(c->rules, dir_fd, name), &c->sum.bytes)) {
        errno = EOVERFLOW;
        return maildir_fault_set(f, "count the files of", "the mailbox");
    }
    c->sum.messages++;
    return OR_OK;
}

static bool
is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* new/ or cur/ of a folder; one that is not there holds nothing. */
static or_status
count_files(struct count *c, int folder_fd, const char *which, struct maildir_fault *f)
{
    int fd = openat(folder_fd, which, OPEN_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    struct stat st;
    or_status status = OR_OK;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return errno == ENOENT || errno == ENOTDIR ? OR_OK : maildir_fault_set(f, "read", which);
    }
    while (status == OR_OK && !c->only_times && (entry = readdir(dir)) != NULL)
        status = count_entry(c, fd, entry->d_name, f);
    if (fstat(fd, &st) == 0 && is_later(&st.st_mtim, &c->newest))
        c->newest = st.st_mtim;
    closedir(dir);
    return status;
}

static or_status
count_folder(struct count *c, int folder_fd, struct maildir_fault *f)
{
    or_status st = count_files(c, folder_fd, "new", f);

    return st == OR_OK ? count_files(c, folder_fd, "cur", f) : st;
}

/* A directory that may be a folder. Links are not followed: what they lead to is counted there. */
static or_status
count_subfolder(struct count *c, int root_fd, const char *name, struct maildir_fault *f)
{
    if (name[0] != '.' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        (c->rules->ignore != NULL && c->rules->ignore(c->rules->context, name)))
        return OR_OK;
    int fd = openat(root_fd, name, OPEN_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) /* a file, a link, or gone meanwhile */
        return errno == EACCES || errno == EIO ? maildir_fault_set(f, "open", name) : OR_OK;
    or_status st = count_folder(c, fd, f);
    close(fd);
    return st;
}

static or_status
count_all(struct count *c, int root_fd, struct maildir_fault *f)
{
    int fd = openat(root_fd, ".", OPEN_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    or_status st = OR_OK;

    if (dir == NULL) {
        st = maildir_fault_set(f, "read", "the mailbox");
        if (fd >= 0)
            close(fd);
        return st;
    }
    if (c->rules->ignore == NULL || !c->rules->ignore(c->rules->context, ""))
        st = count_folder(c, root_fd, f);
    while (st == OR_OK && (entry = readdir(dir)) != NULL)
        st = count_subfolder(c, root_fd, entry->d_name, f);
    closedir(dir);
    return st;
}

/* ---- the file on disk */

static int
format(const struct maildir_size_rules *rules, const struct maildir_usage *sum, char *out,
       size_t out_bytes)
{
    char bytes[32] = "", messages[32] = "";

    if (rules->limits.bytes > 0)
        snprintf(bytes, sizeof(bytes), "%" PRId64 "S", rules->limits.bytes);
    if (rules->limits.messages > 0)
        snprintf(messages, sizeof(messages), "%s%" PRId64 "C", bytes[0] != '\0' ? "," : "",
                 rules->limits.messages);
    return snprintf(out, out_bytes, "%s%s\n%" PRId64 " %" PRId64 "\n", bytes, messages, sum->bytes,
                    sum->messages);
}

/* The new file while it is made, in tmp/. */
struct draft {
    int fd; /* -1: it could not be made */
    char name[64];
    struct timespec made; /* by the file system's clock, as the directories' times */
};

static void
draft_begin(struct draft *d, int root_fd)
{
    char random[RANDOM_HEX + 1];
    struct stat st;

    crypto_random_hex(random, RANDOM_HEX / 2);
    snprintf(d->name, sizeof(d->name), "tmp/%lld.P%ld_%s.size", (long long)clock_now(),
             (long)getpid(), random);
    d->fd = openat(root_fd, d->name, OPEN_FILE | O_WRONLY | O_CREAT | O_EXCL, 0600);
    d->made = d->fd >= 0 && fstat(d->fd, &st) == 0 ? st.st_mtim : clock_now_precise();
}

static void
draft_drop(struct draft *d, int root_fd)
{
    if (d->fd < 0)
        return;
    close(d->fd);
    unlinkat(root_fd, d->name, 0);
}

/* Put in place of the old file; without limits nobody asks for one. One that a power cut empties is
 * counted anew, so it is not synced; where it cannot be written the mailbox is counted each time.
 */
static void
draft_publish(struct draft *d, int root_fd, const struct maildir_size_rules *rules,
              const struct maildir_usage *sum)
{
    char text[128];
    int n = format(rules, sum, text, sizeof(text));

    if (d->fd < 0)
        return;
    bool wanted = rules->limits.bytes > 0 || rules->limits.messages > 0;
    if (wanted && write(d->fd, text, (size_t)n) == n &&
        renameat(root_fd, d->name, root_fd, MAILDIR_SIZE_FILE) == 0)
        close(d->fd);
    else
        draft_drop(d, root_fd);
}

/* Mail that comes and goes meanwhile may be missed: then it is counted again, a few times. */
static or_status
count_and_publish(int root_fd, const struct maildir_size_rules *rules,
                  struct maildir_usage *usage_out, struct maildir_fault *f)
{
    for (int tries = 1;; tries++) {
        struct count c = {.rules = rules}, after = {.rules = rules, .only_times = true};
        struct draft draft;

        draft_begin(&draft, root_fd);
        or_status st = count_all(&c, root_fd, f);
        if (st == OR_OK)
            st = count_all(&after, root_fd, f);
        bool quiet = is_later(&draft.made, &after.newest);
        if (st == OR_OK && (quiet || tries == COUNT_TRIES)) {
            *usage_out = c.sum;
            draft_publish(&draft, root_fd, rules, &c.sum);
            return OR_OK;
        }
        draft_drop(&draft, root_fd);
        if (st != OR_OK)
            return st;
    }
}

or_status
maildir_size_count(const char *path, const struct maildir_size_rules *rules,
                   struct maildir_usage *usage_out, struct maildir_fault *f)
{
    int fd = open(path, OPEN_DIRECTORY);

    *usage_out = (struct maildir_usage){0, 0};
    if (fd < 0)
        return errno == ENOENT ? OR_OK : maildir_fault_set(f, "open", path);
    or_status st = count_and_publish(fd, rules, usage_out, f);
    close(fd);
    return st;
}

/* ---- asking and noting */

/* OR_ABSENT: there is no file that is good for anything. */
static or_status
load(int root_fd, struct maildir_size_content *content_out, time_t *changed_out)
{
    char text[MAILDIR_SIZE_MAX_BYTES + 1];
    int fd = openat(root_fd, MAILDIR_SIZE_FILE, OPEN_FILE | O_RDONLY);
    struct stat st;

    if (fd < 0)
        return OR_ABSENT;
    ssize_t n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, text, sizeof(text)) : -1;
    close(fd);
    if (n <= 0 || maildir_size_parse(span_make(text, (size_t)n), content_out) != OR_OK)
        return OR_ABSENT;
    *changed_out = st.st_mtime;
    return OR_OK;
}

static bool
is_full(const struct maildir_usage *sum, const struct maildir_usage *limits)
{
    return (limits->bytes > 0 && sum->bytes >= limits->bytes) ||
           (limits->messages > 0 && sum->messages >= limits->messages);
}

/* Whether the file may be believed; `doubted`: only when it was counted just now. */
static bool
is_good(const struct maildir_size_content *c, time_t changed,
        const struct maildir_size_rules *rules, bool doubted)
{
    if (c->limits.bytes != rules->limits.bytes || c->limits.messages != rules->limits.messages)
        return false;
    return (!doubted && !is_full(&c->sum, &rules->limits)) ||
           (c->changes == 0 && changed + MAILDIR_SIZE_FRESH_S >= clock_now());
}

static or_status
ask(const char *path, const struct maildir_size_rules *rules, bool doubted,
    struct maildir_usage *usage_out, struct maildir_fault *f)
{
    int fd = open(path, OPEN_DIRECTORY);
    struct maildir_size_content content;
    time_t changed = 0;
    or_status st = OR_OK;

    *usage_out = (struct maildir_usage){0, 0};
    if (fd < 0)
        return errno == ENOENT ? OR_OK : maildir_fault_set(f, "open", path);
    if (load(fd, &content, &changed) == OR_OK && is_good(&content, changed, rules, doubted))
        *usage_out = content.sum;
    else
        st = count_and_publish(fd, rules, usage_out, f);
    close(fd);
    return st;
}

or_status
maildir_size_read(const char *path, const struct maildir_size_rules *rules,
                  struct maildir_usage *usage_out, struct maildir_fault *f)
{
    return ask(path, rules, false, usage_out, f);
}

or_status
maildir_size_recheck(const char *path, const struct maildir_size_rules *rules,
                     struct maildir_usage *usage_out, struct maildir_fault *f)
{
    return ask(path, rules, true, usage_out, f);
}

/* An append leaves the offset behind its own line, whoever has appended since. */
static void
sum_up_to_here(int fd, struct maildir_usage *sum_out)
{
    char text[MAILDIR_SIZE_MAX_BYTES + LATE_CHANGES_BYTES];
    struct maildir_size_content content;
    off_t end = lseek(fd, 0, SEEK_CUR);

    if (end <= 0 || end > (off_t)sizeof(text) || pread(fd, text, (size_t)end, 0) != end)
        return;
    if (parse_content(span_make(text, (size_t)end), &content) == OR_OK)
        *sum_out = content.sum;
}

or_status
maildir_size_add(const char *path, const struct maildir_usage *change,
                 struct maildir_usage *after_out, struct maildir_fault *f)
{
    char name[PATH_MAX], line[64];

    if (after_out != NULL)
        *after_out = (struct maildir_usage){0, 0};
    if (snprintf(name, sizeof(name), "%s/%s", path, MAILDIR_SIZE_FILE) >= (int)sizeof(name))
        return OR_OK; /* then there is no such file */
    int fd = open(name, OPEN_FILE | O_APPEND | (after_out != NULL ? O_RDWR : O_WRONLY));
    if (fd < 0)
        return errno == ENOENT ? OR_OK : maildir_fault_set(f, "open", name);
    int n =
        snprintf(line, sizeof(line), "%" PRId64 " %" PRId64 "\n", change->bytes, change->messages);
    or_status st = write(fd, line, (size_t)n) == n ? OR_OK : maildir_fault_set(f, "write", name);
    if (st == OR_OK && after_out != NULL)
        sum_up_to_here(fd, after_out);
    close(fd);
    return st;
}
