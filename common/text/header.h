/*
 * RFC 5322 header fields as bytes: splitting a header block, unfolding, dates.
 *
 * Lenient where mail in the wild is (LF or CRLF line ends, white space before the colon, 8-bit
 * bytes), total on any input. Fields keep their exact bytes, which is what DKIM signs.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_HEADER_H
#define OUTRIDER_COMMON_TEXT_HEADER_H

#include "common/base/arena.h"

#include <time.h>

/* One field. `name` is without colon and trailing white space; `value` is every byte after the
 * colon, folds included, without the line end that closes the field. `raw` runs from the name to
 * before that line end. */
struct header_field {
    struct span name;
    struct span value;
    struct span raw;
};

#define HEADER_MAX_FIELDS 1000 /* twice what the longest real-world trace headers need */

struct header_block {
    struct header_field *fields; /* in message order, in the arena */
    size_t count;
    size_t body_offset; /* where the body begins in the parsed bytes (after the empty line) */
};

/* Splits the header block at the front of `message`. A line that is neither a field nor a
 * continuation ends the header, and the body begins with it. OR_LIMIT over HEADER_MAX_FIELDS or the
 * arena. */
or_status header_parse(struct span message, struct arena *mem, struct header_block *block_out,
                       struct err *e) OR_MUST_USE;

/* First field of that name from the top, NULL when there is none. */
const struct header_field *header_find(const struct header_block *block, const char *name);
size_t header_count(const struct header_block *block, const char *name);

/* RFC 5322 2.2.3: removes each line end that white space follows; bare CR, LF and NUL become
 * spaces. Trimmed at both ends. OR_LIMIT past the arena. */
or_status header_unfold(struct span value, struct arena *mem, struct span *text_out) OR_MUST_USE;

/* Skips RFC 5322 CFWS (blanks, folds, nested comments) at the front of *s. OR_MALFORMED on a
 * comment that does not end, OR_LIMIT on one over 32 deep; *s is then as it was. */
or_status header_skip_cfws(struct span *s) OR_MUST_USE;

/* RFC 5322 date-time in UTC: "Sun, 22 Nov 2026 22:21:10 +0000". */
#define HEADER_DATE_BYTES 48
void header_format_date(time_t when, char out[HEADER_DATE_BYTES]);

#endif
