/*
 * Where each recipient's copy goes: refused, Junk, the folder of user+folder, or INBOX; and who may
 * share a file with whom.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_PLAN_H
#define OUTRIDER_LMTP_DELIVER_PLAN_H

#include "lmtp/deliver.h"

/* Fills d->targets (boxes open, or a reply set) and counts d->spools, leaders and members. d->head
 * is parsed. */
void deliver_plan(struct deliver *d);

/* The reply to a failure on disk: 452 4.2.2 over quota, 452 4.3.1 disk full, 451 4.3.0 otherwise.
 */
void
deliver_plan_fail(struct deliver *d, struct deliver_target *t, const struct maildir_fault *fault);
/* The reply to a failure that the operator must mend (451 4.3.5). */
void deliver_plan_misconfigured(struct deliver *d, struct deliver_target *t, const struct err *e);

#endif
