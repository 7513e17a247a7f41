/*
 * One question over HTTP to an identity provider.
 *
 * Threads: immutable; oauth_http_start() may come again (libcurl counts).
 */
#ifndef OUTRIDER_AUTHD_OAUTH_OAUTH_HTTP_H
#define OUTRIDER_AUTHD_OAUTH_OAUTH_HTTP_H

#include "common/base/buf.h"

struct oauth_http {
    const char *url;     /* oauth_http_check_url() */
    const char *ca_file; /* empty: the system's authorities */
    int64_t timeout_ms;  /* for all of it, name look-up and connecting included */
};

void oauth_http_start(void);

/* https, or http on this machine's own addresses: a key that came in clear is anybody's. */
or_status oauth_http_check_url(const char *url, struct err *e) OR_MUST_USE;

/* `answer` is initialised, its ceiling is the answer's. Redirects are not followed. OR_TEMPFAIL:
 * nothing, not 200, too much, or too late. */
or_status
oauth_http_get(const struct oauth_http *http, struct buf *answer, struct err *e) OR_MUST_USE;

struct oauth_form {
    struct span token;
    const char *client_id, *client_secret; /* HTTP Basic (RFC 6749 2.3.1); NULL: none */
};

/* Asks RFC 7662's question. Otherwise as oauth_http_get(). */
or_status oauth_http_introspect(const struct oauth_http *http, const struct oauth_form *form,
                                struct buf *answer, struct err *e) OR_MUST_USE;

#endif
