/*
 * The end of a message: results, verdict, edits, answer.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_MILTER_EOM_H
#define OUTRIDER_MILTER_MILTER_EOM_H

#include "milter/milter_message.h"

struct smfi_str; /* libmilter's SMFICTX */

/* Everything there is to do with a complete message; one log line. Returns libmilter's sfsistat.
 * When an edit cannot be made the message is tempfailed: it must neither pass unsigned nor keep a
 * forged field. */
int milter_eom_run(struct milter_message *m, struct smfi_str *ctx);

#endif
