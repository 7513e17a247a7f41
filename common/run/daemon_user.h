/*
 * Leaving root: user, group, capabilities, no way back.
 *
 * Threads: per-thread; before any other thread runs.
 */
#ifndef OUTRIDER_COMMON_RUN_DAEMON_USER_H
#define OUTRIDER_COMMON_RUN_DAEMON_USER_H

#include "common/run/conf.h"

/* Whether `user` and `group` exist, where that matters: when started as root. OR_CONFIG names the
 * option and the cure. */
or_status daemon_user_check(const struct conf_common *conf, struct err *e) OR_MUST_USE;
/* Becomes `user`, keeps only `keep_caps` (NULL: none), sets no_new_privs. Not started as root: goes
 * on as who we are. */
or_status daemon_user_become(const struct conf_common *conf, const char *keep_caps,
                             struct err *e) OR_MUST_USE;

#endif
