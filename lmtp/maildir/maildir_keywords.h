/*
 * IMAP keywords of a folder: which letter stands for which in its file names, kept by Dovecot in
 * the file dovecot-keywords, "0 $Forwarded", and so on to 25.
 *
 * Threads: per-thread; as the owner of the mailbox.
 */
#ifndef OUTRIDER_LMTP_MAILDIR_MAILDIR_KEYWORDS_H
#define OUTRIDER_LMTP_MAILDIR_MAILDIR_KEYWORDS_H

#include "lmtp/maildir/maildir.h"

#define MAILDIR_MAX_KEYWORDS 26
#define MAILDIR_KEYWORD_MAX_BYTES 100

/* The flags of a file name (maildir_name.h) for `flags`, separated by blanks: system flags as
 * "\Seen" and keywords. A keyword that the folder does not know yet is added to its file, which
 * Dovecot's processes change, too: under its lock. Keywords for which there is no room left, or no
 * lock within MAILDIR_KEYWORDS_WAIT_MS, are left out: mail does not wait for them. False: some were
 * left out. */
#define MAILDIR_KEYWORDS_WAIT_MS 1000
bool maildir_keywords_letters(const struct maildir *box, struct span flags,
                              char out[MAILDIR_NAME_FLAGS_BYTES]);

/* The file's content: by letter, empty where there is none. What is no line of it is passed over.
 */
struct maildir_keywords {
    struct span names[MAILDIR_MAX_KEYWORDS];
};
void maildir_keywords_parse(struct span text, struct maildir_keywords *keywords_out);

#endif
