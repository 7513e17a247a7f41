/*
 * The command line that all daemons share.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_DAEMON_ARGS_H
#define OUTRIDER_COMMON_RUN_DAEMON_ARGS_H

#include "common/run/daemon.h"

#include <limits.h>

struct daemon_args {
    char config[PATH_MAX]; /* -c, or the default path */
    bool check_only;       /* -t */
};

/* True: go on. False: all is said and done (-h, -V, --print-..., wrong arguments), exit with
 * *status_out: 0 or 64 (EX_USAGE). */
bool daemon_args_parse(int argc, char **argv, const struct daemon_spec *spec,
                       struct daemon_args *args_out, int *status_out);

#endif
