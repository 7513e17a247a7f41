/*
 * Dovecot's lines: fields separated by TAB, closed by LF, bytes escaped with 0x01 (protocols.md 4).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_TABLINE_H
#define OUTRIDER_COMMON_TEXT_TABLINE_H

#include "common/base/arena.h"
#include "common/base/buf.h"

#define TABLINE_MAX_FIELDS 128

struct tabline {
    struct span fields[TABLINE_MAX_FIELDS]; /* unescaped */
    size_t count;                           /* at least 1; an empty line has one empty field */
};

/* Splits and unescapes one line (without LF). Unescaped fields are copied to the arena only where
 * they had escapes. OR_MALFORMED on an unknown or cut escape, OR_LIMIT over TABLINE_MAX_FIELDS or
 * the arena. */
or_status tabline_parse(struct span line, struct arena *mem, struct tabline *line_out,
                        struct err *e) OR_MUST_USE;

/* The value of field "key=value" from index `from` on; p == NULL when absent. A bare "key" gives an
 * empty value with p != NULL. */
struct span tabline_get(const struct tabline *line, size_t from, const char *key);

/* Appends the bytes escaped. Separators and LF are the caller's. */
void tabline_escape(struct buf *out, struct span field);

#endif
