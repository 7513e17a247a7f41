/*
 * saslauthd's mux protocol, for programs that check passwords with Cyrus SASL (pwcheck_method:
 * saslauthd): one request for each connection.
 *
 * Threads: one per connection.
 */
#ifndef OUTRIDER_AUTHD_SASLAUTHD_SESSION_H
#define OUTRIDER_AUTHD_SASLAUTHD_SESSION_H

#include "authd/authd.h"
#include "common/run/stream.h"

#define SASLAUTHD_STRINGS 4            /* login, password, service, realm */
#define SASLAUTHD_MAX_STRING_BYTES 512 /* saslauthd itself takes 256 */

/* The strings of a request, views into `bytes`: each two octets of length, most significant first,
 * and that many octets. OR_ABSENT: it is not whole yet. OR_LIMIT: a string is too long. */
or_status saslauthd_session_parse(struct span bytes, struct span strings[SASLAUTHD_STRINGS],
                                  struct err *e) OR_MUST_USE;

void saslauthd_session_run(struct stream *stream, struct daemon *d);

#endif
