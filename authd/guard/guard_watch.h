/*
 * The thread that keeps the bans in step with the store, and tells an administrator's program when
 * one begins or ends: `ban-hook ban|unban ADDRESS SECONDS REASON`.
 *
 * Threads: locked.
 */
#ifndef OUTRIDER_AUTHD_GUARD_GUARD_WATCH_H
#define OUTRIDER_AUTHD_GUARD_GUARD_WATCH_H

#include "authd/guard/guard.h"

struct guard_watch;

struct guard_watch *guard_watch_start(struct guard *guard);
void guard_watch_stop(struct guard_watch *watch);
/* NULL or empty: nobody is told. */
void guard_watch_set_hook(struct guard_watch *watch, const char *hook);

#endif
