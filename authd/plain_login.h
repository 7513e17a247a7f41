/*
 * A name and a password that came over a protocol without SASL (saslauthd, Courier's authdaemon):
 * checked, logged and counted as PLAIN, a refusal held back for failure-delay.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_PLAIN_LOGIN_H
#define OUTRIDER_AUTHD_PLAIN_LOGIN_H

#include "authd/login_check.h"

struct plain_login {
    struct span name;
    struct span password;
    struct span service; /* "smtp", "imap"; for the log */
    struct span client;  /* its address, where the protocol tells; for the log */
};

/* `user_out` is of use with LOGIN_GOOD only. Comes back late when the login is refused. */
enum login_result plain_login_check(struct daemon *d, const struct plain_login *login,
                                    struct arena *mem, struct span *user_out);

#endif
