/*
 * One connection: blocking reads and writes, each with a timeout, on a buffered socket.
 *
 * Memory: the read buffer exists only while there are bytes in it or a read is under way, so that a
 * thousand idle connections cost next to nothing.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_STREAM_H
#define OUTRIDER_COMMON_RUN_STREAM_H

#include "common/base/buf.h"
#include "common/text/ip.h"

#include <sys/types.h>

struct stream;

/* Who is at the other end. Of a unix socket: the credentials at connect time (SO_PEERCRED). */
struct stream_peer {
    struct ip ip; /* family 0 for unix sockets */
    uint16_t port;
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/* Takes the descriptor over. `drain_fd` (or -1) becomes readable when the server is stopping: only
 * stream_await() heeds it. `io_timeout_ms` bounds each wait inside a request. */
struct stream *stream_new(int fd, int drain_fd, int64_t io_timeout_ms);
/* Connects to "unix:/path" or "inet:host:port" ("inet:[::1]:port"); host is an address. OR_TEMPFAIL
 * when refused or absent, OR_TIMEOUT, OR_CONFIG when it is no address; `e` names it. */
or_status stream_connect(const char *address, int64_t timeout_ms, struct stream **stream_out,
                         struct err *e) OR_MUST_USE;
/* Closes without flushing. NULL is allowed. */
void stream_free(struct stream *s);

const struct stream_peer *stream_get_peer(const struct stream *s);
int stream_fd(const struct stream *s);

/* A ceiling over everything that follows, in clock_mono_ms(); 0 = none. Reads and writes past it
 * are OR_TIMEOUT: how a slow client is kept from holding a request for ever. */
void stream_set_deadline(struct stream *s, int64_t deadline_mono_ms);

/* Between two requests: waits until the next one begins. OR_OK: bytes are there. OR_CLOSED: the
 * peer left, or the server drains. OR_TIMEOUT: idle too long. Buffered output is flushed first. */
or_status stream_await(struct stream *s, int64_t idle_timeout_ms) OR_MUST_USE;

/* One line up to LF, without the LF (a CR before it stays). The span is valid until the next call
 * that reads. OR_LIMIT when no LF comes within max_bytes (nothing is consumed); OR_CLOSED at end of
 * stream. */
or_status stream_read_line(struct stream *s, size_t max_bytes, struct span *line_out) OR_MUST_USE;

/* Raw access for protocols that need it: at least one byte in *bytes_out, up to what is buffered
 * (at most STREAM_BUFFER_BYTES); say with stream_consume() how many were used. Calling it again
 * without consuming reads more, OR_LIMIT when the buffer is full. */
#define STREAM_BUFFER_BYTES 16384
or_status stream_peek(struct stream *s, struct span *bytes_out) OR_MUST_USE;
or_status stream_peek_more(struct stream *s, struct span *bytes_out) OR_MUST_USE;
void stream_consume(struct stream *s, size_t n);
/* Whether unread input is already buffered (pipelining). */
bool stream_has_input(const struct stream *s);

/* Buffered; sent by stream_flush(), by the next read that would block, or when 16 KiB have
 * gathered. */
or_status stream_write(struct stream *s, struct span bytes) OR_MUST_USE;
or_status stream_writef(struct stream *s, const char *fmt, ...) OR_PRINTF(2, 3) OR_MUST_USE;
or_status stream_flush(struct stream *s) OR_MUST_USE;

#endif
