/*
 * Logins with an application password (accounts/app_password.h).
 *
 * Threads: immutable (what it asks is locked).
 */
#ifndef OUTRIDER_AUTHD_LOGIN_APP_H
#define OUTRIDER_AUTHD_LOGIN_APP_H

#include "authd/login_check.h"

/* Whether what `x` holds is an application password of the account (`row`, all empty for an
 * unknown one) and may be used now for the service. LOGIN_GOOD; LOGIN_WRONG: it is none of this
 * account; LOGIN_OUT_OF_SCOPE, LOGIN_EXPIRED; LOGIN_UNKNOWN_NOW. With LOGIN_GOOD `app_out` is
 * which.
 */
enum login_result login_app_check(const struct account_row *row, const struct mech_exchange *x,
                                  struct arena *mem, struct app_password *app_out, struct err *e);

/* The login that login_app_check() found good was let in. Does nothing for an empty `app`. */
void login_app_used(const struct account_row *row, const struct app_password *app);

#endif
