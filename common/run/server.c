/*
 * The accept loop and the threads it starts. One eventfd says "stop": the accept loop polls it, and
 * so does every stream between two requests (stream_await). It is never read, so it stays readable
 * for all.
 */
#include "common/run/server.h"

#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/run/metrics.h"
#include "common/run/server_listeners.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_PAUSE_MS 1000     /* out of descriptors or threads: no accept for so long */
#define SERVER_CUT_GRACE_MS 2000 /* for sessions whose socket was shut down under them */
#define SERVER_WARN_EVERY_MS 60000

struct connection {
    struct connection *prev, *next;
    struct server *server;
    const struct server_service *service;
    struct stream *stream;
};

struct server {
    struct server_listeners listeners;
    void *context;
    int stop_fd; /* readable once stopping */
    int wake_fd; /* a connection ended while the accept loop paused */
    pthread_attr_t thread_attr;
    int64_t paused_until_ms;  /* accept loop only */
    int64_t warned_at_cap_ms; /* accept loop only; 0 = never */
    struct lock lock;         /* all below */
    pthread_cond_t ended;
    struct connection *connections;
    size_t count;
    bool wants_wake;
    int64_t max_connections;
    int64_t io_timeout_ms;
    int64_t drain_timeout_ms;
};

static void
signal_fd(int fd)
{
    uint64_t one = 1;
    ssize_t rc = write(fd, &one, sizeof(one));

    (void)rc; /* a full counter is readable all the same */
}

static struct server *
server_new(const struct conf_common *conf, void *context)
{
    struct server *s = xcalloc(1, sizeof(*s));

    s->context = context;
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    lock_init(&s->lock, LOCK_SERVER);
    lock_cond_init(&s->ended);
    pthread_attr_init(&s->thread_attr);
    pthread_attr_setdetachstate(&s->thread_attr, PTHREAD_CREATE_DETACHED);
    server_update(s, conf);
    return s;
}

or_status
server_open(const struct conf_common *conf, const struct server_service *services,
            size_t service_count, void *context, struct server **server_out, struct err *e)
{
    struct server *s = server_new(conf, context);
    or_status st = OR_OK;

    if (s->stop_fd < 0 || s->wake_fd < 0)
        st = err_set(e, OR_CONFIG, "no descriptors left; raise LimitNOFILE=");
    if (st == OR_OK)
        st = server_listeners_open(&s->listeners, conf, services, service_count, e);
    if (st != OR_OK) {
        server_close(s);
        return st;
    }
    *server_out = s;
    return OR_OK;
}

void
server_update(struct server *s, const struct conf_common *conf)
{
    lock_take(&s->lock);
    s->max_connections = conf->max_connections;
    s->io_timeout_ms = conf->io_timeout_ms;
    s->drain_timeout_ms = conf->drain_timeout_ms;
    lock_drop(&s->lock);
    signal_fd(s->wake_fd);
}

static void
link_connection(struct server *s, struct connection *c)
{
    lock_take(&s->lock);
    c->next = s->connections;
    if (c->next != NULL)
        c->next->prev = c;
    s->connections = c;
    s->count++;
    metrics_add(METRICS_CONNECTIONS, 0, 0, 1);
    lock_drop(&s->lock);
}

/* The last that a connection's thread does with the server: once the count is 0 the server may go.
 */
static void
end_connection(struct connection *c)
{
    struct server *s = c->server;

    lock_take(&s->lock);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->connections = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    /* Under the lock: the drain shuts down the descriptors of connections in the list. */
    stream_free(c->stream);
    s->count--;
    metrics_add(METRICS_CONNECTIONS, 0, 0, -1);
    if (s->wants_wake)
        signal_fd(s->wake_fd);
    pthread_cond_signal(&s->ended);
    lock_drop(&s->lock);
    free(c);
}

static void *
connection_main(void *arg)
{
    struct connection *c = arg;

    c->service->run(c->stream, c->server->context);
    end_connection(c);
    return NULL;
}

static void
tune_socket(int fd)
{
    int on = 1;
    int family;
    socklen_t length = sizeof(family);

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) != 0 || family == AF_UNIX)
        return;
    /* A peer that vanished without a word is noticed; a small answer is not held back. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void
pause_accepting(struct server *s, enum metrics_pause reason, const char *what, int errnum)
{
    metrics_inc(METRICS_ACCEPT_PAUSES, reason);
    s->paused_until_ms = clock_mono_ms() + SERVER_PAUSE_MS;
    log_warning("%s: %s; no new connections for %d ms", what, os_error_text(errnum),
                SERVER_PAUSE_MS);
}

static void
start_connection(struct server *s, const struct server_listener *l, int fd, int64_t io_timeout_ms)
{
    struct connection *c = xcalloc(1, sizeof(*c));
    pthread_t thread;

    tune_socket(fd);
    c->server = s;
    c->service = l->service;
    c->stream = stream_new(fd, s->stop_fd, io_timeout_ms);
    link_connection(s, c);
    int rc = pthread_create(&thread, &s->thread_attr, connection_main, c);

    if (rc == 0)
        return;
    end_connection(c);
    pause_accepting(s, METRICS_PAUSE_THREADS, "cannot start a thread", rc);
}

static void
accept_one(struct server *s, const struct server_listener *l)
{
    int fd = accept4(l->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        metrics_inc(METRICS_CONNECTIONS_TOTAL, 0);
        lock_take(&s->lock);
        int64_t io_timeout_ms = s->io_timeout_ms;
        lock_drop(&s->lock);

        start_connection(s, l, fd, io_timeout_ms);
        return;
    }
    /* accept(2): the rest are faults of that one connection. */
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(s, METRICS_PAUSE_DESCRIPTORS, "cannot accept", errno);
}

/* Whether there is room for one more. If not, the end of a connection will wake the accept loop. */
static bool
has_room(struct server *s)
{
    lock_take(&s->lock);
    bool room = s->count < (size_t)s->max_connections;

    if (!room && !s->wants_wake)
        metrics_inc(METRICS_ACCEPT_PAUSES, METRICS_PAUSE_FULL);
    s->wants_wake = !room;
    size_t count = s->count;
    lock_drop(&s->lock);
    int64_t now = clock_mono_ms();

    if (!room && (s->warned_at_cap_ms == 0 || now - s->warned_at_cap_ms > SERVER_WARN_EVERY_MS)) {
        s->warned_at_cap_ms = now;
        log_warning("max-connections: all %zu in use, new ones wait", count);
    }
    return room;
}

/* How long to leave the listeners alone; 0: not at all, -1: until woken. */
static int
accept_pause_ms(struct server *s)
{
    int64_t left = s->paused_until_ms - clock_mono_ms();

    if (left > 0)
        return (int)left;
    return has_room(s) ? 0 : -1;
}

static void
drain_wake(struct server *s)
{
    uint64_t value;
    ssize_t rc = read(s->wake_fd, &value, sizeof(value));

    (void)rc; /* nothing there: nobody ended */
}

/* Until server_stop(). */
static void
accept_loop(struct server *s)
{
    struct pollfd fds[2 + SERVER_MAX_LISTENERS] = {{.fd = s->stop_fd, .events = POLLIN},
                                                   {.fd = s->wake_fd, .events = POLLIN}};

    for (size_t i = 0; i < s->listeners.count; i++)
        fds[2 + i] = (struct pollfd){.fd = s->listeners.all[i].socket.fd, .events = POLLIN};
    for (;;) {
        int pause_ms = accept_pause_ms(s);
        nfds_t polled = pause_ms == 0 ? 2 + s->listeners.count : 2;
        int ready = poll(fds, polled, pause_ms == 0 ? -1 : pause_ms);

        if (ready > 0 && fds[0].revents != 0)
            return;
        if (ready > 0 && fds[1].revents != 0)
            drain_wake(s);
        for (size_t i = 0; ready > 0 && i + 2 < polled; i++)
            if (fds[2 + i].revents != 0 && accept_pause_ms(s) == 0)
                accept_one(s, &s->listeners.all[i]);
    }
}

/* With the lock held: until no connection is left or the time is over. */
static void
wait_for_sessions(struct server *s, int64_t timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;

    while (s->count > 0 && lock_wait(&s->lock, &s->ended, until) == 0)
        continue;
}

size_t
server_run(struct server *s)
{
    accept_loop(s);
    server_listeners_close(&s->listeners);
    lock_take(&s->lock);
    wait_for_sessions(s, s->drain_timeout_ms);
    size_t cut = s->count;

    for (struct connection *c = s->connections; c != NULL; c = c->next)
        shutdown(stream_fd(c->stream), SHUT_RDWR);
    wait_for_sessions(s, SERVER_CUT_GRACE_MS);
    lock_drop(&s->lock);
    return cut;
}

void
server_stop(struct server *s)
{
    signal_fd(s->stop_fd);
}

size_t
server_connection_count(struct server *s)
{
    lock_take(&s->lock);
    size_t count = s->count;

    lock_drop(&s->lock);
    return count;
}

void
server_close(struct server *s)
{
    if (s == NULL)
        return;
    server_listeners_close(&s->listeners);
    /* A session stuck where no socket can reach it still uses the server: the process is about to
     * end. */
    if (server_connection_count(s) > 0)
        return;
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    pthread_attr_destroy(&s->thread_attr);
    pthread_cond_destroy(&s->ended);
    lock_fini(&s->lock);
    free(s);
}
