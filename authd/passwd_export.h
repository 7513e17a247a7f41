/*
 * The accounts of the SQLite database as a passwd-file for Dovecot, with lines as
 * accounts/passwd_line.h reads them. A file takes the old one's place whole: whoever reads it
 * meanwhile has the one or the other.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_PASSWD_EXPORT_H
#define OUTRIDER_AUTHD_PASSWD_EXPORT_H

#include "authd/accounts/account_db.h"

#include <stdio.h>

/* What accounts have that say nothing else. NULL where one is asked for: that is left to Dovecot.
 */
struct passwd_site {
    const char *mail_home; /* authd.conf */
    int64_t mail_uid, mail_gid;
};

/* OR_TEMPFAIL, OR_LIMIT: `e` says why; part of it may be written. */
or_status passwd_export_print(const struct passwd_site *site, struct account_db *db, FILE *out,
                              size_t *count_out, struct err *e) OR_MUST_USE;

/* Owner, group and mode of an old file stay; a new one has mode 0600. OR_CONFIG, OR_TEMPFAIL,
 * OR_LIMIT: the old file is as it was. */
or_status passwd_export_file(const struct passwd_site *site, struct account_db *db,
                             const char *path, size_t *count_out, struct err *e) OR_MUST_USE;

#endif
