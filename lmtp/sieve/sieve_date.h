/*
 * Dates for the tests of RFC 5260: out of header fields, and as the parts that scripts compare.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_DATE_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_DATE_H

#include "common/base/span.h"

#include <time.h>

struct sieve_date {
    time_t when;
    long offset_s; /* of the zone that it is shown in, east of Greenwich */
};

/* RFC 5322 3.3 with its obsolete forms (4.3); behind the last ';' when there is one, as in Received
 * fields. The offset is the one written. OR_MALFORMED. */
or_status sieve_date_parse(struct span text, struct sieve_date *date_out) OR_MUST_USE;
/* RFC 5260 4.1: "+hhmm". OR_MALFORMED. */
or_status sieve_date_parse_zone(struct span text, long *offset_s_out) OR_MUST_USE;

#define SIEVE_DATE_BYTES 64
/* Whether RFC 5260 4.2 knows a part of that name. */
bool sieve_date_is_part(struct span name);
/* The part of that name; empty when there is none. */
struct span
sieve_date_part(const struct sieve_date *date, struct span name, char out[SIEVE_DATE_BYTES]);

#endif
