/*
 * The documents by which mail programs find their servers: Mozilla's autoconfig, Microsoft's
 * autodiscover (POX), Apple's configuration profile. All name IMAP on 993 and submission on 465,
 * TLS from the first byte (RFC 8314 3.3), and the whole address as user name where the format has a
 * word for it.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_CLI_CLIENT_CONFIG_H
#define OUTRIDER_COMMON_CLI_CLIENT_CONFIG_H

#include "common/base/buf.h"

#define CLIENT_CONFIG_MAX_BYTES 16384    /* of one document */
#define CLIENT_CONFIG_MAX_NAME_BYTES 256 /* of the name for people, before escaping */

/* Text that any of the three puts out is escaped; `name` has passed client_config_is_text(). */
struct client_config {
    struct span domain; /* canonical: of the addresses */
    struct span host;   /* canonical: of the IMAP and submission server */
    struct span name;   /* for people: what the account is called */
};

/* UTF-8 of 1..CLIENT_CONFIG_MAX_NAME_BYTES bytes, all of which XML 1.0 (2.2 Char) may hold, without
 * control characters. */
bool client_config_is_text(struct span s);

/* Each appends one document; buf_finish() tells whether it fitted. */
void client_config_autoconfig(const struct client_config *c, struct buf *out);
/* Names no user: one file serves all, so Outlook proposes the user name by itself. */
void client_config_autodiscover(const struct client_config *c, struct buf *out);
/* Identifiers follow from the domain: a newer profile takes the place of the older one. */
void client_config_mobileconfig(const struct client_config *c, struct buf *out);

#endif
