/*
 * An administrator's program that is told of something: started with arguments, never through a
 * shell, and not waited for. It has the daemon's user, no standard input, and its output goes where
 * the daemon's goes; after a minute it is killed. What it exits with is logged.
 *
 * Threads: locked.
 */
#ifndef OUTRIDER_COMMON_RUN_HOOK_H
#define OUTRIDER_COMMON_RUN_HOOK_H

#include "common/base/span.h"

#define HOOK_MAX_ARGUMENTS 8
#define HOOK_MAX_RUNNING 8 /* at once; further ones are left out, and that is logged */
#define HOOK_TIMEOUT_MS 60000

/* `argv` is the program's absolute path, its arguments, and NULL. OR_CONFIG: it cannot be started;
 * OR_LIMIT: too many are running. Outside words may be arguments: nothing reads them as commands.
 */
or_status hook_run(const char *const *argv, struct err *e) OR_MUST_USE;

#endif
