/*
 * Telling an owner that his Sieve script has a fault: a message in INBOX, at most one a day for
 * each account, once everybody has been answered. Pigeonhole writes a file beside the script that
 * nobody looks at; mail that is no longer sorted deserves more.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_NOTICE_H
#define OUTRIDER_LMTP_DELIVER_NOTICE_H

#include "lmtp/deliver.h"

/* For t->script_fault. Leaves d->turn. `name` is for the message. */
void
deliver_notice(struct deliver *d, const struct deliver_target *t, const struct maildir_name *name);

#endif
