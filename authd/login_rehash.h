/*
 * Storing a password anew, now that it is known: it was stored weakly, or without what SCRAM needs.
 *
 * Threads: locked (one at a time; another one does not wait).
 */
#ifndef OUTRIDER_AUTHD_LOGIN_REHASH_H
#define OUTRIDER_AUTHD_LOGIN_REHASH_H

#include "authd/authd.h"

/* `password` was just found right for `row`. The login is good whatever becomes of this; what fails
 * is logged. Takes as long as a few hashings when there is something to do. */
void login_rehash(const struct daemon_snapshot *snapshot, const struct account_row *row,
                  struct span password);

#endif
