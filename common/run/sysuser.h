/*
 * Users and groups of the system, by name.
 *
 * Threads: locked (by the C library).
 */
#ifndef OUTRIDER_COMMON_RUN_SYSUSER_H
#define OUTRIDER_COMMON_RUN_SYSUSER_H

#include "common/base/arena.h"
#include "common/base/span.h"

#include <sys/types.h>

struct sysuser {
    uid_t uid;
    gid_t gid;
    struct span home;
};

/* OR_ABSENT: no such user (group). OR_TEMPFAIL: the user database cannot be asked. */
or_status sysuser_find(const char *name, uid_t *uid_out, gid_t *gid_out) OR_MUST_USE;
or_status sysuser_find_group(const char *name, gid_t *gid_out) OR_MUST_USE;
/* With the home, copied into `mem` (NULL: left empty); OR_LIMIT past the arena. */
or_status sysuser_find_home(const char *name, struct arena *mem, struct sysuser *out) OR_MUST_USE;

#endif
