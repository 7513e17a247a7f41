/*
 * Key files: written under a hidden name, made durable, then linked to their own name. link(2)
 * fails where rename(2) would overwrite, so a key in use cannot be lost to a second keygen.
 */
#include "milter/dkim/dkim_keyfile.h"

#include "common/base/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANDOM_BYTES 6

or_status
dkim_keyfile_path(const char *directory, const char *domain, const char *selector,
                  char path_out[PATH_MAX], struct err *e)
{
    int n = snprintf(path_out, PATH_MAX, "%s/%s/%s.pem", directory, domain, selector);

    return n > 0 && n < PATH_MAX ? OR_OK : err_set(e, OR_CONFIG, "%s: path too long", directory);
}

static or_status
os_failure(const char *path, struct err *e)
{
    return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
}

/* As "mkdir -p" of all but the last part. */
static or_status
make_parents(const char *path, struct err *e)
{
    char part[PATH_MAX];

    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t n = (size_t)(slash - path);

        memcpy(part, path, n);
        part[n] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return os_failure(part, e);
    }
    return OR_OK;
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

static or_status
write_temporary(const char *temporary, struct span pem, uid_t uid, gid_t gid, struct err *e)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return os_failure(temporary, e);
    bool ok = fchmod(fd, 0600) == 0 && write_all(fd, pem) && fsync(fd) == 0 &&
              (uid == DKIM_KEYFILE_KEEP_OWNER || fchown(fd, uid, gid) == 0);
    or_status st = ok ? OR_OK : os_failure(temporary, e);
    close(fd);
    return st;
}

/* The name is only safe on disk once its folder is. */
static or_status
sync_folder(const char *path, size_t folder_n, struct err *e)
{
    char folder[PATH_MAX];

    memcpy(folder, path, folder_n);
    folder[folder_n] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return os_failure(folder, e);
    or_status st = fsync(fd) == 0 ? OR_OK : os_failure(folder, e);
    close(fd);
    return st;
}

static or_status
store(const char *path, struct span pem, uid_t uid, gid_t gid, struct err *e)
{
    char temporary[PATH_MAX];
    char suffix[2 * RANDOM_BYTES + 1];
    size_t folder_n = span_rfind(span_cstr(path), '/');
    or_status st = make_parents(path, e);

    if (st != OR_OK)
        return st;
    crypto_random_hex(suffix, RANDOM_BYTES);
    int n = snprintf(temporary, sizeof(temporary), "%.*s/.%s", (int)folder_n, path, suffix);
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return err_set(e, OR_CONFIG, "%s: path too long", path);
    st = write_temporary(temporary, pem, uid, gid, e);
    if (st == OR_OK && link(temporary, path) != 0)
        st = errno == EEXIST ? err_set(e, OR_CONFIG, "%s exists; choose another --selector", path)
                             : os_failure(path, e);
    (void)unlink(temporary);
    return st == OR_OK ? sync_folder(path, folder_n, e) : st;
}

or_status
dkim_keyfile_create(const char *path, const struct dkim_private *key, uid_t uid, gid_t gid,
                    struct err *e)
{
    struct buf pem;

    buf_init(&pem, DKIM_PEM_MAX_BYTES);
    or_status st = dkim_private_format(key, &pem);
    st = st == OR_OK ? store(path, buf_span(&pem), uid, gid, e)
                     : err_set(e, st, "the key cannot be written as PEM");
    buf_fini_wiped(&pem);
    return st;
}
