/*
 * What a struct daemon is inside, and its counted settings snapshot.
 *
 * Threads: locked (LOCK_SETTINGS) for `current` and the counts; the rest belongs to the main
 * thread.
 */
#ifndef OUTRIDER_COMMON_RUN_DAEMON_SNAPSHOT_H
#define OUTRIDER_COMMON_RUN_DAEMON_SNAPSHOT_H

#include "common/base/locks.h"
#include "common/run/daemon.h"
#include "common/run/daemon_children.h"
#include "common/run/metrics_http.h"

struct counted_snapshot {
    struct daemon_snapshot snapshot; /* first: what the outside sees */
    void *settings;
    size_t holders;
};

struct daemon {
    const struct daemon_spec *spec;
    const char *config; /* path */
    void *state;
    bool opened;                  /* spec->open() succeeded: close() is due */
    struct server *server;        /* NULL with spec->serve */
    struct metrics_http *metrics; /* NULL: metrics-listen is empty */
    int listener_fd;              /* with spec->serve; then libmilter's to close, else -1 */
    const char *listener_service;
    bool is_child; /* serves a further service for the process that the operator sees */
    bool lost_child;
    struct daemon_children children;
    struct lock lock;
    struct counted_snapshot *current; /* holds one count itself */
    pthread_t worker;
    int signal_fd;     /* read end of the pipe that signal handlers write to */
    int done_fd;       /* eventfd: the worker returned */
    int worker_status; /* written by the worker before done_fd */
};

/* Loads the configuration file. OR_CONFIG; the caller frees with conf_free() or hands it on. */
or_status daemon_snapshot_load(struct daemon *d, void **settings_out, struct err *e) OR_MUST_USE;
/* Builds on `settings` and makes that the current snapshot; takes `settings` over, also on failure.
 */
or_status daemon_snapshot_install(struct daemon *d, void *settings, struct err *e) OR_MUST_USE;
/* Drops the daemon's own hold, at the end. */
void daemon_snapshot_clear(struct daemon *d);

#endif
