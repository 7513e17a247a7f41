/*
 * Accounts whose mailbox is on another machine.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_AUTHD_HOST_H
#define OUTRIDER_AUTHD_AUTHD_HOST_H

#include "authd/accounts/account_db.h"
#include "authd/accounts/account_host.h"
#include "authd/authd_conf.h"

/* OR_OK: it is, and where; OR_ABSENT: it is here. OR_TEMPFAIL: what is stored is no host. */
or_status
authd_host_of(const struct authd_settings *settings, const struct account_row *row,
              struct arena *mem, struct account_host *host_out, struct err *e) OR_MUST_USE;

#endif
