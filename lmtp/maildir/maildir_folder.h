/*
 * Folder names of Maildir++: which names may become a directory, and what it is called.
 *
 * The name of a subaddress (user+folder) is the sender's choice, so everything that could leave the
 * Maildir, hide in it or confuse an IMAP client is refused.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_MAILDIR_MAILDIR_FOLDER_H
#define OUTRIDER_LMTP_MAILDIR_MAILDIR_FOLDER_H

#include "common/base/buf.h"

/* NAME_MAX and a NUL. */
#define MAILDIR_FOLDER_BYTES 256

/* The directory of the top-level folder `name` (UTF-8): a dot and the name in modified UTF-7 (RFC
 * 3501 5.1.3), ".Entw&APw-rfe". OR_MALFORMED: empty, not UTF-8, with '/', '.', '*', '%' or control
 * characters, with a blank at either end, or INBOX in any case, which is no folder beside itself.
 * OR_LIMIT: over 255 bytes. */
or_status maildir_folder_dirname(struct span name, char out[MAILDIR_FOLDER_BYTES]) OR_MUST_USE;

/* The directory of a folder of any level, "Lists/Outrider" or "Lists.Outrider": ".Lists.Outrider".
 * "INBOX", and an "INBOX" in front as some IMAP servers show it, are the Maildir itself (""). As
 * maildir_folder_dirname() otherwise. */
or_status maildir_folder_path(struct span name, char out[MAILDIR_FOLDER_BYTES]) OR_MUST_USE;

#endif
