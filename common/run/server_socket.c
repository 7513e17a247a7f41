/*
 * Opens listening sockets. A unix socket has its final mode from bind(2) on (umask) and its owner
 * before listen(2): until then connections are refused, so nobody slips in.
 */
#include "common/run/server_socket.h"

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/run/endpoint.h"
#include "common/run/sysuser.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    int errnum;
    const char *fault;
} bind_faults[] = {
    {EADDRINUSE,
     "in use by another process; stop that one (see ss -lxtnp) or choose another address"},
    {EADDRNOTAVAIL, "not an address of this host; choose one that \"ip address\" shows"},
    {EACCES, "no permission to listen there; start as root or choose another address"},
    {EROFS, "the file system is read-only; choose another address"},
    {ENOTDIR, "a part of the path is no directory; choose another address"},
};

static or_status
bind_failed(const struct conf_listener *l, const char *address, const char *unix_path, int errnum,
            struct err *e)
{
    const char *slash = unix_path == NULL ? NULL : strrchr(unix_path, '/');

    if (errnum == ENOENT && slash != NULL)
        return err_set(
            e, OR_CONFIG,
            "\"%s\": its directory is missing; make it: install -d -o root -g %s -m 0750 "
            "%.*s",
            address, l->group == NULL ? "root" : l->group, (int)(slash - unix_path), unix_path);
    for (size_t i = 0; i < sizeof(bind_faults) / sizeof(bind_faults[0]); i++)
        if (bind_faults[i].errnum == errnum)
            return err_set(e, OR_CONFIG, "\"%s\": %s", address, bind_faults[i].fault);
    return err_set(e, OR_CONFIG, "\"%s\": cannot listen: %s; choose another address", address,
                   os_error_text(errnum));
}

/* A server behind an existing socket file answers connect(2); a file left behind refuses. */
static bool
is_stale(const struct endpoint *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return false;
    int rc = connect(fd, (const struct sockaddr *)&at->address, at->length);
    bool stale = rc != 0 && errno == ECONNREFUSED;

    close(fd);
    return stale;
}

static or_status
clear_the_way(const struct conf_listener *l, const char *address, const struct endpoint *at,
              struct err *e)
{
    struct stat st;

    if (lstat(at->unix_path, &st) != 0)
        return OR_OK; /* bind(2) will say what else is wrong */
    if (!S_ISSOCK(st.st_mode))
        return err_set(
            e, OR_CONFIG,
            "\"%s\": there is a file that is no socket; remove it or choose another path", address);
    if (!is_stale(at))
        return bind_failed(l, address, at->unix_path, EADDRINUSE, e);
    if (unlink(at->unix_path) != 0 && errno != ENOENT)
        return err_set(
            e, OR_CONFIG,
            "\"%s\": a stale socket that cannot be removed: %s; remove it or start as root",
            address, os_error_text(errno));
    return OR_OK;
}

static or_status
find_owner(const struct conf_listener *l, uid_t *uid_out, gid_t *gid_out, struct err *e)
{
    gid_t unused;

    if (l->owner != NULL && sysuser_find(l->owner, uid_out, &unused) != OR_OK)
        return err_set(e, OR_CONFIG, "no such user \"%s\"; add it or set owner = \"...\"",
                       l->owner);
    if (l->group == NULL || sysuser_find_group(l->group, gid_out) == OR_OK)
        return OR_OK;
    if (!l->group_is_default)
        return err_set(e, OR_CONFIG, "no such group \"%s\"; add it or set group = \"...\"",
                       l->group);
    log_warning("listen %s: no such group \"%s\": the socket is left to root; set group = \"...\"",
                l->service, l->group);
    return OR_OK;
}

/* Through a descriptor of the file that we made, so that nobody can put another in its place. */
static or_status
give_away(const struct conf_listener *l, const char *address, struct server_socket *s,
          struct err *e)
{
    uid_t uid = (uid_t)-1;
    gid_t gid = (gid_t)-1;
    struct stat st;
    int fd = open(s->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return err_set(e, OR_CONFIG, "\"%s\": somebody else changes this directory", address);
    }
    s->device = st.st_dev;
    s->inode = st.st_ino;
    /* A default group is for the installed daemon; anybody may try one out in a directory of their
     * own. */
    bool wanted = (l->owner != NULL || l->group != NULL) &&
                  !(l->owner == NULL && l->group_is_default && geteuid() != 0);
    or_status result = wanted ? find_owner(l, &uid, &gid, e) : OR_OK;

    if (result == OR_OK && wanted && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0)
        result = err_set(e, OR_CONFIG, "\"%s\": cannot be given to %s:%s: %s; start as root",
                         address, l->owner == NULL ? "" : l->owner,
                         l->group == NULL ? "" : l->group, os_error_text(errno));
    close(fd);
    return result;
}

static or_status
bind_unix(const struct conf_listener *l, const char *address, const struct endpoint *at,
          struct server_socket *s, struct err *e)
{
    or_status st = clear_the_way(l, address, at, e);

    if (st != OR_OK)
        return st;
    mode_t before = umask(0777 & ~l->mode);
    int rc = bind(s->fd, (const struct sockaddr *)&at->address, at->length);
    int errnum = errno;

    umask(before);
    if (rc != 0)
        return bind_failed(l, address, at->unix_path, errnum, e);
    s->path = xstrdup(at->unix_path);
    return give_away(l, address, s, e);
}

static or_status
bind_inet(const struct conf_listener *l, const char *address, const struct endpoint *at,
          struct server_socket *s, struct err *e)
{
    int on = 1;

    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* So that "[::]" and "0.0.0.0" can stand beside each other. */
    if (at->address.ss_family == AF_INET6)
        setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(s->fd, (const struct sockaddr *)&at->address, at->length) != 0)
        return bind_failed(l, address, NULL, errno, e);
    return OR_OK;
}

or_status
server_socket_open(const struct conf_listener *listener, const char *address,
                   struct server_socket *socket_out, struct err *e)
{
    struct server_socket s = {.fd = -1};
    struct endpoint at;
    or_status st = endpoint_parse(address, &at, e);

    if (st != OR_OK)
        return st;
    s.fd = socket(at.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s.fd < 0)
        return bind_failed(listener, address, NULL, errno, e);
    st = at.unix_path != NULL ? bind_unix(listener, address, &at, &s, e)
                              : bind_inet(listener, address, &at, &s, e);
    if (st == OR_OK && listen(s.fd, SERVER_SOCKET_BACKLOG) != 0)
        st = bind_failed(listener, address, NULL, errno, e);
    if (st != OR_OK) {
        server_socket_close(&s);
        return st;
    }
    *socket_out = s;
    return OR_OK;
}

void
server_socket_close(struct server_socket *s)
{
    struct stat st;

    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    /* Another process may have put its own socket there since. Without the right to remove it
     * stays: the next start replaces it. */
    if (s->path != NULL && lstat(s->path, &st) == 0 && st.st_dev == s->device &&
        st.st_ino == s->inode)
        (void)unlink(s->path);
    free(s->path);
    s->path = NULL;
}
