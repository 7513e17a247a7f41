/*
 * The life of a daemon: arguments, configuration, sockets, privileges, readiness, signals, end.
 *
 * Order: options -> conf_load -> log -> listen (metrics-listen too) -> become `user` (all
 * capabilities but those in keep_caps dropped, no_new_privs) -> open, build -> READY=1 -> serve.
 * What is read while building is read as `user`, so that a start shows what a later reload would
 * run into. Exit 78 (EX_CONFIG) with one line when anything before "serve" fails. SIGHUP:
 * configuration and everything built from it are made anew; when that fails the old ones stay and
 * the log says why. Requests under way keep the snapshot that they began with; metrics count on.
 * (Listeners, metrics-listen, user and log ident are fixed at start; a change there is logged as
 * needing a restart.) SIGTERM, SIGINT: drain, exit 0. systemd: sd_notify READY, RELOADING,
 * STOPPING, WATCHDOG.
 *
 * Threads: daemon_main() in the main thread; snapshots may be taken and dropped anywhere.
 */
#ifndef OUTRIDER_COMMON_RUN_DAEMON_H
#define OUTRIDER_COMMON_RUN_DAEMON_H

#include "common/dns/dns.h"
#include "common/run/conf.h"
#include "common/run/metrics.h"
#include "common/run/server.h"

struct daemon;

/* A settings snapshot and what was built from it, counted: never changes once built. */
struct daemon_snapshot {
    const void *settings; /* the daemon's settings struct */
    void *built;          /* what spec->build made of it */
};

struct daemon_spec {
    const char *name; /* "outrider-policyd" */
    const struct conf_schema *schema;
    const struct metrics_schema *metrics; /* NULL: none of its own */
    const struct server_service *services;
    size_t service_count;
    /* Once, before the first build: state that outlives reloads. May be NULL. */
    or_status (*open)(const void *settings, void **state_out, struct err *e);
    void (*close)(void *state);
    /* What depends on the configuration: keys, tables, resolver. `check_only` with -t: read
     * everything, create nothing. May be NULL. */
    or_status (*build)(void *state, const void *settings, bool check_only, void **built_out,
                       struct err *e);
    void (*destroy)(void *built);
    /* Instead of server_run() for a daemon that does not serve by itself (milter): runs in a thread
     * of its own with signals blocked, returns when `stop` was called. `services` is then empty,
     * and the skeleton opens the configured services with server_open_one(), before leaving root:
     * the first one's is daemon_listener_fd(); for each other there is a child process that serves
     * it and lives and dies with the first (daemon_children.h). */
    int (*serve)(struct daemon *d);
    void (*stop)(struct daemon *d);
    /* Capabilities to keep after leaving root, as a cap_from_text(3) set; NULL = none. */
    const char *keep_caps;
};

/* -c FILE, -t (check and exit), -V, -h, --print-options, --print-metrics. Returns the process's
 * exit status. The services' handlers get the struct daemon * as context. */
int daemon_main(int argc, char **argv, const struct daemon_spec *spec);

/* The current snapshot; hold it for one request, then drop it. */
const struct daemon_snapshot *daemon_snapshot_take(struct daemon *d);
void daemon_snapshot_drop(struct daemon *d, const struct daemon_snapshot *snapshot);
void *daemon_state(struct daemon *d);
/* Of a daemon with `serve`: the listening descriptor, and which service it belongs to. */
int daemon_listener_fd(struct daemon *d);
const char *daemon_listener_service(struct daemon *d);

/* The resolver that the `dns` section describes: cache over ldns. For build(). */
or_status
daemon_dns_new(const struct conf_common *conf, struct dns **dns_out, struct err *e) OR_MUST_USE;
/* The same without our cache: for asking whether a record has changed. */
or_status daemon_dns_new_uncached(const struct conf_common *conf, struct dns **dns_out,
                                  struct err *e) OR_MUST_USE;

#endif
