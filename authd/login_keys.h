/*
 * What a mechanism needs to know of whoever wants to log in.
 *
 * Threads: immutable (what it asks is locked).
 */
#ifndef OUTRIDER_AUTHD_LOGIN_KEYS_H
#define OUTRIDER_AUTHD_LOGIN_KEYS_H

#include "authd/authd.h"
#include "authd/sasl/mech.h"

/* Keys for `x`'s mechanism: those stored for the account, or, for whoever has none, ones that
 * nothing fits, with a salt of their own that stays the same. OR_OK, or OR_TEMPFAIL and OR_LIMIT
 * when the accounts cannot be asked; `e` says why. The caller wipes the keys; a password is in
 * `mem`. */
or_status login_keys_find(const struct daemon_snapshot *snapshot, const struct mech_exchange *x,
                          struct arena *mem, struct mech_keys *keys_out, struct err *e) OR_MUST_USE;

#endif
