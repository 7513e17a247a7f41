/*
 * Logins: the server side of Dovecot's auth client protocol, for Postfix's smtpd and for Dovecot's
 * login processes.
 *
 * Threads: per-thread (one session per connection).
 */
#ifndef OUTRIDER_AUTHD_AUTH_SESSION_H
#define OUTRIDER_AUTHD_AUTH_SESSION_H

#include "authd/authd.h"

/* Logins under way on one connection: a login process's clients, as many as stock Dovecot's
 * default_client_limit lets it have. */
#define AUTH_SESSION_MAX_EXCHANGES 1000

/* How a client understands "try again later" (protocols.md 3, 4.1). */
enum auth_peer {
    AUTH_PEER_POSTFIX, /* every FAIL is final to it: only a closed connection is temporary */
    AUTH_PEER_DOVECOT, /* FAIL with code=temp_fail */
};

/* Serves a connection until it ends. `d` is the daemon whose state is a struct auth_requests. */
void auth_session_run(struct stream *stream, struct daemon *d, enum auth_peer peer);

#endif
