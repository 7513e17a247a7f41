/*
 * Grammar of RFC 5228 8.2: any command, any test, any arguments. Whether they exist and fit is for
 * sieve_check.h.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_PARSER_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_PARSER_H

#include "lmtp/sieve/sieve_tree.h"

/* The script's commands in *first_out (NULL: an empty script), all in `mem`. OR_MALFORMED or
 * OR_LIMIT (nesting, size) with "name:line:column: what was expected" in `e`. */
or_status sieve_parser_run(const char *name, struct span text, struct arena *mem,
                           struct sieve_node **first_out, struct err *e) OR_MUST_USE;

#endif
