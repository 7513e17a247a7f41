/*
 * What stands between a stream's buffers and its socket when the connection is encrypted. For
 * stream.c and stream_tls.c only.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_STREAM_CIPHER_H
#define OUTRIDER_COMMON_RUN_STREAM_CIPHER_H

#include "common/run/stream.h"

struct stream_cipher {
    /* As recv(2) and send(2) on a non-blocking socket. */
    ssize_t (*read)(void *state, char *bytes, size_t n);
    ssize_t (*write)(void *state, const char *bytes, size_t n);
    /* Whether read() has bytes that no poll(2) on the socket will tell of. */
    bool (*has_input)(const void *state);
    void (*free)(void *state);
};

/* From now on all bytes pass through the cipher, which the stream owns. */
void stream_set_cipher(struct stream *s, const struct stream_cipher *cipher, void *state);
/* Waits for POLLIN or POLLOUT within the stream's timeouts. */
or_status stream_wait(struct stream *s, short events) OR_MUST_USE;

#endif
