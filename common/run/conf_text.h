/*
 * The text of a configuration file, made fit for libconfuse: comments blanked out (its scanner
 * counts their lines twice) and refused what its scanner would drop without a word or trip over:
 * stray bytes, strings and comments without an end.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_CONF_TEXT_H
#define OUTRIDER_COMMON_RUN_CONF_TEXT_H

#include "common/base/status.h"

#include <stddef.h>

#define CONF_TEXT_MAX_BYTES (1024 * 1024) /* a configuration written by people is far below */

/* The file's bytes, NUL-terminated; the caller frees. OR_CONFIG names the path and the cure. */
or_status conf_text_read(const char *path, char **text_out, struct err *e) OR_MUST_USE;

/* Checks `text` and blanks its comments in place. OR_CONFIG: "PATH:LINE: ...". `path` is for the
 * error only. */
or_status conf_text_check(const char *path, char *text, struct err *e) OR_MUST_USE;

#endif
