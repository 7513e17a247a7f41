/*
 * Running the scripts that concern one recipient: the site's before, the owner's, the site's after
 * (deliver_sieve.h). Nothing is done yet: what comes of it is a list.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_JUDGE_H
#define OUTRIDER_LMTP_DELIVER_JUDGE_H

#include "lmtp/deliver.h"
#include "lmtp/sieve_library.h"

/* What the scripts of one recipient come to; spans are in the transaction's arena. */
struct judging {
    struct deliver *d;
    struct deliver_target *target;
    struct sieve_message message;
    struct sieve_actions actions; /* of all scripts so far, without keep */
    struct sieve_mark marks[SIEVE_MAX_MARKS];
    size_t mark_count;
    struct sieve_library library; /* of the script that is running */
    bool must_wait;               /* a script that one includes cannot be read for now */
    bool is_lost;                 /* the owner's identity could not be taken on again */
    bool keeps;                   /* as far as the scripts have come */
    struct span keep_flags;
    const struct header_block *keep_header; /* NULL: as it came */
    char remote[IP_TEXT_BYTES];
};

/* As the owner of the mailbox. False: the message must wait; the target has its reply. */
bool deliver_judge(struct judging *j, struct deliver *d, struct deliver_target *t);

/* Notes what its scripts have seen in the message, which is delivered. As ourselves. */
void deliver_judge_remember(struct deliver *d, const struct deliver_target *t);

#endif
