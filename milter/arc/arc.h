/*
 * What the ARC modules share: the words of RFC 8617, and one reason for every way in which a chain
 * can turn out unusable.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_ARC_ARC_H
#define OUTRIDER_MILTER_ARC_ARC_H

#include "common/base/span.h"

#define ARC_MAX_SETS 50 /* RFC 8617 4.2.1 */

/* The three fields of a set, in the order in which they are sealed (RFC 8617 5.1.1). */
enum arc_field { ARC_FIELD_RESULTS, ARC_FIELD_MESSAGE, ARC_FIELD_SEAL, ARC_FIELDS };

/* RFC 8617 4.4. There is no temporary error: all failures are permanent (RFC 8617 5.2.1). */
enum arc_result { ARC_NONE, ARC_PASS, ARC_FAIL };

enum arc_reason {
    ARC_OK,
    /* how the sets are put together */
    ARC_FIELD_SYNTAX,
    ARC_INSTANCE,
    ARC_DUPLICATE,
    ARC_GAP,
    ARC_RESULTS_MISSING,
    ARC_MESSAGE_MISSING,
    ARC_SEAL_MISSING,
    /* what the seals say */
    ARC_REPORTED_FAIL,
    ARC_CHAIN_STATUS,
    /* signatures */
    ARC_MESSAGE_INVALID,
    ARC_SEAL_INVALID,
    ARC_REASONS
};

/* "ARC-Seal" and so on. */
const char *arc_field_name(enum arc_field field);
/* "none", "pass", "fail": as in cv= and in Authentication-Results. */
const char *arc_result_name(enum arc_result result);
/* A word for logs and JSON: "seal-invalid". */
const char *arc_reason_name(enum arc_reason reason);
/* One sentence without final dot: "the seal is not valid". */
const char *arc_reason_text(enum arc_reason reason);

#endif
