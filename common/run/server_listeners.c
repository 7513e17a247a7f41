/*
 * Which sockets a server listens on.
 */
#include "common/run/server_listeners.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static or_status
wrap_listener(const struct conf_common *conf, const struct conf_listener *l, struct err *e)
{
    if (l->line == 0)
        return err_wrap(e, OR_CONFIG, "%s: listen %s", conf->path, l->service);
    return err_wrap(e, OR_CONFIG, "%s:%u: listen %s", conf->path, l->line, l->service);
}

static const struct conf_listener *
find_configured(const struct conf_common *conf, const char *service)
{
    for (size_t i = 0; i < conf->listener_count; i++)
        if (strcmp(conf->listeners[i].service, service) == 0)
            return &conf->listeners[i];
    return NULL;
}

static void
add_listener(struct server_listeners *set, struct server_socket socket,
             const struct server_service *service)
{
    int flags = fcntl(socket.fd, F_GETFL);

    /* Between poll(2) and accept(2) a client may go away again. */
    fcntl(socket.fd, F_SETFL, flags | O_NONBLOCK);
    set->all[set->count++] = (struct server_listener){.socket = socket, .service = service};
}

static or_status
open_configured(struct server_listeners *set, const struct conf_common *conf,
                const struct conf_listener *l, const struct server_service *service, struct err *e)
{
    for (size_t i = 0; i < l->address_count; i++) {
        struct server_socket socket;

        if (server_socket_open(l, l->addresses[i], &socket, e) != OR_OK)
            return wrap_listener(conf, l, e);
        add_listener(set, socket, service);
    }
    return OR_OK;
}

static or_status
open_service(struct server_listeners *set, const struct conf_common *conf,
             const struct server_service *service, bool is_only, struct err *e)
{
    const struct conf_listener *l = find_configured(conf, service->name);
    int fds[CONF_MAX_ADDRESSES];
    size_t count;
    or_status st =
        server_socket_inherit(service->name, is_only, fds, CONF_MAX_ADDRESSES, &count, e);

    if (st != OR_OK)
        return err_wrap(e, st, "listen %s", service->name);
    for (size_t i = 0; i < count; i++)
        add_listener(set, (struct server_socket){.fd = fds[i]}, service);
    if (count > 0 || l == NULL)
        return OR_OK;
    return open_configured(set, conf, l, service, e);
}

static or_status
check_inherited(const struct server_service *services, size_t count, struct err *e)
{
    const char *names[CONF_MAX_LISTENERS] = {NULL};

    assert(count <= CONF_MAX_LISTENERS);
    for (size_t i = 0; i < count; i++)
        names[i] = services[i].name;
    return server_socket_check_inherited(names, count, e);
}

or_status
server_listeners_open(struct server_listeners *set, const struct conf_common *conf,
                      const struct server_service *services, size_t service_count, struct err *e)
{
    or_status st = check_inherited(services, service_count, e);

    for (size_t i = 0; i < service_count && st == OR_OK; i++)
        st = open_service(set, conf, &services[i], service_count == 1, e);
    return st;
}

void
server_listeners_close(struct server_listeners *set)
{
    for (size_t i = 0; i < set->count; i++)
        server_socket_close(&set->all[i].socket);
    set->count = 0;
}

or_status
server_open_one(const struct conf_common *conf, const char *service, int *fd_out, struct err *e)
{
    const struct conf_listener *l = find_configured(conf, service);
    struct server_socket socket;
    size_t count;
    or_status st = server_socket_inherit(service, true, fd_out, 1, &count, e);

    if (st != OR_OK)
        return err_wrap(e, st, "listen %s", service);
    if (count == 1)
        return OR_OK;
    if (l == NULL)
        return err_set(e, OR_CONFIG, "%s: no address for %s; add listen %s { address = ... }",
                       conf->path, service, service);
    if (l->address_count != 1) {
        err_set(e, OR_CONFIG, "%zu addresses; this service takes one", l->address_count);
        return wrap_listener(conf, l, e);
    }
    if (server_socket_open(l, l->addresses[0], &socket, e) != OR_OK)
        return wrap_listener(conf, l, e);
    /* The file stays behind at exit (only the descriptor is handed out); the next start replaces
     * it. */
    free(socket.path);
    *fd_out = socket.fd;
    return OR_OK;
}
