/*
 * The recipients' scripts (RFC 5228): run once the message is on disk, before it appears in any
 * mailbox; they choose the folders, the flags, or that it is refused or thrown away.
 *
 * Order, as Pigeonhole has it: the site's scripts of sieve-before, the owner's, those of
 * sieve-after; each one runs only while the ones before it have kept the message. A script that is
 * missing keeps it. One with a fault, or past a limit, keeps it too and is logged: mail never waits
 * for a script to be mended. Only a script that cannot be read for now (EIO and the like) defers.
 *
 * Quarantined messages go to Junk whatever scripts say.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_SIEVE_H
#define OUTRIDER_LMTP_DELIVER_SIEVE_H

#include "lmtp/deliver.h"

/* Changes the targets: flags, further places, refusals. */
void deliver_sieve(struct deliver *d);

#endif
