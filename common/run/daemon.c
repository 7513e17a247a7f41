/*
 * Start, serve, reload, stop: the main thread of every daemon.
 *
 * The main thread does nothing but wait for signals, all others have them blocked. Its handlers
 * write into a pipe; sigwait(3) would not do: libmilter waits for the same signals in a thread of
 * its own, and only a main thread that has them unblocked gets them first (STYLE.md 8).
 *
 * Standards: sd_notify(3), sysexits.h. Files: one configuration file, named on the command line.
 */
#include "common/run/daemon.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/run/daemon_args.h"
#include "common/run/daemon_snapshot.h"
#include "common/run/daemon_user.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

/* Instrumented frames are several times larger. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define THREAD_STACK_BYTES ((size_t)2048 * 1024)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define THREAD_STACK_BYTES ((size_t)2048 * 1024)
#endif
#endif
#ifndef THREAD_STACK_BYTES
#define THREAD_STACK_BYTES ((size_t)256 * 1024)
#endif

/* A signal handler has no context: the write end of the main thread's pipe. */
static int signal_pipe_write = -1;

void *
daemon_state(struct daemon *d)
{
    return d->state;
}

int
daemon_listener_fd(struct daemon *d)
{
    return d->listener_fd;
}

const char *
daemon_listener_service(struct daemon *d)
{
    return d->listener_service;
}

static const struct conf_common *
current_conf(struct daemon *d)
{
    return d->current->snapshot.settings;
}

/* Every thread, those of libmilter and other libraries included: a thousand of them fit, and the C
 * library can keep the stacks of ended ones (it keeps 40 MiB) instead of mapping new ones. */
static void
set_thread_stacks(void)
{
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
    pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
}

/* Before any thread: process-wide settings. */
static void
prepare_process(void)
{
    struct rlimit files;

    set_thread_stacks();

    /* A thousand threads must not cost a thousand arenas. */
    mallopt(M_ARENA_MAX, 2);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    /* A closed stderr would become some socket, and log lines its input. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", O_RDWR);
}

static void
open_log(const struct daemon *d, const struct conf_common *conf)
{
    log_open(d->spec->name, (enum log_target)conf->log_target, (enum log_format)conf->log_format,
             (enum log_level)conf->log_level);
}

/* -t: everything is read, nothing is created; as the daemon's user, who must be able to read it. */
static or_status
check(struct daemon *d, struct err *e)
{
    void *settings, *built = NULL;

    /* Whoever asks is at a terminal or in a script, wherever the log goes later. */
    log_open(d->spec->name, LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_WARNING);
    or_status st = daemon_snapshot_load(d, &settings, e);

    if (st != OR_OK)
        return st;
    st = daemon_user_check(settings, e);
    if (st == OR_OK)
        st = daemon_user_become(settings, NULL, e);
    if (st == OR_OK && d->spec->build != NULL)
        st = d->spec->build(NULL, settings, true, &built, e);
    if (built != NULL && d->spec->destroy != NULL)
        d->spec->destroy(built);
    conf_free(d->spec->schema, settings);
    if (st == OR_OK)
        printf("%s: %s: the configuration is good\n", d->spec->name, d->config);
    return st;
}

static void
on_signal(int number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t rc = write(signal_pipe_write, &byte, 1);

    (void)rc; /* a full pipe holds enough signals to act on */
    errno = saved;
}

static const int handled_signals[] = {SIGHUP, SIGTERM, SIGINT, SIGCHLD};

#define HANDLED_COUNT (sizeof(handled_signals) / sizeof(handled_signals[0]))

/* Before anything can be connected to: whoever sees us listening may stop us. */
static or_status
catch_signals(struct daemon *d, struct err *e)
{
    /* SA_NODEFER: a second SIGHUP while the handler runs would else find it blocked here, and go to
     * libmilter's thread, which stops at it. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_NODEFER};
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_set(e, OR_CONFIG, "no pipe: %s; raise LimitNOFILE=", os_error_text(errno));
    d->signal_fd = ends[0];
    signal_pipe_write = ends[1];
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < HANDLED_COUNT; i++)
        sigaction(handled_signals[i], &action, NULL);
    return OR_OK;
}

static bool
is_configured(const struct conf_common *conf, const char *service)
{
    for (size_t i = 0; i < conf->listener_count; i++)
        if (strcmp(conf->listeners[i].service, service) == 0)
            return true;
    return false;
}

/* A service besides the first: its listener goes to a child, which does not come back here. */
static or_status
open_for_child(struct daemon *d, const struct conf_common *conf, const char *service, struct err *e)
{
    bool in_child;
    int fd;
    or_status st = server_open_one(conf, service, &fd, e);

    if (st == OR_OK)
        st = daemon_children_add(&d->children, &in_child, e);
    if (st != OR_OK)
        return st;
    if (!in_child) {
        close(fd);
        return OR_OK;
    }
    close(d->listener_fd);
    d->listener_fd = fd;
    d->listener_service = service;
    d->is_child = true;
    /* The parent's pipe would tell the parent. */
    close(d->signal_fd);
    close(signal_pipe_write);
    return catch_signals(d, e);
}

static or_status
open_listeners(struct daemon *d, const struct conf_common *conf, struct err *e)
{
    const struct daemon_spec *spec = d->spec;
    const struct conf_schema *schema = spec->schema;

    if (spec->serve == NULL)
        return server_open(conf, spec->services, spec->service_count, d, &d->server, e);
    d->listener_service = schema->services[0].name;
    or_status st = server_open_one(conf, d->listener_service, &d->listener_fd, e);
    for (size_t i = 1; i < schema->service_count && st == OR_OK && !d->is_child; i++)
        if (is_configured(conf, schema->services[i].name))
            st = open_for_child(d, conf, schema->services[i].name, e);
    return st;
}

static void
note_configuration(bool good)
{
    metrics_set(METRICS_RELOAD_GOOD, good);
    if (good)
        metrics_set(METRICS_RELOAD_TIME, (int64_t)clock_now());
}

/* Everything that may fail before we serve, in the order of daemon.h. */
static or_status
start(struct daemon *d, struct err *e)
{
    void *settings;
    or_status st = daemon_snapshot_load(d, &settings, e);

    if (st != OR_OK)
        return st;
    open_log(d, settings);
    /* Before there are children, which count in the same cells. */
    metrics_start(d->spec->metrics, d->spec->schema->uses_dns);
    st = daemon_user_check(settings, e);
    if (st == OR_OK)
        st = open_listeners(d, settings, e);
    if (st == OR_OK && !d->is_child)
        st = metrics_http_open(settings, &d->metrics, e);
    if (st == OR_OK)
        st = daemon_user_become(settings, d->spec->keep_caps, e);
    daemon_children_tie(&d->children);
    if (st == OR_OK && d->spec->open != NULL)
        st = d->spec->open(settings, &d->state, e);
    if (st != OR_OK) {
        conf_free(d->spec->schema, settings);
        return st;
    }
    d->opened = true;
    st = daemon_snapshot_install(d, settings, e);
    if (st != OR_OK)
        return st;
    note_configuration(true);
    return metrics_http_start(d->metrics, e);
}

static void *
worker_main(void *arg)
{
    struct daemon *d = arg;
    uint64_t one = 1;
    sigset_t all;

    /* Threads inherit the mask: this one and its children have every signal blocked. Until here a
     * signal may run its handler in this thread, which is as good. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    if (d->spec->serve != NULL) {
        d->worker_status = d->spec->serve(d);
    } else {
        size_t cut = server_run(d->server);

        if (cut > 0)
            log_warning("%zu sessions cut off at the end of drain-timeout", cut);
    }
    ssize_t rc = write(d->done_fd, &one, sizeof(one));

    (void)rc;
    return NULL;
}

static or_status
start_worker(struct daemon *d, struct err *e)
{
    sigset_t handled;

    d->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sigemptyset(&handled);
    for (size_t i = 0; i < HANDLED_COUNT; i++)
        sigaddset(&handled, handled_signals[i]);
    /* Before there is a thread that waits for them, and never blocked in this one from here on. */
    pthread_sigmask(SIG_UNBLOCK, &handled, NULL);
    int rc = pthread_create(&d->worker, NULL, worker_main, d);

    if (rc != 0)
        return err_set(e, OR_CONFIG, "no thread: %s; raise TasksMax=", os_error_text(rc));
    return OR_OK;
}

static bool
same_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

static bool
same_listener(const struct conf_listener *a, const struct conf_listener *b)
{
    if (!same_text(a->service, b->service) || a->address_count != b->address_count ||
        !same_text(a->owner, b->owner) || !same_text(a->group, b->group) || a->mode != b->mode)
        return false;
    for (size_t i = 0; i < a->address_count; i++)
        if (strcmp(a->addresses[i], b->addresses[i]) != 0)
            return false;
    return true;
}

/* What was fixed at start stays as it was; say so instead of letting the operator guess. */
static void
warn_of_fixed(const struct conf_common *old, const struct conf_common *fresh)
{
    bool same = old->listener_count == fresh->listener_count;

    for (size_t i = 0; same && i < old->listener_count; i++)
        same = same_listener(&old->listeners[i], &fresh->listeners[i]);
    if (!same)
        log_warning("reload: listen has changed, which takes a restart");
    if (!same_text(old->metrics_listen, fresh->metrics_listen))
        log_warning("reload: metrics-listen has changed, which takes a restart");
    if (!same_text(old->user, fresh->user) || !same_text(old->group, fresh->group))
        log_warning("reload: user or group has changed, which takes a restart");
}

static or_status
load_again(struct daemon *d, struct err *e)
{
    void *settings;
    or_status st = daemon_snapshot_load(d, &settings, e);

    if (st != OR_OK)
        return st;
    const struct daemon_snapshot *old = daemon_snapshot_take(d);

    st = daemon_snapshot_install(d, settings, e);
    if (st == OR_OK)
        warn_of_fixed(old->settings, current_conf(d));
    daemon_snapshot_drop(d, old);
    return st;
}

static void
reload(struct daemon *d)
{
    struct timespec now;
    struct err e;

    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
               (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    or_status st = load_again(d, &e);

    note_configuration(st == OR_OK);
    metrics_inc(METRICS_RELOADS, st == OR_OK ? METRICS_RELOAD_OK : METRICS_RELOAD_FAILED);
    if (st != OR_OK) {
        log_error("reload failed, the old configuration stays: %s", e.text);
    } else {
        open_log(d, current_conf(d));
        if (d->server != NULL)
            server_update(d->server, current_conf(d));
        log_info("configuration reloaded from %s", d->config);
    }
    sd_notify(0, "READY=1");
}

static void
stop(struct daemon *d)
{
    sd_notify(0, "STOPPING=1");
    log_info("stopping");
    if (d->spec->serve != NULL)
        d->spec->stop(d);
    else
        server_stop(d->server);
}

/* Acts on the signals that came. `stopping` remembers that one stop is enough. */
static void
act_on_signals(struct daemon *d, bool *stopping)
{
    unsigned char numbers[64];
    ssize_t got = read(d->signal_fd, numbers, sizeof(numbers));
    bool wants_reload = false, wants_stop = false;

    for (ssize_t i = 0; i < got; i++) {
        wants_reload |= numbers[i] == SIGHUP;
        wants_stop |= numbers[i] == SIGTERM || numbers[i] == SIGINT;
    }
    if (!daemon_children_all_run(&d->children) && !*stopping && !wants_stop) {
        log_error("a process of ours has ended by itself; so does this one");
        d->lost_child = wants_stop = true;
    }
    if (wants_stop && !*stopping) {
        *stopping = true;
        daemon_children_signal(&d->children, SIGTERM);
        stop(d);
    }
    if (wants_reload && !*stopping) {
        daemon_children_signal(&d->children, SIGHUP);
        reload(d);
    }
}

/* Until the worker has returned. */
static int
wait_for_worker(struct daemon *d)
{
    struct pollfd fds[2] = {{.fd = d->signal_fd, .events = POLLIN},
                            {.fd = d->done_fd, .events = POLLIN}};
    uint64_t watchdog_us = 0;
    bool stopping = false;
    /* systemd(1) advises half of its interval. */
    int ping_ms = sd_watchdog_enabled(0, &watchdog_us) > 0 ? (int)(watchdog_us / 2000) : -1;

    sd_notify(0, "READY=1");
    while (fds[1].revents == 0) {
        fds[0].revents = fds[1].revents = 0;
        if (poll(fds, 2, ping_ms) < 0)
            continue;
        if (ping_ms >= 0)
            sd_notify(0, "WATCHDOG=1");
        if (fds[0].revents != 0)
            act_on_signals(d, &stopping);
    }
    pthread_join(d->worker, NULL);
    if (!stopping)
        log_error("stopped serving by itself");
    daemon_children_stop(&d->children);
    if (d->lost_child)
        return EX_SOFTWARE;
    return stopping || d->worker_status != 0 ? d->worker_status : EX_SOFTWARE;
}

/* One line for the operator, also where the log goes to syslog. */
static int
fail(const struct daemon *d, const struct err *e)
{
    fprintf(stderr, "%s: %s\n", d->spec->name, e->text);
    return EX_CONFIG;
}

static int
run(struct daemon *d, struct err *e)
{
    if (catch_signals(d, e) != OR_OK || start(d, e) != OR_OK || start_worker(d, e) != OR_OK) {
        daemon_children_stop(&d->children);
        return fail(d, e);
    }
    log_info("started version=%s config=%s", OUTRIDER_VERSION, d->config);
    int status = wait_for_worker(d);

    /* Sessions that nothing could end still use all of this: leave it to the kernel. */
    if (d->server != NULL && server_connection_count(d->server) > 0)
        _exit(status);
    log_info("stopped");
    return status;
}

int
daemon_main(int argc, char **argv, const struct daemon_spec *spec)
{
    struct daemon_args args;
    struct daemon d = {
        .spec = spec, .config = args.config, .listener_fd = -1, .signal_fd = -1, .done_fd = -1};
    struct err e = {{0}};
    int status;

    if (!daemon_args_parse(argc, argv, spec, &args, &status))
        return status;
    prepare_process();
    lock_init(&d.lock, LOCK_SETTINGS);
    if (args.check_only)
        status = check(&d, &e) == OR_OK ? EX_OK : fail(&d, &e);
    else
        status = run(&d, &e);
    metrics_http_close(d.metrics);
    server_close(d.server);
    daemon_snapshot_clear(&d);
    if (d.opened && spec->close != NULL)
        spec->close(d.state);
    lock_fini(&d.lock);
    return status;
}
