/*
 * TLS on a stream that began in the clear (STARTTLS), the server's side. TLS 1.2 and later, no
 * renegotiation, no resumption.
 *
 * Threads: a server is immutable; streams are per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_STREAM_TLS_H
#define OUTRIDER_COMMON_RUN_STREAM_TLS_H

#include "common/run/stream.h"

/* A certificate and its key. */
struct stream_tls_server;

/* PEM files: the certificate with its chain, and the key, which others must not be able to read.
 * OR_CONFIG. */
or_status stream_tls_server_new(const char *certificate_file, const char *key_file,
                                struct stream_tls_server **server_out, struct err *e) OR_MUST_USE;
/* Streams that were accepted live on. NULL is allowed. */
void stream_tls_server_free(struct stream_tls_server *server);

/* The handshake; afterwards everything on the stream is encrypted. OR_MALFORMED when the peer sent
 * bytes ahead of it: taken as commands they would be anybody's who sits on the line
 * (CVE-2011-0411). OR_CLOSED, OR_TIMEOUT: it failed. After a failure the stream is of no more use.
 */
or_status stream_tls_accept(struct stream *s, const struct stream_tls_server *server,
                            struct err *e) OR_MUST_USE;

#endif
