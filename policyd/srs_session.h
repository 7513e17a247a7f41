/*
 * The socket `srs`: Postfix's tables srs-forward and srs-reverse (socketmap_table(5)).
 *
 * Threads: per-thread (one session per connection).
 */
#ifndef OUTRIDER_POLICYD_SRS_SESSION_H
#define OUTRIDER_POLICYD_SRS_SESSION_H

#include "common/run/stream.h"

/* Serves a connection until it ends; context is the struct daemon. */
void srs_session_run(struct stream *stream, void *context);

#endif
