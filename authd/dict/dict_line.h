/*
 * Lines of Dovecot's dict protocol: a letter, then fields separated by TAB (protocols.md 5).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_DICT_DICT_LINE_H
#define OUTRIDER_AUTHD_DICT_DICT_LINE_H

#include "common/text/tabline.h"

#define DICT_LINE_MAX_BYTES 65536
#define DICT_LINE_MAX_KEY_BYTES 2048

struct dict_line {
    char command; /* 0: the line is empty */
    struct tabline fields;
};

/* OR_MALFORMED: a broken escape, or NUL in it. OR_LIMIT: too many fields, or past the arena. */
or_status dict_line_parse(struct span line, struct arena *mem, struct dict_line *line_out,
                          struct err *e) OR_MUST_USE;

/* Field `at`; empty when there is none. */
struct span dict_line_field(const struct dict_line *line, size_t at);
/* Its number (with sign where `lowest` < 0). OR_MALFORMED when it is none or too large. */
or_status dict_line_number(const struct dict_line *line, size_t at, int64_t lowest,
                           int64_t *number_out) OR_MUST_USE;

/* A key's name behind "passdb/" or "userdb/" has no slash or backslash of its own: they come as
 * "\|" and "\\". OR_LIMIT past the arena. */
or_status
dict_line_unescape_name(struct span name, struct arena *mem, struct span *name_out) OR_MUST_USE;

#endif
