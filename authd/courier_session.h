/*
 * Courier's authdaemon protocol, for programs built with courier-authlib (Courier IMAP, maildrop,
 * pure-ftpd): one request for each connection.
 *
 * Threads: one per connection.
 */
#ifndef OUTRIDER_AUTHD_COURIER_SESSION_H
#define OUTRIDER_AUTHD_COURIER_SESSION_H

#include "authd/authd.h"
#include "common/run/stream.h"

void courier_session_run(struct stream *stream, struct daemon *d);

#endif
