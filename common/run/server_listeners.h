/*
 * All listening sockets of a server: each service's configured addresses, or what systemd handed
 * over.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_SERVER_LISTENERS_H
#define OUTRIDER_COMMON_RUN_SERVER_LISTENERS_H

#include "common/run/server.h"
#include "common/run/server_socket.h"

#define SERVER_MAX_LISTENERS (CONF_MAX_LISTENERS * CONF_MAX_ADDRESSES)

struct server_listener {
    struct server_socket socket; /* non-blocking */
    const struct server_service *service;
};

struct server_listeners {
    struct server_listener all[SERVER_MAX_LISTENERS];
    size_t count;
};

/* Adds to *set, also when it fails midway: the caller closes in either case. OR_CONFIG as
 * server_open(). */
or_status server_listeners_open(struct server_listeners *set, const struct conf_common *conf,
                                const struct server_service *services, size_t service_count,
                                struct err *e) OR_MUST_USE;
void server_listeners_close(struct server_listeners *set);

#endif
