/*
 * Dovecot's dict protocol, server side: accounts for the passdb and userdb "dict" of Dovecot 2.3,
 * and names with values for its plugins (last_login, metadata) and doveadm dict.
 *
 * Threads: one per connection.
 */
#ifndef OUTRIDER_AUTHD_DICT_SESSION_H
#define OUTRIDER_AUTHD_DICT_SESSION_H

#include "authd/authd.h"
#include "common/run/stream.h"

void dict_session_run(struct stream *stream, struct daemon *d);

#endif
