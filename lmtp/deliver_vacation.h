/*
 * Sending what a recipient's script answers (vacation.h), once everybody has been told that the
 * message is delivered: an answer never holds up or endangers mail. Each sender is answered once
 * within the script's period; the memory of that is in the store, and without it nobody is
 * answered.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_VACATION_H
#define OUTRIDER_LMTP_DELIVER_VACATION_H

#include "lmtp/deliver.h"
#include "lmtp/sieve/sieve.h"

/* The answer of `action` (SIEVE_ANSWER). Leaves d->turn. `name` is for the copy that :fcc asks for.
 */
void deliver_vacation(struct deliver *d, const struct deliver_target *t,
                      const struct sieve_action *action, const struct maildir_name *name);

#endif
