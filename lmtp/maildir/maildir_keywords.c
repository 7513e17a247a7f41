/*
 * Reading is lock-free: the file is only ever replaced whole. Adding takes dovecot-uidlist.lock,
 * the lock under which Dovecot replaces it.
 */
#include "lmtp/maildir/maildir_keywords.h"

#include "common/base/buf.h"
#include "common/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "dovecot-keywords"
#define LOCK_NAME "dovecot-uidlist.lock"
#define TMP_NAME "dovecot-keywords.outrider"
#define MAX_FILE_BYTES 16384
#define STEP_US 20000
#define STALE_LOCK_S 120 /* as Dovecot's dotlocks */

/* In the order of the letters in a file name. */
static const struct {
    const char *flag;
    char letter;
} system_flags[] = {
    {"\\Draft", 'D'}, {"\\Flagged", 'F'}, {"\\Answered", 'R'}, {"\\Seen", 'S'}, {"\\Deleted", 'T'},
};

void
maildir_keywords_parse(struct span text, struct maildir_keywords *keywords_out)
{
    struct span line, number;
    uint64_t index;

    *keywords_out = (struct maildir_keywords){.names = {{NULL, 0}}};
    while (span_split(&text, '\n', &line))
        if (span_split(&line, ' ', &number) && line.n > 0 && line.n <= MAILDIR_KEYWORD_MAX_BYTES &&
            span_parse_u64(number, MAILDIR_MAX_KEYWORDS - 1, &index) == OR_OK)
            keywords_out->names[index] = line;
}

/* False: it cannot be read, or is none of Dovecot's. That is not the same as no keywords: what
 * would be written instead would give other names to letters that are in use. */
static bool
read_file(const struct maildir *box, char room[MAX_FILE_BYTES], struct maildir_keywords *k)
{
    int fd = openat(box->dir_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    *k = (struct maildir_keywords){.names = {{NULL, 0}}};
    if (fd < 0)
        return errno == ENOENT;
    ssize_t n = read(fd, room, MAX_FILE_BYTES);
    close(fd);
    if (n < 0 || n == MAX_FILE_BYTES)
        return false;
    maildir_keywords_parse(span_make(room, (size_t)n), k);
    return true;
}

/* The letter of a keyword; NUL: it has none. Keywords have no case (RFC 3501 2.3.2). */
static char
letter_of(const struct maildir_keywords *k, struct span keyword)
{
    for (size_t i = 0; i < MAILDIR_MAX_KEYWORDS; i++)
        if (k->names[i].n > 0 && span_equal_nocase(k->names[i], keyword))
            return (char)('a' + i);
    return '\0';
}

static bool
is_system(struct span flag)
{
    return flag.n > 0 && flag.p[0] == '\\';
}

/* ---- adding */

static void
remove_stale_lock(const struct maildir *box)
{
    struct stat st;

    if (fstatat(box->dir_fd, LOCK_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_mtime + STALE_LOCK_S < clock_now())
        unlinkat(box->dir_fd, LOCK_NAME, 0);
}

static bool
take_lock(const struct maildir *box)
{
    int64_t until = clock_mono_ms() + MAILDIR_KEYWORDS_WAIT_MS;
    int fd;

    while ((fd = openat(box->dir_fd, LOCK_NAME,
                        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0) {
        if (errno != EEXIST || clock_mono_ms() >= until)
            return false;
        remove_stale_lock(box);
        usleep(STEP_US);
    }
    close(fd);
    return true;
}

/* Puts what is new into free places. False: some found none. */
static bool
assign(struct maildir_keywords *k, struct span flags)
{
    struct span flag;
    bool all = true;

    while (span_split(&flags, ' ', &flag)) {
        size_t i = 0;

        if (flag.n == 0 || is_system(flag) || letter_of(k, flag) != '\0')
            continue;
        while (i < MAILDIR_MAX_KEYWORDS && k->names[i].n > 0)
            i++;
        if (i < MAILDIR_MAX_KEYWORDS && flag.n <= MAILDIR_KEYWORD_MAX_BYTES)
            k->names[i] = flag;
        else
            all = false;
    }
    return all;
}

static bool
write_file(const struct maildir *box, const struct maildir_keywords *k)
{
    struct buf text;
    bool written = false;

    buf_init(&text, MAX_FILE_BYTES);
    for (size_t i = 0; i < MAILDIR_MAX_KEYWORDS; i++)
        if (k->names[i].n > 0)
            buf_addf(&text, "%zu %.*s\n", i, SPAN_ARG(k->names[i]));
    unlinkat(box->dir_fd, TMP_NAME, 0); /* of somebody who was killed; the lock is ours */
    int fd =
        openat(box->dir_fd, TMP_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        written = write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
        close(fd);
        written = written && renameat(box->dir_fd, TMP_NAME, box->dir_fd, FILE_NAME) == 0 &&
                  fsync(box->dir_fd) == 0;
        if (!written)
            unlinkat(box->dir_fd, TMP_NAME, 0);
    }
    buf_fini(&text);
    return written;
}

/* True: the file has them all now. What others have added meanwhile is read under the lock. */
static bool
add_missing(const struct maildir *box, struct span flags, char text[MAX_FILE_BYTES],
            struct maildir_keywords *k)
{
    if (!take_lock(box))
        return false;
    bool all = read_file(box, text, k);
    struct maildir_keywords before = *k;

    if (all) {
        all = assign(k, flags);
        if (!write_file(box, k)) {
            *k = before;
            all = false;
        }
    }
    unlinkat(box->dir_fd, LOCK_NAME, 0);
    return all;
}

/* ---- letters */

static bool
knows_all(const struct maildir_keywords *k, struct span flags)
{
    struct span flag;

    while (span_split(&flags, ' ', &flag))
        if (flag.n > 0 && !is_system(flag) && letter_of(k, flag) == '\0')
            return false;
    return true;
}

static bool
has_flag(struct span flags, const char *wanted)
{
    struct span flag;

    while (span_split(&flags, ' ', &flag))
        if (span_equal_nocase_cstr(flag, wanted))
            return true;
    return false;
}

/* Each letter once, in the order of ASCII, as the Maildir specification has it. */
static void
write_letters(const struct maildir_keywords *k, struct span flags, char *out)
{
    bool used[MAILDIR_MAX_KEYWORDS] = {false};
    struct span flag;

    for (size_t i = 0; i < sizeof(system_flags) / sizeof(system_flags[0]); i++)
        if (has_flag(flags, system_flags[i].flag))
            *out++ = system_flags[i].letter;
    while (span_split(&flags, ' ', &flag))
        if (flag.n > 0 && !is_system(flag) && letter_of(k, flag) != '\0')
            used[letter_of(k, flag) - 'a'] = true;
    for (size_t i = 0; i < MAILDIR_MAX_KEYWORDS; i++)
        if (used[i])
            *out++ = (char)('a' + i);
    *out = '\0';
}

bool
maildir_keywords_letters(const struct maildir *box, struct span flags,
                         char out[MAILDIR_NAME_FLAGS_BYTES])
{
    char text[MAX_FILE_BYTES];
    struct maildir_keywords k = {.names = {{NULL, 0}}};
    bool all = knows_all(&k, flags); /* system flags alone need no file */

    if (!all) {
        all =
            read_file(box, text, &k) && (knows_all(&k, flags) || add_missing(box, flags, text, &k));
    }
    write_letters(&k, flags, out);
    return all;
}
