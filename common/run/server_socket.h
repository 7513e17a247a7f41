/*
 * One listening socket: made with the owner, group and mode of its listener, or taken over from
 * systemd.
 *
 * Threads: per-thread. Making a unix socket changes the process's umask for a moment: start-up
 * only.
 */
#ifndef OUTRIDER_COMMON_RUN_SERVER_SOCKET_H
#define OUTRIDER_COMMON_RUN_SERVER_SOCKET_H

#include "common/run/conf.h"

#define SERVER_SOCKET_BACKLOG 512

struct server_socket {
    int fd;
    char *path; /* of the socket file that we made; NULL: none to remove */
    dev_t device;
    ino_t inode;
};

/* OR_CONFIG: "\"ADDRESS\": what is wrong; cure". */
or_status server_socket_open(const struct conf_listener *listener, const char *address,
                             struct server_socket *socket_out, struct err *e) OR_MUST_USE;
/* Closes, and removes the socket file if it is still the one that we made. */
void server_socket_close(struct server_socket *s);

/* What systemd handed over for `service` (sd_listen_fds(3)): at most `max` descriptors. A socket
 * without a name belongs to `service` when `is_only` says that there is no other. */
or_status server_socket_inherit(const char *service, bool is_only, int *fds_out, size_t max,
                                size_t *count_out, struct err *e) OR_MUST_USE;
/* OR_CONFIG when systemd handed over a socket under a name that is no service. */
or_status
server_socket_check_inherited(const char *const *services, size_t count, struct err *e) OR_MUST_USE;

#endif
