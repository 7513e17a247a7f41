/*
 * Whose token is this? Tokens that are JWTs are checked here against their issuer's keys; where
 * there are none, or for other tokens, the issuer is asked (introspection, RFC 7662).
 *
 * A bearer token is good for whoever has it until it expires: that it comes again is not seen, nor
 * could it be, for clients log in with the same one for an hour, over many connections.
 *
 * Threads: locked.
 */
#ifndef OUTRIDER_AUTHD_OAUTH_OAUTH_H
#define OUTRIDER_AUTHD_OAUTH_OAUTH_H

#include "common/base/arena.h"

struct oauth_settings {
    const char *issuer;
    const char *const *audience;
    size_t audience_count;
    const char *jwks_file, *jwks_url; /* empty: none; not both */
    const char *introspection_url;    /* empty: none */
    const char *client_id, *client_secret_file;
    const char *ca_file; /* empty: the system's authorities */
    const char *user_claim, *scope;
    int64_t skew_ms, timeout_ms, cache_ms;
};

struct oauth;

/* Strings stay the caller's and must outlive it. NULL in *oauth_out: nothing is configured.
 * OR_CONFIG with what is missing. No server is asked. */
or_status oauth_open(const struct oauth_settings *settings, struct oauth **oauth_out,
                     struct err *e) OR_MUST_USE;
void oauth_close(struct oauth *oauth); /* NULL is allowed */

/* OR_OK with the user's name, in `mem`; OR_ABSENT: the token is not good, `e` says why, for the
 * log; OR_TEMPFAIL: keys or issuer cannot be reached. May take twice `timeout_ms`. */
or_status oauth_check(struct oauth *oauth, struct span token, struct arena *mem,
                      struct span *user_out, struct err *e) OR_MUST_USE;

#endif
