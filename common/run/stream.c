/*
 * Blocking reads and writes with timeouts over a non-blocking socket and poll(2). Buffers are made
 * when bytes come or go and given back in stream_await(), where connections spend their idle time.
 */
#include "common/run/stream.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/xalloc.h"
#include "common/run/endpoint.h"
#include "common/run/stream_cipher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM_MAX_WRITEF_BYTES 65536

struct stream {
    int fd;
    int drain_fd;
    int64_t io_timeout_ms;
    int64_t deadline_mono_ms; /* 0 = none */
    struct stream_peer peer;
    char *in; /* NULL while there is no unread input */
    size_t in_start, in_end, in_cap;
    size_t in_used; /* no byte from here on was ever written */
    char *out;      /* NULL while nothing is buffered */
    size_t out_n;
    const struct stream_cipher *cipher; /* NULL: in the clear */
    void *cipher_state;
};

static void
read_peer(struct stream *s)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);

    s->peer.pid = -1;
    s->peer.uid = (uid_t)-1;
    s->peer.gid = (gid_t)-1;
    if (getpeername(s->fd, (struct sockaddr *)&address, &length) != 0)
        return;
    endpoint_to_ip(&address, &s->peer.ip, &s->peer.port);
    struct ucred cred;

    length = sizeof(cred);
    if (address.ss_family == AF_UNIX &&
        getsockopt(s->fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) == 0) {
        s->peer.pid = cred.pid;
        s->peer.uid = cred.uid;
        s->peer.gid = cred.gid;
    }
}

struct stream *
stream_new(int fd, int drain_fd, int64_t io_timeout_ms)
{
    struct stream *s = xcalloc(1, sizeof(*s));
    int flags = fcntl(fd, F_GETFL);

    s->fd = fd;
    s->drain_fd = drain_fd;
    s->io_timeout_ms = io_timeout_ms;
    if (flags >= 0 && (flags & O_NONBLOCK) == 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    read_peer(s);
    return s;
}

static void
drop_input_buffer(struct stream *s)
{
    /* What was read may have been a login. */
    if (s->in != NULL)
        crypto_wipe(s->in, s->in_used);
    free(s->in);
    s->in = NULL;
    s->in_start = s->in_end = s->in_cap = s->in_used = 0;
}

static void
drop_output_buffer(struct stream *s)
{
    free(s->out);
    s->out = NULL;
    s->out_n = 0;
}

void
stream_free(struct stream *s)
{
    if (s == NULL)
        return;
    if (s->cipher != NULL)
        s->cipher->free(s->cipher_state);
    close(s->fd);
    drop_input_buffer(s);
    drop_output_buffer(s);
    free(s);
}

const struct stream_peer *
stream_get_peer(const struct stream *s)
{
    return &s->peer;
}

int
stream_fd(const struct stream *s)
{
    return s->fd;
}

void
stream_set_deadline(struct stream *s, int64_t deadline_mono_ms)
{
    s->deadline_mono_ms = deadline_mono_ms;
}

/* When a wait that begins now must end. */
static int64_t
wait_until(const struct stream *s, int64_t timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;

    if (s->deadline_mono_ms != 0 && s->deadline_mono_ms < until)
        return s->deadline_mono_ms;
    return until;
}

/* Waits for one of the descriptors. OR_TIMEOUT at `until`, OR_CLOSED when poll itself fails. */
static or_status
wait_for(struct pollfd *fds, nfds_t count, int64_t until)
{
    for (;;) {
        int64_t left = until - clock_mono_ms();

        if (left < 0)
            left = 0;
        if (left > INT32_MAX)
            left = INT32_MAX;
        int ready = poll(fds, count, (int)left);

        if (ready > 0)
            return OR_OK;
        if (ready < 0 && errno != EINTR)
            return OR_CLOSED;
        if (clock_mono_ms() >= until)
            return OR_TIMEOUT;
    }
}

or_status
stream_wait(struct stream *s, short events)
{
    struct pollfd fds = {.fd = s->fd, .events = events};

    return wait_for(&fds, 1, wait_until(s, s->io_timeout_ms));
}

void
stream_set_cipher(struct stream *s, const struct stream_cipher *cipher, void *state)
{
    s->cipher = cipher;
    s->cipher_state = state;
}

static ssize_t
read_some(struct stream *s, char *bytes, size_t n)
{
    return s->cipher != NULL ? s->cipher->read(s->cipher_state, bytes, n)
                             : recv(s->fd, bytes, n, 0);
}

/* A peer that left must not kill the daemon with SIGPIPE. */
static ssize_t
write_some(struct stream *s, struct span bytes)
{
    return s->cipher != NULL ? s->cipher->write(s->cipher_state, bytes.p, bytes.n)
                             : send(s->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
}

/* One recv(2) behind what is buffered. OR_TEMPFAIL: nothing there yet. */
static or_status
receive(struct stream *s)
{
    for (;;) {
        ssize_t got = read_some(s, s->in + s->in_end, s->in_cap - s->in_end);

        if (got > 0) {
            s->in_end += (size_t)got;
            s->in_used = s->in_end > s->in_used ? s->in_end : s->in_used;
            return OR_OK;
        }
        if (got == 0)
            return OR_CLOSED;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return OR_TEMPFAIL;
        if (errno != EINTR)
            return OR_CLOSED;
    }
}

/* Room for at least one more byte, `max` buffered bytes at most. OR_LIMIT: there are as many. */
static or_status
make_room(struct stream *s, size_t max)
{
    size_t have = s->in_end - s->in_start;

    if (have >= max)
        return OR_LIMIT;
    if (s->in_start > 0) {
        memmove(s->in, s->in + s->in_start, have);
        s->in_start = 0;
        s->in_end = have;
    }
    if (have < s->in_cap)
        return OR_OK;
    size_t cap = s->in_cap == 0 ? STREAM_BUFFER_BYTES : s->in_cap * 2;

    s->in = xreallocarray(s->in, cap, 1);
    s->in_cap = cap;
    return OR_OK;
}

/* Reads more into the buffer, waiting when nothing is there; what we said goes out before we wait.
 */
static or_status
fill(struct stream *s, size_t max)
{
    or_status st = make_room(s, max);

    if (st != OR_OK)
        return st;
    /* A peer that always has bytes ready must not outrun the deadline. */
    if (s->deadline_mono_ms != 0 && clock_mono_ms() >= s->deadline_mono_ms)
        return OR_TIMEOUT;
    while ((st = receive(s)) == OR_TEMPFAIL) {
        st = stream_flush(s);
        if (st == OR_OK)
            st = stream_wait(s, POLLIN);
        if (st != OR_OK)
            return st;
    }
    return st;
}

/* Until bytes arrive, the peer leaves, or the server drains while none are there. */
static or_status
await_bytes(struct stream *s, int64_t until)
{
    struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->drain_fd, .events = POLLIN}};
    or_status st;

    do {
        st = wait_for(fds, 2, until);
        if (st != OR_OK)
            return st;
        /* A request that is already here is work in hand, also while draining. */
        if (fds[0].revents == 0)
            return OR_CLOSED;
        st = make_room(s, STREAM_BUFFER_BYTES);
        if (st == OR_OK)
            st = receive(s);
    } while (st == OR_TEMPFAIL);
    return st;
}

or_status
stream_await(struct stream *s, int64_t idle_timeout_ms)
{
    or_status st = stream_flush(s);

    drop_output_buffer(s);
    if (st != OR_OK || stream_has_input(s))
        return st;
    drop_input_buffer(s);
    st = await_bytes(s, wait_until(s, idle_timeout_ms));
    if (st != OR_OK)
        drop_input_buffer(s);
    return st;
}

static struct span
unread(const struct stream *s)
{
    return s->in == NULL ? SPAN_EMPTY : span_make(s->in + s->in_start, s->in_end - s->in_start);
}

or_status
stream_read_line(struct stream *s, size_t max_bytes, struct span *line_out)
{
    size_t seen = 0;

    for (;;) {
        struct span have = unread(s);
        size_t lf = seen + span_find(span_from(have, seen), '\n');

        if (lf < have.n && lf <= max_bytes) {
            *line_out = span_slice(have, 0, lf);
            s->in_start += lf + 1;
            return OR_OK;
        }
        if (have.n > max_bytes)
            return OR_LIMIT;
        seen = have.n;
        or_status st = fill(s, max_bytes + 1);

        if (st != OR_OK)
            return st;
    }
}

or_status
stream_peek(struct stream *s, struct span *bytes_out)
{
    if (s->in_end == s->in_start)
        return stream_peek_more(s, bytes_out);
    *bytes_out = span_slice(unread(s), 0, STREAM_BUFFER_BYTES);
    return OR_OK;
}

or_status
stream_peek_more(struct stream *s, struct span *bytes_out)
{
    or_status st = fill(s, STREAM_BUFFER_BYTES);

    if (st != OR_OK)
        return st;
    *bytes_out = span_slice(unread(s), 0, STREAM_BUFFER_BYTES);
    return OR_OK;
}

void
stream_consume(struct stream *s, size_t n)
{
    size_t have = s->in_end - s->in_start;

    s->in_start += n < have ? n : have;
}

bool
stream_has_input(const struct stream *s)
{
    return s->in_end > s->in_start || (s->cipher != NULL && s->cipher->has_input(s->cipher_state));
}

/* Sends all of it, waiting where the peer is slow. */
static or_status
send_all(struct stream *s, struct span bytes)
{
    while (bytes.n > 0) {
        if (s->deadline_mono_ms != 0 && clock_mono_ms() >= s->deadline_mono_ms)
            return OR_TIMEOUT;
        ssize_t sent = write_some(s, bytes);

        if (sent >= 0) {
            bytes = span_from(bytes, (size_t)sent);
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return OR_CLOSED;
        or_status st = stream_wait(s, POLLOUT);

        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

or_status
stream_flush(struct stream *s)
{
    size_t n = s->out_n;

    s->out_n = 0;
    return n == 0 ? OR_OK : send_all(s, span_make(s->out, n));
}

or_status
stream_write(struct stream *s, struct span bytes)
{
    while (bytes.n > 0) {
        size_t room = STREAM_BUFFER_BYTES - s->out_n;
        struct span part = span_slice(bytes, 0, room);

        if (s->out == NULL)
            s->out = xmalloc(STREAM_BUFFER_BYTES);
        memcpy(s->out + s->out_n, part.p, part.n);
        s->out_n += part.n;
        bytes = span_from(bytes, part.n);
        if (s->out_n < STREAM_BUFFER_BYTES)
            continue;
        or_status st = stream_flush(s);

        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

or_status
stream_writef(struct stream *s, const char *fmt, ...)
{
    struct buf text;
    va_list ap;

    buf_init(&text, STREAM_MAX_WRITEF_BYTES);
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    or_status st = buf_finish(&text);

    if (st == OR_OK)
        st = stream_write(s, buf_span(&text));
    buf_fini(&text);
    return st;
}
