/*
 * Look-ups: the server side of Dovecot's auth master protocol, for imap, pop3, lmtp, doveadm and
 * our own lmtpd.
 *
 * Threads: per-thread (one session per connection).
 */
#ifndef OUTRIDER_AUTHD_MASTER_SESSION_H
#define OUTRIDER_AUTHD_MASTER_SESSION_H

#include "authd/authd.h"

/* Serves a connection until it ends. */
void master_session_run(struct stream *stream, struct daemon *d);

#endif
