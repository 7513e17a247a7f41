/*
 * Whether ARC seals of trusted sealers outweigh a DMARC failure (RFC 8617 9.4: trust is the
 * receiver's own list, and only of use where every sealer in between is on it).
 *
 * A valid chain says who reported what, not that it is true: a sealer can put the sets of a genuine
 * message on top of another one and seal that. So the sets are walked from the newest down, and a
 * set counts only while it and all newer ones were sealed by domains on the list.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_VERDICT_SEALED_H
#define OUTRIDER_POLICYD_VERDICT_SEALED_H

#include "common/run/conf.h"
#include "common/run/verdict.h"
#include "policyd/dmarc/dmarc_eval.h"

/* True when one of the sets that count reports a DMARC pass for `author` (canonical), or, where it
 * says nothing about DMARC, an aligned pass of SPF or DKIM by today's record of the author. Then
 * *seals_out, in the arena: "arc=pass as[2].d=a.example as[1].d=b.example", the sets relied on. */
bool
verdict_sealed_vouches(const struct conf_list *trusted, const struct verdict_question *q,
                       const struct dmarc_lookup *l, struct span author, struct span *seals_out);

#endif
