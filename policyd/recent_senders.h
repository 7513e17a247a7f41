/*
 * Which client last used an envelope sender: seen by the policy service at RCPT, wanted moments
 * later by the SRS tables, whose look-ups carry nothing but the address. Kept in a table of fixed
 * size, so a newer sender may take an older one's place: then the client is simply not known.
 *
 * Threads: locked (LOCK_RECENT_SENDERS).
 */
#ifndef OUTRIDER_POLICYD_RECENT_SENDERS_H
#define OUTRIDER_POLICYD_RECENT_SENDERS_H

#include "common/text/ip.h"

struct recent_senders;

struct recent_senders *recent_senders_new(void);
void recent_senders_free(struct recent_senders *senders); /* NULL is allowed */

void
recent_senders_note(struct recent_senders *senders, struct span sender, const struct ip *client);
/* False when it is not known. */
bool recent_senders_find(struct recent_senders *senders, struct span sender, struct ip *client_out);

#endif
