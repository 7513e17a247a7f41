/*
 * Further processes of a daemon whose library serves one listener per process (libmilter): one
 * child for each further service, started before there are threads, with the same configuration and
 * user.
 *
 * The parent passes SIGHUP and SIGTERM on. A child that ends by itself ends the parent, and a child
 * whose parent dies, however that happens, gets SIGTERM from the kernel: systemd sees one service.
 *
 * Threads: the main thread only.
 */
#ifndef OUTRIDER_COMMON_RUN_DAEMON_CHILDREN_H
#define OUTRIDER_COMMON_RUN_DAEMON_CHILDREN_H

#include "common/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define DAEMON_MAX_CHILDREN 4

struct daemon_children {
    pid_t pids[DAEMON_MAX_CHILDREN]; /* 0: ended */
    size_t count;
    pid_t parent; /* in a child: who forked it; else 0 */
};

/* Forks. *in_child_out tells which of the two the caller is; a child has no children. OR_CONFIG: no
 * process to be had. */
or_status daemon_children_add(struct daemon_children *children, bool *in_child_out,
                              struct err *e) OR_MUST_USE;
/* In a child, after its last change of user (which unties it): SIGTERM when the parent dies, and
 * the end at once when it has. Nothing in the parent. */
void daemon_children_tie(const struct daemon_children *children);
void daemon_children_signal(const struct daemon_children *children, int number);
/* After SIGCHLD: false when one of them has ended. */
bool daemon_children_all_run(struct daemon_children *children);
/* SIGTERM to all, then waits for their end. */
void daemon_children_stop(struct daemon_children *children);

#endif
