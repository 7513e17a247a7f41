/*
 * What the sealers of a valid ARC chain say they found, in the words of policyd's question. Whether
 * they are believed is policyd's to decide (trusted-sealers).
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_MILTER_SEALED_H
#define OUTRIDER_MILTER_MILTER_SEALED_H

#include "common/run/verdict.h"
#include "milter/arc/arc_verify.h"

/* Fills in `seals` from the newest set down; none unless the chain passed. A set whose results
 * cannot be read says nothing, but stands in its place. Everything is in the arena or a view. */
void
milter_sealed_list(const struct arc_verify *arc, struct arena *mem, struct verdict_question *q);

#endif
