/*
 * What libmilter calls instead of poll(), read(), writev() and close(): the same, with a read-ahead
 * and a write-behind buffer. libmilter takes every command off the socket with three polls and two
 * reads, some thirty times for a message, and sends every edit by itself; that costs more than
 * checking a signature. With these a message that Postfix sent in one piece is taken in one piece.
 *
 * The build puts the names into a copy of libmilter.a (milter/io/CMakeLists.txt), so nothing else
 * in the process sees them. Without libmilter.a the milter works the same, only slower.
 *
 * Why one buffer per thread is enough: libmilter gives a session back to its pool only after poll()
 * said that nothing is there to read, which it never says here while the buffer holds something; a
 * session that ends is closed by the thread that served it last.
 *
 * Threads: per-thread. The buffers are thread-local, the one exception to STYLE.md 8: libmilter
 * has no other place for them.
 */
#ifndef OUTRIDER_MILTER_IO_MILTER_IO_H
#define OUTRIDER_MILTER_IO_MILTER_IO_H

#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

/* poll(2). Sends first what is held back for that socket; says at once that a socket can be read
 * whose bytes are here, and that any can be written (milter_io_writev() does the waiting). */
int milter_io_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

/* read(2) */
ssize_t milter_io_read(int fd, void *p, size_t n);

/* writev(2) of a reply: kept until the next milter_io_poll() for reading, or until there is no more
 * room; smfi_progress() is not kept. When sending fails the next read says that the peer has gone.
 */
ssize_t milter_io_writev(int fd, const struct iovec *parts, int count);

/* close(2); what is left in the buffers for that socket is sent or forgotten. */
int milter_io_close(int fd);

#endif
