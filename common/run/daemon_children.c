/*
 * fork(2) without exec: the child goes on as another instance of the same daemon.
 */
#include "common/run/daemon_children.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void
become_child(struct daemon_children *children, pid_t parent)
{
    *children = (struct daemon_children){.parent = parent};
    /* Readiness and watchdog are the parent's to report. */
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    daemon_children_tie(children);
}

void
daemon_children_tie(const struct daemon_children *children)
{
    if (children->parent == 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != children->parent)
        _exit(EXIT_FAILURE);
}

or_status
daemon_children_add(struct daemon_children *children, bool *in_child_out, struct err *e)
{
    pid_t parent = getpid();

    if (children->count == DAEMON_MAX_CHILDREN)
        return err_set(e, OR_CONFIG, "more than %d services", DAEMON_MAX_CHILDREN + 1);
    pid_t pid = fork();
    if (pid < 0)
        return err_set(e, OR_CONFIG, "no process: %s; raise TasksMax=", os_error_text(errno));
    *in_child_out = pid == 0;
    if (pid == 0)
        become_child(children, parent);
    else
        children->pids[children->count++] = pid;
    return OR_OK;
}

void
daemon_children_signal(const struct daemon_children *children, int number)
{
    for (size_t i = 0; i < children->count; i++)
        if (children->pids[i] > 0)
            kill(children->pids[i], number);
}

bool
daemon_children_all_run(struct daemon_children *children)
{
    bool all = true;

    for (size_t i = 0; i < children->count; i++) {
        if (children->pids[i] > 0 && waitpid(children->pids[i], NULL, WNOHANG) != 0)
            children->pids[i] = 0;
        all = all && children->pids[i] != 0;
    }
    return all;
}

void
daemon_children_stop(struct daemon_children *children)
{
    daemon_children_signal(children, SIGTERM);
    for (size_t i = 0; i < children->count; i++) {
        if (children->pids[i] <= 0)
            continue;
        while (waitpid(children->pids[i], NULL, 0) < 0 && errno == EINTR)
            continue;
        children->pids[i] = 0;
    }
}
