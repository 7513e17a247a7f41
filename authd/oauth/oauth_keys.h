/*
 * The issuer's keys as they are now: from a file, read again when it changes, or from a URL.
 *
 * What comes from a URL is kept; it is asked again when a token names a key that is not there (at
 * most once a minute, so that made-up names cost nothing) and every hour. While it is down the keys
 * that were fetched last stay in force.
 *
 * Threads: locked (LOCK_OAUTH_KEYS, not held while reading or fetching).
 */
#ifndef OUTRIDER_AUTHD_OAUTH_OAUTH_KEYS_H
#define OUTRIDER_AUTHD_OAUTH_OAUTH_KEYS_H

#include "authd/oauth/jwt.h"
#include "authd/oauth/oauth_http.h"

struct oauth_keys;

/* `file` or `http->url`, the other NULL; both are copied by reference and must outlive it. Nothing
 * is read yet. */
struct oauth_keys *oauth_keys_new(const char *file, const struct oauth_http *http);
void oauth_keys_free(struct oauth_keys *keys); /* NULL is allowed */

/* As jwt_verify(), and OR_TEMPFAIL: there are no keys now. May take as long as a fetch. */
or_status oauth_keys_verify(struct oauth_keys *keys, struct span token, json_t **claims_out,
                            struct err *e) OR_MUST_USE;

#endif
