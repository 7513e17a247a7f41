/*
 * What verbs about one stored message share: the file, the resolver, printing what came from
 * outside.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_CLI_MESSAGE_H
#define OUTRIDER_MILTER_CLI_MESSAGE_H

#include "common/base/buf.h"
#include "common/cli/cli.h"
#include "common/dns/dns.h"

#define CLI_MESSAGE_ARENA_BYTES ((size_t)32 << 20)

/* Reads the message in the verb's first argument ("-": standard input; LF line ends become CRLF),
 * opens the resolver of cli_input_dns(), and runs the rest. Returns the exit status. */
int
cli_message_run(struct cli *cli, int (*run)(struct cli *cli, struct span text, struct dns *dns));

/* Prints " LABEL=VALUE"; nothing when empty. */
void cli_message_print_part(struct arena *mem, const char *label, struct span value);

#endif
