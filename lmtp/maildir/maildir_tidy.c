/*
 * Clocks that jump must not cost mail in the making: a file goes only when both its times are old,
 * and no clock of ours wrote its change time.
 */
#include "lmtp/maildir/maildir_tidy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool
maildir_tidy_is_due(const struct maildir *box, time_t now)
{
    return box->tmp_looked_at + MAILDIR_TIDY_EVERY_S < now;
}

static bool
is_leftover(int tmp_fd, const char *name, time_t now)
{
    struct stat st;

    return fstatat(tmp_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_mtime + MAILDIR_TIDY_AGE_S < now && st.st_ctime + MAILDIR_TIDY_AGE_S < now;
}

static size_t
remove_leftovers(DIR *tmp, time_t now)
{
    int fd = dirfd(tmp);
    size_t removed = 0;

    for (size_t i = 0; i < MAILDIR_TIDY_MAX_ENTRIES; i++) {
        const struct dirent *entry = readdir(tmp);

        if (entry == NULL)
            break;
        if (is_leftover(fd, entry->d_name, now) && unlinkat(fd, entry->d_name, 0) == 0)
            removed++;
    }
    return removed;
}

size_t
maildir_tidy(const struct maildir *box, time_t now)
{
    /* Reading it may not count as access (noatime), so the time is set: before the look, so that
     * other sessions need not look as well. */
    const struct timespec times[2] = {{.tv_sec = now}, {.tv_nsec = UTIME_OMIT}};
    int fd = openat(box->dir_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    DIR *tmp = futimens(fd, times) == 0 ? fdopendir(fd) : NULL;
    if (tmp == NULL) {
        close(fd);
        return 0;
    }
    size_t removed = remove_leftovers(tmp, now);
    closedir(tmp);
    return removed;
}
