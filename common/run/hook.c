/* One thread for each program that runs: it waits for the end, which nobody else may collect. */
#include "common/run/hook.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define LOOK_MS 50

struct hook {
    char *path;
    pid_t pid;
};

static atomic_uint running;

static void
finish(struct hook *h)
{
    free(h->path);
    free(h);
    atomic_fetch_sub(&running, 1);
}

/* The end of the program, or its end by us. */
static int
await(const struct hook *h)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
    int64_t deadline = clock_mono_ms() + HOOK_TIMEOUT_MS;
    int status = 0;
    pid_t done;

    while ((done = waitpid(h->pid, &status, WNOHANG)) == 0 && clock_mono_ms() < deadline)
        nanosleep(&pause, NULL);
    if (done == 0) {
        log_warning("%s: killed after %d s", h->path, HOOK_TIMEOUT_MS / 1000);
        kill(h->pid, SIGKILL);
        while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    return status;
}

static void *
run(void *argument)
{
    struct hook *h = argument;
    int status = await(h);

    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        log_warning("%s: exit %d", h->path, WEXITSTATUS(status));
    finish(h);
    return NULL;
}

/* Signals as a program expects them, whatever the daemon blocks and ignores. */
static void
set_signals(posix_spawnattr_t *attr)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &all);
    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int
spawn(const char *const *argv, pid_t *pid_out)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *environment[] = {path, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawnattr_init(&attr);
    set_signals(&attr);
    int error =
        posix_spawn(pid_out, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, environment);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

static int
watch(struct hook *h)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int error = pthread_create(&thread, &attr, run, h);
    pthread_attr_destroy(&attr);
    return error;
}

or_status
hook_run(const char *const *argv, struct err *e)
{
    if (atomic_fetch_add(&running, 1) >= HOOK_MAX_RUNNING) {
        atomic_fetch_sub(&running, 1);
        return err_set(e, OR_LIMIT, "%s: not started, %d are running", argv[0], HOOK_MAX_RUNNING);
    }
    struct hook *h = xcalloc(1, sizeof(*h));
    h->path = xstrdup(argv[0]);
    int error = spawn(argv, &h->pid);
    if (error != 0) {
        finish(h);
        return err_set(e, OR_CONFIG, "%s: %s", argv[0], os_error_text(error));
    }
    if (watch(h) != 0)
        (void)run(h); /* better late than never collected */
    return OR_OK;
}
