/*
 * Answers of the recipient's script (RFC 5230): who gets one, and what it looks like.
 *
 * The rules are those of RFC 5230 4.5, 4.6 and RFC 3834 2: no answer to mailing lists, bulk mail,
 * other automatic answers, daemons or the owner himself, and only to mail that names one of the
 * owner's addresses.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_VACATION_H
#define OUTRIDER_LMTP_VACATION_H

#include "common/text/header.h"
#include "lmtp/own_message.h"
#include "lmtp/recipient.h"
#include "lmtp/script_memory.h"
#include "lmtp/sieve/sieve.h"

struct vacation {
    const struct header_block *header; /* of the message that came */
    struct span sender;                /* the envelope's, "a@b"; empty: <> */
    const struct recipient *recipient;
    const struct sieve_action *action; /* SIEVE_ANSWER */
    char detail_separator;             /* NUL: none */
};

/* Why the sender gets no answer, in words; NULL: he may get one. *self_out is then the owner's
 * address that the message names, in `mem`. */
const char *
vacation_refusal(const struct vacation *v, struct arena *mem, struct span *self_out) OR_MUST_USE;

/* Under which key it is remembered that the sender was answered: the same for the same account,
 * sender and :handle, or the same answer where there is no handle (RFC 5230 4.2). */
void vacation_key(const struct vacation *v, char out[SCRIPT_MEMORY_KEY_BYTES]);

/* The whole answer; `self` is from vacation_refusal(). OR_LIMIT: `mem` is used up or the answer is
 * too long. */
or_status vacation_format(const struct vacation *v, struct span self,
                          const struct maildir_name *name, const struct lmtp_settings *settings,
                          struct arena *mem, struct buf *out) OR_MUST_USE;

#endif
