/*
 * Temporary directories. Every failure aborts: a test that cannot set itself up must not pass.
 */
#include "tests/support/temp_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNPRIVILEGED_ID 23456
#define MAX_CONTENT_BYTES (64u << 20)

static void
require(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

uid_t
temp_tree_uid(void)
{
    return geteuid() == 0 ? UNPRIVILEGED_ID : geteuid();
}

gid_t
temp_tree_gid(void)
{
    return geteuid() == 0 ? UNPRIVILEGED_ID : getegid();
}

void
temp_tree_make(char path_out[TEMP_TREE_PATH_BYTES])
{
    snprintf(path_out, TEMP_TREE_PATH_BYTES, "/tmp/outrider-unit-XXXXXX");
    require(mkdtemp(path_out) != NULL, path_out);
    require(chown(path_out, temp_tree_uid(), temp_tree_gid()) == 0, path_out);
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

void
temp_tree_remove(const char *path)
{
    require(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0, path);
}

/* Counts, and keeps the last name found. */
static size_t
list(const char *directory, char name_out[256])
{
    DIR *dir = opendir(directory);
    size_t count = 0;

    if (dir == NULL)
        return 0;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        count++;
        snprintf(name_out, 256, "%s", d->d_name);
    }
    closedir(dir);
    return count;
}

size_t
temp_tree_count(const char *directory)
{
    char name[256];

    return list(directory, name);
}

void
temp_tree_read_only_entry(const char *directory, char *name_out, struct buf *content_out)
{
    char name[256], path[4096], bytes[4096];
    ssize_t n;

    require(list(directory, name) == 1, directory);
    snprintf(path, sizeof(path), "%.3000s/%s", directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    require(fd >= 0, path);
    buf_init(content_out, MAX_CONTENT_BYTES);
    while ((n = read(fd, bytes, sizeof(bytes))) > 0)
        buf_add(content_out, bytes, (size_t)n);
    close(fd);
    if (name_out != NULL)
        snprintf(name_out, 256, "%s", name);
}
