/*
 * One question to PAM: is this the user's password, and may the user come in?
 *
 * Threads: immutable; as safe as the modules of the service are, which Linux-PAM asks them to be.
 */
#ifndef OUTRIDER_AUTHD_PAM_PAM_CHECK_H
#define OUTRIDER_AUTHD_PAM_PAM_CHECK_H

#include "common/base/status.h"

/* Linux-PAM's PAM_MAX_RESP_SIZE with its NUL: modules cut off longer answers. */
#define PAM_CHECK_MAX_PASSWORD_BYTES 511

struct pam_question {
    const char *service, *user, *password;
    const char *client; /* its address, for the modules that look at it (PAM_RHOST); NULL: none */
};

/* pam_authenticate(3) and pam_acct_mgmt(3). OR_ABSENT: a wrong password, no such user, or an
 * account that is locked or expired, or whose password is; OR_TEMPFAIL: PAM cannot say. Takes as
 * long as the modules of the service take. */
or_status pam_check(const struct pam_question *q, struct err *e) OR_MUST_USE;

#endif
