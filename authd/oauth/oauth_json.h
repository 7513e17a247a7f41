/*
 * JSON from outside: within ceilings, an object, no name twice.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_OAUTH_OAUTH_JSON_H
#define OUTRIDER_AUTHD_OAUTH_OAUTH_JSON_H

#include "common/base/buf.h"

#include <jansson.h>

#define OAUTH_JSON_MAX_DEPTH 8 /* jansson recurses, 2048 deep; our stacks are 256 KiB */

/* OR_MALFORMED or OR_LIMIT; *object_out is the caller's, for json_decref(). */
or_status oauth_json_parse(struct span text, json_t **object_out, struct err *e) OR_MUST_USE;
/* A string; p == NULL: there is none of this name. Lives as long as `object`. */
struct span oauth_json_string(const json_t *object, const char *name);
/* Whether the member `name`, a string or an array of strings, is or has `wanted`. */
bool oauth_json_has(const json_t *object, const char *name, const char *wanted);
/* Base64 without padding, with - and _ (RFC 7515 2). Appends, or OR_MALFORMED, OR_LIMIT. */
or_status oauth_base64url_decode(struct span text, struct buf *out) OR_MUST_USE;

#endif
