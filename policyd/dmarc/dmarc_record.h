/*
 * One DMARC Policy Record (RFC 9989 4.7, 4.8): the TXT text at _dmarc.<domain> as a struct.
 *
 * Decides whether a text is a DMARC record at all and whether it says something to act on. It never
 * guesses: a known tag whose value is not valid, or that stands there twice, is as good as absent
 * (RFC 9989 4.8 for syntax errors, RFC 6376 3.2 for repeated names); unknown tags are ignored.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_DMARC_DMARC_RECORD_H
#define OUTRIDER_POLICYD_DMARC_DMARC_RECORD_H

#include "policyd/dmarc/dmarc.h"

#define DMARC_RECORD_MAX_URIS 10 /* of one list; more are ignored: nobody needs them */

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO };

/* RFC 9989 4.10.1 tells records that cannot be acted on apart by what is wrong. */
enum dmarc_usable {
    DMARC_USABLE,
    DMARC_USABLE_NO_POLICY,  /* no p, and no rua that would make it p=none */
    DMARC_USABLE_BAD_POLICY, /* p, sp or np is no policy, and no rua */
};

/* Failure report options (fo), as bits. */
enum { DMARC_FO_ALL = 1, DMARC_FO_ANY = 2, DMARC_FO_DKIM = 4, DMARC_FO_SPF = 8 };

/* mailto URIs without an obsolete "!size"; they view into the text parsed. */
struct dmarc_uris {
    struct span *items; /* in the arena */
    size_t count;
};

struct dmarc_record {
    enum dmarc_usable usable; /* unless DMARC_USABLE, the policies below are "none" */
    enum dmarc_policy p;
    enum dmarc_policy sp; /* p where the record has no sp */
    enum dmarc_policy np; /* sp where the record has no np */
    enum dmarc_psd psd;
    bool testing; /* t=y */
    bool adkim_strict;
    bool aspf_strict;
    unsigned fo; /* DMARC_FO_*; DMARC_FO_ALL without a ruf */
    struct dmarc_uris rua;
    struct dmarc_uris ruf;
};

/* OR_ABSENT: not a DMARC record ("v=DMARC1" does not come first, in this case). OR_LIMIT: the
 * arena. */
or_status dmarc_record_parse(struct span text, struct arena *mem,
                             struct dmarc_record *record_out) OR_MUST_USE;

#endif
