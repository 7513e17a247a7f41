/*
 * Directories and files of a Maildir. Everything is relative to one directory descriptor, so a
 * Maildir that is renamed while a message comes in gets that message all the same.
 */
#include "lmtp/maildir/maildir.h"

#include "common/base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* tmp/ first: complete() notes when it was last looked into. */
static const char *const subdirectories[] = {"tmp", "new", "cur"};

or_status
maildir_fault_set(struct maildir_fault *f, const char *what, const char *name)
{
    f->os_error = errno;
    return err_set(&f->err, OR_TEMPFAIL, "cannot %s %s: %s", what, name,
                   os_error_text(f->os_error));
}

or_status
maildir_sync_directory(int at, const char *name, struct maildir_fault *f)
{
    int fd = openat(at, name, OPEN_DIRECTORY);

    if (fd < 0)
        return maildir_fault_set(f, "open directory", name);
    /* Some network file systems cannot and say so; their changes to directories are synchronous. */
    bool synced = fsync(fd) == 0 || errno == EINVAL;
    int os_error = errno;
    close(fd);
    errno = os_error;
    return synced ? OR_OK : maildir_fault_set(f, "sync directory", name);
}

/* Makes one directory of the path; `end` is the length of the path up to and including it. */
static or_status
make_component(char *path, size_t end, struct maildir_fault *f)
{
    char after = path[end];
    or_status st = OR_OK;

    path[end] = '\0';
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        st = maildir_fault_set(f, "create directory", path);
    path[end] = after;
    return st;
}

static or_status
make_path(const char *path, struct maildir_fault *f)
{
    char *work = xstrdup(path);
    size_t n = strlen(work);
    or_status st = OR_OK;

    for (size_t end = 1; end <= n && st == OR_OK; end++)
        if ((work[end] == '/' || end == n) && work[end - 1] != '/')
            st = make_component(work, end, f);
    free(work);
    return st;
}

/* Makes cur/, new/ and tmp/ where they are missing: also what a crash left undone. */
static or_status
complete(struct maildir *box, struct maildir_fault *f)
{
    for (size_t i = 0; i < sizeof(subdirectories) / sizeof(subdirectories[0]); i++) {
        struct stat st;

        if (fstatat(box->dir_fd, subdirectories[i], &st, 0) == 0) {
            if (i == 0)
                box->tmp_looked_at = st.st_atime;
            continue;
        }
        if (errno != ENOENT)
            return maildir_fault_set(f, "look at", subdirectories[i]);
        if (mkdirat(box->dir_fd, subdirectories[i], 0700) != 0 && errno != EEXIST)
            return maildir_fault_set(f, "create directory", subdirectories[i]);
        box->made = true;
    }
    return OR_OK;
}

/* Hands `box` out once it is complete. */
static or_status
finish_open(struct maildir *box, const char *name, struct maildir *box_out, struct maildir_fault *f)
{
    or_status st = complete(box, f);

    if (st != OR_OK) {
        maildir_close(box);
        return err_wrap(&f->err, st, "%s", name);
    }
    *box_out = *box;
    return OR_OK;
}

or_status
maildir_open(const char *path, struct maildir *box_out, struct maildir_fault *f)
{
    struct maildir box = {.dir_fd = open(path, OPEN_DIRECTORY)};

    if (box.dir_fd < 0 && errno == ENOENT) {
        or_status st = make_path(path, f);

        if (st != OR_OK)
            return st;
        box.made = true;
        box.dir_fd = open(path, OPEN_DIRECTORY);
    }
    if (box.dir_fd < 0)
        return maildir_fault_set(f, "open", path);
    return finish_open(&box, path, box_out, f);
}

/* The empty file that tells Maildir++ readers that this directory is a folder of the one above. */
static or_status
mark_as_folder(int dir_fd, struct maildir_fault *f)
{
    int fd = openat(dir_fd, "maildirfolder", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return maildir_fault_set(f, "create", "maildirfolder");
    close(fd);
    return OR_OK;
}

static or_status
create_folder(const struct maildir *root, const char *dirname, int *fd_out, struct maildir_fault *f)
{
    if (mkdirat(root->dir_fd, dirname, 0700) != 0 && errno != EEXIST)
        return maildir_fault_set(f, "create folder", dirname);
    int fd = openat(root->dir_fd, dirname, OPEN_DIRECTORY);
    if (fd < 0)
        return maildir_fault_set(f, "open folder", dirname);
    or_status st = mark_as_folder(fd, f);
    if (st != OR_OK)
        close(fd);
    else
        *fd_out = fd;
    return st;
}

or_status
maildir_open_folder(const struct maildir *root, const char *dirname, bool create,
                    struct maildir *box_out, struct maildir_fault *f)
{
    struct maildir box = {.dir_fd = openat(root->dir_fd, dirname, OPEN_DIRECTORY)};
    or_status st = OR_OK;

    if (box.dir_fd < 0 && errno != ENOENT)
        return maildir_fault_set(f, "open folder", dirname);
    if (box.dir_fd < 0 && !create)
        return OR_ABSENT;
    if (box.dir_fd < 0) {
        st = create_folder(root, dirname, &box.dir_fd, f);
        box.made = true;
    }
    return st != OR_OK ? st : finish_open(&box, dirname, box_out, f);
}

void
maildir_close(struct maildir *box)
{
    if (box->dir_fd >= 0)
        close(box->dir_fd);
    box->dir_fd = -1;
}

or_status
maildir_device(const struct maildir *box, dev_t *device_out, struct maildir_fault *f)
{
    struct stat st;

    if (fstatat(box->dir_fd, "tmp", &st, 0) != 0)
        return maildir_fault_set(f, "look at", "tmp");
    *device_out = st.st_dev;
    return OR_OK;
}

/* "tmp/" or "new/" and the name; names are below NAME_MAX. */
#define ENTRY_BYTES (sizeof("tmp/") + MAILDIR_NAME_BYTES)

static void
entry(char out[ENTRY_BYTES], const char *directory, const char *name)
{
    snprintf(out, ENTRY_BYTES, "%.3s/%.255s", directory, name);
}

or_status
maildir_create(const struct maildir *box, const char *name, int *fd_out, struct maildir_fault *f)
{
    char path[ENTRY_BYTES];

    entry(path, "tmp", name);
    int fd = openat(box->dir_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return maildir_fault_set(f, "create", path);
    *fd_out = fd;
    return OR_OK;
}

void
maildir_discard(const struct maildir *box, const char *name)
{
    char path[ENTRY_BYTES];

    entry(path, "tmp", name);
    unlinkat(box->dir_fd, path, 0);
}

/* rename() would silently replace a message of the same name. File systems that do not know
 * RENAME_NOREPLACE (NFS) get the plain one: names are unique by construction. */
static bool
move_without_replacing(const struct maildir *from, const char *old, const struct maildir *to,
                       const char *new)
{
    if (renameat2(from->dir_fd, old, to->dir_fd, new, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    return renameat(from->dir_fd, old, to->dir_fd, new) == 0;
}

or_status
maildir_publish(const struct maildir *from, const char *tmp_name, const struct maildir *to,
                const char *new_name, enum maildir_publish how, struct maildir_fault *f)
{
    char old[ENTRY_BYTES], new[ENTRY_BYTES];

    entry(old, "tmp", tmp_name);
    entry(new, maildir_name_directory(new_name), new_name);
    bool placed = how == MAILDIR_MOVE ? move_without_replacing(from, old, to, new)
                                      : linkat(from->dir_fd, old, to->dir_fd, new, 0) == 0;
    if (!placed)
        return maildir_fault_set(
            f, how == MAILDIR_MOVE ? "move the message to" : "link the message to", new);
    return OR_OK;
}

or_status
maildir_confirm(const struct maildir *box, const char *new_name, struct maildir_fault *f)
{
    char new[ENTRY_BYTES];
    const char *directory = maildir_name_directory(new_name);
    or_status st = maildir_sync_directory(box->dir_fd, directory, f);

    /* The sender will be told to come again: what may or may not survive must not be there twice.
     */
    if (st != OR_OK) {
        entry(new, directory, new_name);
        unlinkat(box->dir_fd, new, 0);
    }
    return st;
}
