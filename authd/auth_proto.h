/*
 * Lines of Dovecot's auth protocols, client side (logins) and master side (look-ups): bytes <->
 * struct.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_AUTH_PROTO_H
#define OUTRIDER_AUTHD_AUTH_PROTO_H

#include "common/text/tabline.h"

#define AUTH_PROTO_MAX_LINE_BYTES 16384 /* Dovecot's clients send no longer ones */

/* One parsed command of either side. */
struct auth_line {
    struct tabline fields;
    struct span verb; /* fields[0] */
    uint32_t id;      /* fields[1], where the verb has an id */
};

/* Splits a line; verbs in `with_id` need a number in their second field. OR_MALFORMED says what is
 * wrong. */
or_status auth_proto_parse(struct span line, struct arena *mem, struct auth_line *line_out,
                           struct err *e) OR_MUST_USE;
/* One row of a session's table of commands. */
struct auth_verb {
    const char *verb;
    or_status (*run)(void *session, const struct auth_line *line, struct err *e);
};

/* Parses a line and runs the row of its verb. OR_MALFORMED when there is none; otherwise what the
 * row says. */
or_status auth_proto_dispatch(const struct auth_verb *verbs, size_t count, void *session,
                              struct span text, struct arena *mem, struct err *e) OR_MUST_USE;

/* The number in field `at`; OR_MALFORMED when there is none. */
or_status
auth_proto_number(const struct auth_line *line, size_t at, uint32_t *number_out) OR_MUST_USE;

/* VERSION<TAB>major<TAB>minor: only major 1 is spoken. */
or_status auth_proto_check_version(const struct auth_line *line, struct err *e) OR_MUST_USE;

/* Decodes the base64 of resp= or CONT into `out`. "=" alone is an empty response (SMTP's AUTH PLAIN
 * =). */
or_status auth_proto_response(struct span base64, struct buf *out) OR_MUST_USE;

/* "<TAB>key=value", the value escaped. */
void auth_proto_add(struct buf *out, const char *key, struct span value);

#endif
