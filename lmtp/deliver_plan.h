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
/* The reply to a mailbox that is full (5.2.2 or 4.2.2, as quota-full says). */
void deliver_plan_full(struct deliver *d, struct deliver_target *t, const struct err *e);
/* Takes on the identity of the target's owner, until the next one is taken on or d->turn is left.
 * False when that is not possible; then the target has its reply (451 4.3.5: the operator must mend
 * it). */
bool deliver_plan_enter(struct deliver *d, struct deliver_target *t);

#endif
