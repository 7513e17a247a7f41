/*
 * The lines of authd's control socket: one JSON object each, ended by LF.
 *
 * The client asks {"command": "user-add", "address": ...}. The server answers any number of
 * {"row": {...}} and one {"status": "ok", ...} or {"status": "absent", "error": "..."}, the words
 * being or_status_name()'s.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_CONTROL_CONTROL_LINE_H
#define OUTRIDER_AUTHD_CONTROL_CONTROL_LINE_H

#include "common/base/span.h"
#include "common/base/status.h"

#include <jansson.h>

#define CONTROL_MAX_LINE_BYTES (1u << 20) /* an alias with all its targets, of the longest kind */
#define CONTROL_MAX_DEPTH 4               /* ours have three */

/* OR_MALFORMED: no JSON object, a key twice, NUL in a text, too deep; OR_LIMIT: too long. The
 * caller drops the object. */
or_status control_line_parse(struct span line, json_t **object_out, struct err *e) OR_MUST_USE;

/* The status that an answer says; OR_MALFORMED when it says none, with `e` what its "error" says or
 * that. NULL is allowed. */
or_status control_line_status(const json_t *answer, struct err *e) OR_MUST_USE;

#endif
