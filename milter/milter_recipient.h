/*
 * What the recipients say about the ARC seal: one that is somewhere else means that we pass the
 * message on (arc-seal = forwarded), and the sections `seal` choose the key by recipient. Seen is
 * the recipient as the client named it; Postfix expands aliases later.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_MILTER_RECIPIENT_H
#define OUTRIDER_MILTER_MILTER_RECIPIENT_H

#include "common/base/arena.h"
#include "common/text/addr.h"
#include "common/text/addrpattern.h"
#include "milter/milter_conf.h"

/* RCPT TO as libmilter has it, the domain in canonical form. False for an address without domain
 * or one that cannot be read: it is ours, and no rule is about it. */
bool milter_recipient_parse(struct span path, struct arena *mem, struct addr *address_out);

/* True for a domain that is not in local-domains, and for an address or domain in
 * forwarded-recipients. */
bool
milter_recipient_is_elsewhere(const struct milter_settings *settings, const struct addr *address);

/* The first section `seal` for this recipient; NULL: none. `patterns` are the sections' titles. */
const struct milter_seal *
milter_recipient_seal(const struct milter_settings *settings, const struct addrpattern *patterns,
                      const struct addr *address);

#endif
