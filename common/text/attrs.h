/*
 * The attribute protocol of Postfix's policy delegation: "name=value" lines closed by an empty
 * line. policyd speaks it to smtpd and to our milter (protocols.md 1).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_ATTRS_H
#define OUTRIDER_COMMON_TEXT_ATTRS_H

#include "common/base/buf.h"

#define ATTRS_MAX 256         /* Postfix sends about 35; the milter one per signature more */
#define ATTRS_MAX_BYTES 65536 /* a whole request */
#define ATTRS_MAX_LINE_BYTES 16384

struct attr {
    struct span name;
    struct span value;
};

struct attrs {
    struct attr items[ATTRS_MAX]; /* in the order sent; names may repeat */
    size_t count;
};

/* One line without its LF, added to the set. OR_MALFORMED without '=' or with an empty name;
 * OR_LIMIT over ATTRS_MAX. The set views into `line`. */
or_status attrs_add_line(struct attrs *a, struct span line, struct err *e) OR_MUST_USE;

/* A whole block of lines, closing empty line included or not. */
or_status attrs_parse(struct span block, struct attrs *attrs_out, struct err *e) OR_MUST_USE;

/* First value of that name; empty span (p == NULL) when absent. */
struct span attrs_get(const struct attrs *a, const char *name);
/* Walks all values of one name: start with *at = 0; false when there are no more. */
bool attrs_next(const struct attrs *a, const char *name, size_t *at, struct span *value_out);

/* Appends "name=value\n". LF, CR and NUL in the value become spaces: they would end the attribute.
 */
void attrs_format(struct buf *out, const char *name, struct span value);
/* Appends the empty line that closes a request or reply. */
void attrs_format_end(struct buf *out);

#endif
