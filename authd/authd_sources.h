/*
 * From the sections `accounts` of the configuration to the chain of sources.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_AUTHD_SOURCES_H
#define OUTRIDER_AUTHD_AUTHD_SOURCES_H

#include "authd/accounts/account_source.h"
#include "authd/authd_conf.h"

/* Opens all of them into `all`, which starts zeroed and is closed by the caller also after a
 * failure; without sections the database alone. `check_only`: a database that is not there yet is
 * no mistake. The settings must outlive it. OR_CONFIG names the section. */
or_status authd_sources_open(const struct authd_settings *settings, bool check_only,
                             struct accounts *all, struct err *e) OR_MUST_USE;

#endif
