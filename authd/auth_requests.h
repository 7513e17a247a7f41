/*
 * Logins that succeeded at the login socket and wait for the REQUEST of the process that will serve
 * the user (protocols.md: Dovecot's master protocol). An entry is found by the login process's
 * CPID, the request id and the connection's cookie together, is good once, and expires.
 *
 * Threads: locked (LOCK_AUTH_REQUEST).
 */
#ifndef OUTRIDER_AUTHD_AUTH_REQUESTS_H
#define OUTRIDER_AUTHD_AUTH_REQUESTS_H

#include "common/base/arena.h"

#define AUTH_REQUESTS_MAX 10000      /* waiting at once; the oldest goes when one more comes */
#define AUTH_REQUESTS_KEEP_MS 150000 /* as stock Dovecot */
#define AUTH_COOKIE_HEX 32           /* 16 bytes: Dovecot's login processes insist */
#define AUTH_MAX_USER_BYTES 512

struct auth_requests;

struct auth_requests *auth_requests_new(void);
void auth_requests_free(struct auth_requests *r);

/* What is given to clients as SPID: the same on every socket of this process. */
uint32_t auth_requests_spid(const struct auth_requests *r);

/* Keeps a login that succeeded. `mechanism` is a static string. */
void auth_requests_add(struct auth_requests *r, uint32_t cpid, uint32_t id, struct span cookie,
                       struct span user, const char *mechanism);

/* Takes it out again. OR_ABSENT: none such (or too late, or taken before). */
or_status auth_requests_take(struct auth_requests *r, uint32_t cpid, uint32_t id,
                             struct span cookie, struct arena *mem, struct span *user_out,
                             const char **mechanism_out) OR_MUST_USE;

#endif
