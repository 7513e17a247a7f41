/*
 * A disk that fails and loses power, for tests: loaded with LD_PRELOAD into a daemon, it stands
 * between the daemon and the system calls that change or sync files.
 *
 * From the environment:
 *
 *     CUTSHIM_ROOT     what lies below this directory is watched (a path without symbolic links)
 *     CUTSHIM_JOURNAL  every change that succeeded is appended to this file, as `struct record`
 *     CUTSHIM_CUT      N: the Nth change is the last one, the process is killed behind it
 *     CUTSHIM_FAIL     N:E: the Nth change does not happen and fails with errno E
 *     CUTSHIM_RULES    a file of lines "CALL SUBSTRING ERRNO", read anew at each call: calls of
 *                      that name on a path that contains the substring fail
 *
 * tests/support/power_cut.py reads the journal and makes of it the disks that a power cut may have
 * left. Calls that the C library makes inside itself (stdio) are not seen; the reader finds out, as
 * its disk then differs from the real one.
 *
 * Threads: locked. The lock is held across the call and its record: the journal's order is the
 * order in which things happened.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, MKDIR, LINK, UNLINK, RENAME, WRITE, SYNC, SYNC_ALL, TRUNCATE };

/* Behind it: name_bytes, then data_bytes. */
struct record {
    uint32_t what;
    uint32_t name_bytes;
    uint64_t parent;     /* inode of the directory */
    uint64_t inode;      /* of the file or new directory */
    uint64_t offset;     /* of a write; the new size; of a rename the directory it goes to */
    uint64_t data_bytes; /* what was written; of a rename the new name */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *rules;
static int journal = -1;
static long changes, cut_at, fail_at;
static int fail_errno;

__attribute__((constructor)) static void
start(void)
{
    const char *path = getenv("CUTSHIM_JOURNAL"), *cut = getenv("CUTSHIM_CUT");
    const char *fail = getenv("CUTSHIM_FAIL");

    root = getenv("CUTSHIM_ROOT");
    rules = getenv("CUTSHIM_RULES");
    if (path != NULL)
        journal = (int)syscall(SYS_openat, AT_FDCWD, path,
                               O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    cut_at = cut != NULL ? strtol(cut, NULL, 10) : 0;
    if (fail != NULL) {
        char *colon;

        fail_at = strtol(fail, &colon, 10);
        fail_errno = *colon == ':' ? (int)strtol(colon + 1, NULL, 10) : EIO;
    }
}

/* The next function of this name, of the type of function `like_`. The union is how POSIX data
 * becomes a function in ISO C. */
#define REAL(like_, name_)                                                                         \
    union {                                                                                        \
        void *data;                                                                                \
        __typeof__(&like_) call;                                                                   \
    } real = {.data = dlsym(RTLD_NEXT, name_)}

static void
path_of_fd(int fd, char out[PATH_MAX])
{
    char link[64];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    out[n < 0 ? 0 : n] = '\0';
}

static void
path_at(int fd, const char *path, char out[PATH_MAX])
{
    char base[PATH_MAX] = "";

    if (path[0] != '/' && fd != AT_FDCWD)
        path_of_fd(fd, base);
    snprintf(out, PATH_MAX, "%.2000s%s%.2000s", base, base[0] != '\0' ? "/" : "", path);
}

static bool
is_watched(const char *path)
{
    size_t n = root != NULL ? strlen(root) : 0;

    return n > 0 && strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The errno that the rules have for this call, or 0. */
static int
ruled(const char *call, const char *path)
{
    char text[4096], *state = NULL;

    if (rules == NULL)
        return 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, rules, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    ssize_t n = syscall(SYS_read, fd, text, sizeof(text) - 1);
    syscall(SYS_close, fd);
    text[n < 0 ? 0 : n] = '\0';
    for (char *line = strtok_r(text, "\n", &state); line != NULL;
         line = strtok_r(NULL, "\n", &state)) {
        char name[32], part[PATH_MAX];
        int number;

        if (sscanf(line, "%31s %4095s %d", name, part, &number) == 3 && strcmp(name, call) == 0 &&
            strstr(path, part) != NULL)
            return number;
    }
    return 0;
}

/* Takes the lock; false: the call fails with errno set, and the lock is not held. */
static bool
begin(const char *call, const char *path, bool is_change)
{
    if (!is_watched(path))
        path = "";
    pthread_mutex_lock(&lock);
    int error = path[0] != '\0' ? ruled(call, path) : 0;

    if (path[0] != '\0' && is_change && ++changes == fail_at)
        error = fail_errno;
    if (error == 0)
        return true;
    pthread_mutex_unlock(&lock);
    errno = error;
    return false;
}

static void
note(const struct record *r, const char *name, const char *data)
{
    struct iovec parts[3] = {{(void *)(uintptr_t)r, sizeof(*r)},
                             {(void *)(uintptr_t)name, r->name_bytes},
                             {(void *)(uintptr_t)data, r->data_bytes}};

    if (journal >= 0 && syscall(SYS_writev, journal, parts, 3) < 0)
        abort();
}

/* Power goes here, when this was the last change. `is_change`: the call was watched. */
static void
end(bool is_change)
{
    int error = errno;

    if (is_change && cut_at > 0 && changes >= cut_at)
        syscall(SYS_kill, getpid(), SIGKILL);
    pthread_mutex_unlock(&lock);
    errno = error;
}

static uint64_t
inode_of(const char *path)
{
    struct stat st;

    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

/* Cuts `path` into directory and name. */
static const char *
split(char path[PATH_MAX], uint64_t *parent_out)
{
    char *slash = strrchr(path, '/');
    struct stat st;

    *slash = '\0';
    *parent_out = stat(path, &st) == 0 ? st.st_ino : 0;
    *slash = '/';
    return slash + 1;
}

static void
note_entry(uint32_t what, char path[PATH_MAX], uint64_t inode)
{
    struct record r = {.what = what, .inode = inode};
    const char *name = split(path, &r.parent);

    r.name_bytes = (uint32_t)strlen(name);
    note(&r, name, NULL);
}

static int
do_open(const char *symbol, int at, const char *path, int flags, mode_t mode)
{
    REAL(openat, symbol);
    char full[PATH_MAX];

    path_at(at, path, full);
    bool creates = (flags & O_CREAT) != 0, watched = is_watched(full);
    if (!begin("open", full, creates))
        return -1;
    bool existed = creates && watched && inode_of(full) != 0;
    int fd = real.call(at, path, flags, mode);
    if (fd >= 0 && creates && watched && !existed)
        note_entry(CREATE, full, inode_of(full));
    end(creates && watched);
    return fd;
}

static mode_t
mode_of(int flags, va_list list)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
}

#define OPENAT(name_)                                                                              \
    int name_(int at, const char *path, int flags, ...)                                            \
    {                                                                                              \
        va_list list;                                                                              \
                                                                                                   \
        va_start(list, flags);                                                                     \
        mode_t mode = mode_of(flags, list);                                                        \
        va_end(list);                                                                              \
        return do_open("openat", at, path, flags, mode);                                           \
    }
#define OPEN(name_)                                                                                \
    int name_(const char *path, int flags, ...)                                                    \
    {                                                                                              \
        va_list list;                                                                              \
                                                                                                   \
        va_start(list, flags);                                                                     \
        mode_t mode = mode_of(flags, list);                                                        \
        va_end(list);                                                                              \
        return do_open("openat", AT_FDCWD, path, flags, mode);                                     \
    }
OPENAT(openat)
OPENAT(openat64)
OPEN(open)
OPEN(open64)

static ssize_t
do_write(int fd, const void *bytes, size_t n, off_t at)
{
    char path[PATH_MAX];
    struct stat st;

    path_of_fd(fd, path);
    bool watched = is_watched(path);
    if (!begin("write", path, watched))
        return -1;
    if (watched && fstat(fd, &st) != 0)
        abort();
    if (watched && at < 0)
        at = (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? st.st_size : lseek(fd, 0, SEEK_CUR);
    ssize_t done =
        watched ? syscall(SYS_pwrite64, fd, bytes, n, at) : syscall(SYS_write, fd, bytes, n);
    if (done > 0 && watched) {
        struct record r = {.what = WRITE,
                           .inode = st.st_ino,
                           .offset = (uint64_t)at,
                           .data_bytes = (uint64_t)done};

        if ((fcntl(fd, F_GETFL) & O_APPEND) == 0)
            lseek(fd, at + done, SEEK_SET);
        note(&r, NULL, bytes);
    }
    end(watched);
    return done;
}

ssize_t
write(int fd, const void *bytes, size_t n)
{
    return do_write(fd, bytes, n, -1);
}

/* One piece at a time: callers must be ready for short writes anyway. */
ssize_t
writev(int fd, const struct iovec *parts, int count)
{
    char path[PATH_MAX];
    ssize_t sum = 0;

    path_of_fd(fd, path);
    if (!is_watched(path))
        return syscall(SYS_writev, fd, parts, count);
    for (int i = 0; i < count; i++) {
        ssize_t n = do_write(fd, parts[i].iov_base, parts[i].iov_len, -1);

        if (n < 0)
            return sum > 0 ? sum : -1;
        sum += n;
        if ((size_t)n < parts[i].iov_len)
            break;
    }
    return sum;
}

static int
do_sync(const char *symbol, int fd, uint32_t what)
{
    REAL(fsync, symbol);
    char path[PATH_MAX];
    struct stat st;

    path_of_fd(fd, path);
    bool watched = is_watched(path);
    if (!begin(symbol, path, watched))
        return -1;
    int result = real.call(fd);
    if (result == 0 && watched && fstat(fd, &st) == 0) {
        struct record r = {.what = what, .inode = st.st_ino};

        note(&r, NULL, NULL);
    }
    end(watched);
    return result;
}

int
fsync(int fd)
{
    return do_sync("fsync", fd, SYNC);
}

int
fdatasync(int fd)
{
    return do_sync("fdatasync", fd, SYNC);
}

int
syncfs(int fd)
{
    return do_sync("syncfs", fd, SYNC_ALL);
}

int
ftruncate(int fd, off_t length)
{
    REAL(ftruncate, "ftruncate");
    char path[PATH_MAX];
    struct stat st;

    path_of_fd(fd, path);
    bool watched = is_watched(path);
    if (!begin("ftruncate", path, watched))
        return -1;
    int result = real.call(fd, length);
    if (result == 0 && watched && fstat(fd, &st) == 0) {
        struct record r = {.what = TRUNCATE, .inode = st.st_ino, .offset = (uint64_t)length};

        note(&r, NULL, NULL);
    }
    end(watched);
    return result;
}

int
close(int fd)
{
    char path[PATH_MAX];

    path_of_fd(fd, path);
    bool goes_on = begin("close", path, false);
    int error = errno, result = (int)syscall(SYS_close, fd); /* a failing close() closes, too */
    if (goes_on) {
        end(false);
        return result;
    }
    errno = error;
    return -1;
}

int
mkdirat(int at, const char *path, mode_t mode)
{
    REAL(mkdirat, "mkdirat");
    char full[PATH_MAX];

    path_at(at, path, full);
    bool watched = is_watched(full);
    if (!begin("mkdir", full, watched))
        return -1;
    int result = real.call(at, path, mode);
    if (result == 0 && watched)
        note_entry(MKDIR, full, inode_of(full));
    end(watched);
    return result;
}

int
mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int
unlinkat(int at, const char *path, int flags)
{
    REAL(unlinkat, "unlinkat");
    char full[PATH_MAX];

    path_at(at, path, full);
    bool watched = is_watched(full);
    if (!begin("unlink", full, watched))
        return -1;
    int result = real.call(at, path, flags);
    if (result == 0 && watched)
        note_entry(UNLINK, full, 0);
    end(watched);
    return result;
}

int
unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int
linkat(int from, const char *old, int to, const char *new, int flags)
{
    REAL(linkat, "linkat");
    char full[PATH_MAX];

    path_at(to, new, full);
    bool watched = is_watched(full);
    if (!begin("link", full, watched))
        return -1;
    int result = real.call(from, old, to, new, flags);
    if (result == 0 && watched)
        note_entry(LINK, full, inode_of(full));
    end(watched);
    return result;
}

int
link(const char *old, const char *new)
{
    return linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int
renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    REAL(renameat2, "renameat2");
    char source[PATH_MAX], target[PATH_MAX];

    path_at(from, old, source);
    path_at(to, new, target);
    bool watched = is_watched(target);
    if (!begin("rename", target, watched))
        return -1;
    int result = real.call(from, old, to, new, flags);
    if (result == 0 && watched) {
        struct record r = {.what = RENAME, .inode = inode_of(target)};
        const char *old_name = split(source, &r.parent), *new_name = split(target, &r.offset);

        r.name_bytes = (uint32_t)strlen(old_name);
        r.data_bytes = strlen(new_name);
        note(&r, old_name, new_name);
    }
    end(watched);
    return result;
}

int
renameat(int from, const char *old, int to, const char *new)
{
    return renameat2(from, old, to, new, 0);
}

int
rename(const char *old, const char *new)
{
    return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

/* For rules only: it changes nothing. */
int
fstatat(int at, const char *path, struct stat *out, int flags)
{
    REAL(fstatat, "fstatat");
    char full[PATH_MAX];

    if (path[0] == '/') /* our own look-ups, under the lock */
        return real.call(at, path, out, flags);
    path_at(at, path, full);
    if (!begin("stat", full, false))
        return -1;
    int result = real.call(at, path, out, flags);
    end(false);
    return result;
}
