/*
 * Where an account's Maildir is: from the userdb's mail location and home.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_MAILDIR_MAILDIR_LOCATION_H
#define OUTRIDER_LMTP_MAILDIR_MAILDIR_LOCATION_H

#include "common/base/arena.h"

/* `mail` is Dovecot's mail_location ("maildir:~/Maildir", options after a further ':') or mail_path
 * ("~/Maildir"); empty: HOME/Maildir. *path_out is absolute. OR_CONFIG when it is no Maildir, has
 * unexpanded % variables, a layout other than Maildir++ or an INBOX elsewhere, or needs a home and
 * there is none. */
or_status maildir_location(struct span mail, struct span home, struct arena *mem,
                           const char **path_out, struct err *e) OR_MUST_USE;

#endif
