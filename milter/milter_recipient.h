/*
 * Whether a recipient is somewhere else: then we pass the message on, and it is worth an ARC seal
 * (arc-seal = forwarded). Seen is the recipient as the client named it; Postfix expands aliases
 * later.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_MILTER_RECIPIENT_H
#define OUTRIDER_MILTER_MILTER_RECIPIENT_H

#include "common/base/arena.h"
#include "milter/milter_conf.h"

/* RCPT TO as libmilter has it. True for a domain that is not in local-domains, and for an address
 * or domain in forwarded-recipients. An address without domain is ours, and so is one that cannot
 * be read. */
bool milter_recipient_is_elsewhere(const struct milter_settings *settings, struct span path,
                                   struct arena *mem);

#endif
