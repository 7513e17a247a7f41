/*
 * The client's end: a connection made within a time limit.
 */
#include "common/run/stream.h"

#include "common/run/endpoint.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static or_status
connect_failed(const char *address, int errnum, struct err *e)
{
    /* With SO_SNDTIMEO a timeout shows as EAGAIN (unix) or EINPROGRESS (inet). */
    if (errnum == EAGAIN || errnum == EINPROGRESS || errnum == ETIMEDOUT)
        return err_set(e, OR_TIMEOUT, "%s: no connection in time", address);
    return err_set(e, OR_TEMPFAIL, "%s: %s", address, os_error_text(errnum));
}

or_status
stream_connect(const char *address, int64_t timeout_ms, struct stream **stream_out, struct err *e)
{
    struct endpoint peer;
    struct timeval limit = {.tv_sec = (time_t)(timeout_ms / 1000),
                            .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000)};
    int rc;

    if (timeout_ms <= 0)
        return err_set(e, OR_TIMEOUT, "%s: no time left to connect", address);
    or_status st = endpoint_parse(address, &peer, e);

    if (st != OR_OK)
        return st;
    int fd = socket(peer.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return err_set(e, OR_TEMPFAIL, "%s: no socket: %s", address, os_error_text(errno));
    /* A connect(2) that waits in the kernel: a full backlog of a unix socket cannot be polled for.
     */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    do {
        rc = connect(fd, (struct sockaddr *)&peer.address, peer.length);
    } while (rc != 0 && errno == EINTR);
    if (rc != 0) {
        st = connect_failed(address, errno, e);
        close(fd);
        return st;
    }
    *stream_out = stream_new(fd, -1, timeout_ms);
    return OR_OK;
}
