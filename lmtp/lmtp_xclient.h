/*
 * XCLIENT (Postfix's XCLIENT_README): a proxy that is trusted says for whom it speaks.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_LMTP_XCLIENT_H
#define OUTRIDER_LMTP_LMTP_XCLIENT_H

#include "common/text/ip.h"

/* What the LHLO reply says that we take. The others are read, checked for their form, and have no
 * use here. */
#define LMTP_XCLIENT_ATTRIBUTES "NAME ADDR PORT PROTO HELO LOGIN"

#define LMTP_XCLIENT_HELO_BYTES 256

struct lmtp_xclient {
    bool has_ip;
    struct ip ip; /* family 0: [UNAVAILABLE] */
    bool has_helo;
    char helo[LMTP_XCLIENT_HELO_BYTES]; /* xtext decoded, unchecked; empty: [UNAVAILABLE] */
};

/* The argument of XCLIENT. OR_MALFORMED: an unknown attribute, bad xtext, or no address in ADDR;
 * OR_LIMIT: a HELO that is too long. */
or_status lmtp_xclient_parse(struct span argument, struct lmtp_xclient *client_out) OR_MUST_USE;

#endif
