/*
 * Listening sockets and one thread per connection: cap, deadlines, drain.
 *
 * Unix sockets get owner, group and mode from configuration before the first connection can be
 * made; a stale socket file is replaced, a live one is an error. Sockets handed over by systemd
 * (LISTEN_FDS, LISTEN_FDNAMES = service names) are used instead of opening the configured ones of
 * that service. Past max_connections new connections wait in the listen backlog (nobody is turned
 * away with a protocol error).
 *
 * Threads: server_run() in one thread; it starts the others.
 */
#ifndef OUTRIDER_COMMON_RUN_SERVER_H
#define OUTRIDER_COMMON_RUN_SERVER_H

#include "common/run/conf.h"
#include "common/run/stream.h"

/* Serves one connection until it is over; runs in the connection's own thread (256 KiB of stack;
 * more under sanitizers). The server frees the stream. */
typedef void (*server_handler)(struct stream *stream, void *context);

struct server_service {
    const char *name; /* as in `listen NAME` */
    server_handler run;
};

struct server;

/* Opens every listener of `conf`. `context` is handed to the handlers. OR_CONFIG names file, line,
 * address and cure (in use, no such directory, no permission, no such owner). */
or_status server_open(const struct conf_common *conf, const struct server_service *services,
                      size_t service_count, void *context, struct server **server_out,
                      struct err *e) OR_MUST_USE;

/* Opens the one listener of `service` and returns the descriptor instead of serving it (milter:
 * libmilter accepts). Same rules for sockets. */
or_status server_open_one(const struct conf_common *conf, const char *service, int *fd_out,
                          struct err *e) OR_MUST_USE;

/* Accepts until server_stop(); then no more connections are accepted, sessions between two requests
 * end at once, the others may finish within drain_timeout_ms. Returns the number of sessions cut
 * off. */
size_t server_run(struct server *server);
/* New limits after a reload: max-connections and drain-timeout at once, io-timeout for new
 * connections. */
void server_update(struct server *server, const struct conf_common *conf);
/* Async-signal-safe. */
void server_stop(struct server *server);
size_t server_connection_count(struct server *server);
/* Closes listeners and removes the unix socket files it created. Frees the server unless sessions
 * that could not be cut off still run (server_connection_count() > 0). NULL is allowed. */
void server_close(struct server *server);

#endif
