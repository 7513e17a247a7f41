/*
 * What the verbs about stored messages have in common: the message, and where keys and state lie.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_CLI_INPUT_H
#define OUTRIDER_MILTER_CLI_INPUT_H

#include "common/base/buf.h"
#include "common/cli/cli.h"

#include <limits.h>

#define CLI_INPUT_MAX_BYTES ((size_t)256 << 20) /* of a message */
#define CLI_INPUT_DEADLINE_MS 20000             /* for all look-ups of one command */

/* The whole message in `path` ("-": standard input), appended to `out`. LF line ends become CRLF:
 * such a file was stored by something local, and signatures are about CRLF. OR_CONFIG, OR_LIMIT. */
or_status cli_input_message(const char *path, struct buf *out, struct err *e) OR_MUST_USE;

/* --directory=DIR, or key-directory of the milter's configuration. CLI_YES, or the exit status
 * after saying what is wrong. */
int cli_input_directory(const struct cli *cli, char directory_out[PATH_MAX]);
/* The same for --state-directory=DIR, or state-directory of the configuration. */
int cli_input_state_directory(const struct cli *cli, char directory_out[PATH_MAX]);

#endif
