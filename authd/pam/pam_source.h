/*
 * The system's users as accounts: local part = user name. Who there is comes from the system's
 * user database (NSS), whether a password is right from PAM.
 *
 * A module may hang for as long as it likes and cannot be interrupted: each check has a thread of
 * its own, which is left to itself when the time is over. PAM_SOURCE_MAX_CHECKS bounds them.
 *
 * Threads: locked (LOCK_PAM).
 */
#ifndef OUTRIDER_AUTHD_PAM_PAM_SOURCE_H
#define OUTRIDER_AUTHD_PAM_PAM_SOURCE_H

#include "authd/accounts/account_source.h"

#define PAM_SOURCE_MAX_CHECKS 64 /* at once, those that were left to themselves too */

struct pam_settings {
    const char *service;        /* of /etc/pam.d */
    const char *const *domains; /* theirs; at least one */
    size_t domain_count;
    int64_t first_uid; /* those below are no accounts; at least 1 */
    int64_t timeout_ms;
};

/* OR_CONFIG: no domain, or no name of a service. The strings must outlive the source, but not the
 * checks that it leaves behind. */
or_status account_source_pam(const struct pam_settings *settings, const char *name,
                             struct account_source *source_out, struct err *e) OR_MUST_USE;

#endif
