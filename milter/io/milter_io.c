/*
 * Buffered sockets below libmilter: see the header for why, and for what makes it safe.
 */
#include "milter/io/milter_io.h"

#include <errno.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define IN_BYTES 16384u /* most messages without their attachments; more is read in place */
#define OUT_BYTES 8192u /* the header fields added to a message */

/* How long a worker stays with a session that sends nothing before it goes back to the pool.
 * libmilter's own 1 ms is less than a busy Postfix needs for its next word, and giving a session
 * back costs a wake-up of the pool's controller and one of another worker. */
#define LINGER_MS 10

static _Thread_local struct {
    int in_fd;     /* whose bytes are in `in` */
    bool in_ready; /* it was found readable, and nobody has read yet */
    size_t in_begin, in_end;
    int out_fd;
    size_t out_count;
    int out_timeout_ms; /* libmilter's, of its last poll for writing */
    char in[IN_BYTES], out[OUT_BYTES];
} io = {.in_fd = -1, .out_fd = -1, .out_timeout_ms = -1};

static bool
is_buffered(int fd)
{
    return io.in_fd == fd && io.in_begin != io.in_end;
}

/* Waits where the socket's own buffer is full. */
static bool
send_some(const char *p, size_t n, size_t *sent_out)
{
    for (;;) {
        ssize_t sent = send(io.out_fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent >= 0) {
            *sent_out = (size_t)sent;
            return true;
        }
        struct pollfd wait = {.fd = io.out_fd, .events = POLLOUT};
        if (errno == EAGAIN && poll(&wait, 1, io.out_timeout_ms) > 0)
            continue;
        if (errno != EINTR)
            return false;
    }
}

/* After half a reply nothing sensible can follow: the session ends with the next read. */
static bool
flush_out(void)
{
    size_t done = 0, sent = 0;
    bool good = true;

    while (good && done < io.out_count) {
        good = send_some(io.out + done, io.out_count - done, &sent);
        done += good ? sent : 0;
    }
    if (!good)
        shutdown(io.out_fd, SHUT_RDWR);
    io.out_count = 0;
    return good;
}

static int
poll_read(struct pollfd *one, int timeout_ms)
{
    bool asks_for_more = timeout_ms > 0 && timeout_ms < LINGER_MS;

    if (is_buffered(one->fd) || (io.in_ready && io.in_fd == one->fd)) {
        io.in_ready = false;
        one->revents = POLLIN;
        return 1;
    }
    flush_out();
    if (!asks_for_more)
        return poll(one, 1, timeout_ms);
    int found = poll(one, 1, LINGER_MS);
    /* "Is there more?" is followed by a wait for more: that has its answer already. */
    io.in_ready = found == 1 && (one->revents & POLLIN) != 0;
    io.in_fd = one->fd;
    io.in_begin = io.in_end = 0;
    return found;
}

int
milter_io_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (count != 1) /* the controller of the pool */
        return poll(fds, count, timeout_ms);
    if ((fds->events & POLLIN) != 0)
        return poll_read(fds, timeout_ms);
    io.out_timeout_ms = timeout_ms;
    fds->revents = POLLOUT;
    return 1;
}

ssize_t
milter_io_read(int fd, void *p, size_t n)
{
    if (!is_buffered(fd)) {
        io.in_ready = false;
        if (n >= IN_BYTES)
            return read(fd, p, n);
        ssize_t got = read(fd, io.in, IN_BYTES);
        if (got <= 0)
            return got;
        io.in_fd = fd;
        io.in_begin = 0;
        io.in_end = (size_t)got;
    }
    size_t most = io.in_end - io.in_begin;
    if (n > most)
        n = most;
    memcpy(p, io.in + io.in_begin, n);
    io.in_begin += n;
    return (ssize_t)n;
}

static size_t
size_of(const struct iovec *parts, int count)
{
    size_t n = 0;

    for (int i = 0; i < count; i++)
        n += parts[i].iov_len;
    return n;
}

/* smfi_progress() wants to be heard at once; libmilter puts length and command into one part. */
static bool
is_progress(const struct iovec *parts)
{
    const char *head = parts[0].iov_base;

    return parts[0].iov_len == MILTER_LEN_BYTES + 1 && head[MILTER_LEN_BYTES] == SMFIR_PROGRESS;
}

ssize_t
milter_io_writev(int fd, const struct iovec *parts, int count)
{
    size_t n = size_of(parts, count);

    if (io.out_count != 0 && (io.out_fd != fd || n > OUT_BYTES - io.out_count) && !flush_out()) {
        errno = EPIPE;
        return -1;
    }
    if (n > OUT_BYTES)
        return writev(fd, parts, count);
    io.out_fd = fd;
    for (int i = 0; i < count; i++) {
        if (parts[i].iov_len != 0)
            memcpy(io.out + io.out_count, parts[i].iov_base, parts[i].iov_len);
        io.out_count += parts[i].iov_len;
    }
    if (is_progress(parts))
        flush_out();
    return (ssize_t)n;
}

int
milter_io_close(int fd)
{
    if (io.out_fd == fd)
        flush_out();
    if (io.in_fd == fd) { /* the next session may get the same number */
        io.in_begin = io.in_end = 0;
        io.in_ready = false;
        io.in_fd = -1;
    }
    return close(fd);
}
