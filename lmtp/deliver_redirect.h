/*
 * What scripts redirect (RFC 5228 4.2), sent over SMTP to `sieve-relay` once the message is safe on
 * disk. The message goes out as it came, with one field more, X-Sieve-Redirected-From, by which one
 * that comes back is known. The envelope's sender stays: rewriting it (SRS) is the MTA's part.
 *
 * A message that cannot be sent on, for now or for good, is kept in the mailbox instead, whatever
 * the script said of that: nothing is lost and nobody has to wait for another server.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_REDIRECT_H
#define OUTRIDER_LMTP_DELIVER_REDIRECT_H

#include "lmtp/deliver.h"

/* After the spools were synced, before anything appears in a mailbox. */
void deliver_redirect(struct deliver *d);

#endif
