/*
 * getpwnam_r(3) and getgrnam_r(3) with a buffer that grows as long as they ask for more.
 */
#include "common/run/sysuser.h"

#include "common/base/xalloc.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>

#define SYSUSER_FIRST_BYTES 4096
#define SYSUSER_MAX_BYTES (1024 * 1024) /* a group with very many members */

static or_status
status_of(int rc)
{
    /* getpwnam_r(3): these mean "not found" in one NSS module or another. */
    if (rc == 0 || rc == ENOENT || rc == ESRCH || rc == EBADF || rc == EPERM)
        return OR_ABSENT;
    return OR_TEMPFAIL;
}

or_status
sysuser_find_home(const char *name, struct arena *mem, struct sysuser *out)
{
    struct passwd entry, *found = NULL;
    char *text = NULL;
    int rc = ERANGE;
    or_status st = OR_OK;

    for (size_t n = SYSUSER_FIRST_BYTES; rc == ERANGE && n <= SYSUSER_MAX_BYTES; n *= 2) {
        text = xreallocarray(text, n, 1);
        rc = getpwnam_r(name, &entry, text, n, &found);
    }
    struct sysuser user = {.home = SPAN_EMPTY};
    if (found == NULL)
        st = status_of(rc);
    else if (mem != NULL)
        st = arena_copy(mem, span_cstr(entry.pw_dir), &user.home);
    if (st == OR_OK) {
        user.uid = entry.pw_uid;
        user.gid = entry.pw_gid;
        *out = user;
    }
    free(text);
    return st;
}

or_status
sysuser_find(const char *name, uid_t *uid_out, gid_t *gid_out)
{
    struct sysuser user;
    or_status st = sysuser_find_home(name, NULL, &user);

    if (st == OR_OK) {
        *uid_out = user.uid;
        *gid_out = user.gid;
    }
    return st;
}

or_status
sysuser_find_group(const char *name, gid_t *gid_out)
{
    struct group entry, *found = NULL;
    char *text = NULL;
    int rc = ERANGE;

    for (size_t n = SYSUSER_FIRST_BYTES; rc == ERANGE && n <= SYSUSER_MAX_BYTES; n *= 2) {
        text = xreallocarray(text, n, 1);
        rc = getgrnam_r(name, &entry, text, n, &found);
    }
    if (found != NULL)
        *gid_out = entry.gr_gid;
    free(text);
    return found != NULL ? OR_OK : status_of(rc);
}
