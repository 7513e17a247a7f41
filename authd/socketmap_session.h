/*
 * Postfix's socketmap protocol: netstrings with "NAME KEY" in, "OK value", "NOTFOUND " or "TEMP
 * reason" out.
 *
 * Threads: per-thread (one session per connection).
 */
#ifndef OUTRIDER_AUTHD_SOCKETMAP_SESSION_H
#define OUTRIDER_AUTHD_SOCKETMAP_SESSION_H

#include "authd/authd.h"

/* Serves a connection until it ends. */
void socketmap_session_run(struct stream *stream, struct daemon *d);

#endif
