/*
 * What our own relays found out before us. A border relay sees the client that SPF is about, and
 * the message before anything inside changed it; its Authentication-Results field says what it saw.
 *
 * Believed is a field whose authserv-id is in trusted-authserv-ids, of a message that came from a
 * client in trusted-relays, and only above the second Received field: what stands further down was
 * there when the relay got the message. Every other field with such an id is forged.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_MILTER_RELAYED_H
#define OUTRIDER_MILTER_MILTER_RELAYED_H

#include "common/run/verdict.h"
#include "milter/dkim/dkim_verify.h"
#include "milter/milter_conf.h"

struct milter_relayed {
    bool from_relay;  /* the client is in trusted-relays */
    size_t field_end; /* fields before this one may be the relay's */
    struct span id;   /* of the field that was used; empty: none */
    bool has_dkim;    /* it reports on DKIM: nothing is verified again */
    struct verdict_spf spf;
    struct span spf_identity; /* its smtp.mailfrom or smtp.helo */
};

bool milter_relayed_is_relay(const struct milter_settings *settings, const struct ip *client);

/* For a message of a relay: reads the topmost field that is believed, with `null_sender` also SPF
 * of HELO. Its DKIM results become items of `verify` (at most max-signatures), but for a temporary
 * error, which is ours to try again. Everything is in the message's arena or a view into it. */
void
milter_relayed_read(struct milter_relayed *r, const struct milter_settings *settings,
                    const struct dkim_message *m, bool null_sender, struct dkim_verify *verify);

/* Whether this Authentication-Results field names a trusted id and is not to be believed. */
bool
milter_relayed_is_forged(const struct milter_relayed *r, const struct milter_settings *settings,
                         const struct dkim_message *m, size_t field);

#endif
