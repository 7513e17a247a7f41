/*
 * File names of a Maildir: unique ones for tmp/, and with exact sizes for new/.
 *
 *     1795386070.M238328P20299Q17.mx1                  in tmp/
 *     1795386070.M238328P20299Q17.mx1,S=182,W=192      in new/
 *     1795386070.M238328P20299Q17.mx1,S=182,W=192:2,FS in cur/: it has flags already
 *
 * Dovecot believes S= (bytes in the file) and W= (bytes with every line end as CRLF) without
 * looking: one byte off and it drops the reader's session. Both are counted, never guessed.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_MAILDIR_MAILDIR_NAME_H
#define OUTRIDER_LMTP_MAILDIR_MAILDIR_NAME_H

#include "common/base/span.h"

#include <sys/types.h>
#include <time.h>

/* NAME_MAX and a NUL: no name made here is longer. */
#define MAILDIR_NAME_BYTES 256
/* Of the host part, escapes included; longer host names are cut. */
#define MAILDIR_NAME_MAX_HOST_BYTES 100
#define MAILDIR_NAME_FLAGS_BYTES 32 /* 5 system flags, 26 keywords, a NUL */

/* What makes a name unique: the moment, the process, how many names it made before, the host. */
struct maildir_name {
    struct timespec when; /* wall clock */
    pid_t pid;
    uint64_t sequence; /* never the same twice in one process */
    struct span host;
    const char *flags; /* letters, each once, in the order of ASCII; NULL or empty: none */
};

/* The name for tmp/. '/', ':' and ',' in the host are written as octal escapes, as the Maildir
 * specification says; control bytes, blanks and 8-bit bytes likewise. */
void maildir_name_format(const struct maildir_name *name, char out[MAILDIR_NAME_BYTES]);

/* The name for new/, or with flags for cur/: with both sizes. */
void maildir_name_format_sizes(const struct maildir_name *name, uint64_t file_bytes,
                               uint64_t wire_bytes, char out[MAILDIR_NAME_BYTES]);

/* "new" or "cur": where a file of this name belongs. */
const char *maildir_name_directory(const char *name);

#endif
