/*
 * The recipients of a message whose mailboxes are on other servers: one connection for each server,
 * open from the end of the header to the replies.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_RELAY_H
#define OUTRIDER_LMTP_DELIVER_RELAY_H

#include "lmtp/deliver.h"

/* Connects and names the recipients. Those that are not accepted have a reply then. */
void deliver_relay_open(struct deliver *d);
/* The next bytes of the message, for all servers. */
void deliver_relay_write(struct deliver *d, struct span bytes);
/* The message has ended: every recipient elsewhere gets its reply. */
void deliver_relay_finish(struct deliver *d);
/* What was not finished is not delivered. */
void deliver_relay_close(struct deliver *d);

#endif
