/*
 * What a run came to, in words: one action, as `outrider sieve test` and the tests show it.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_REPORT_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_REPORT_H

#include "common/base/buf.h"
#include "lmtp/sieve/sieve.h"

/* "keep", "fileinto", "redirect" or "reject". */
const char *sieve_report_name(enum sieve_action_kind kind);
/* Appends `fileinto "Lists" :create :flags "\Seen"`. What the script wrote is not escaped. */
void sieve_report_action(struct buf *out, const struct sieve_action *action);

#endif
