/*
 * The check of authd's settings as a whole, for conf_load().
 *
 * Threads: one only, as loading is.
 */
#ifndef OUTRIDER_AUTHD_AUTHD_CONF_CHECK_H
#define OUTRIDER_AUTHD_AUTHD_CONF_CHECK_H

#include "common/base/status.h"

/* `settings`: a struct authd_settings. Makes names of accounts canonical; OR_CONFIG with what is
 * wrong. */
or_status authd_conf_check(void *settings, struct err *e) OR_MUST_USE;

#endif
