/*
 * Messages with ARC chains for tests: sealed by our own sealer with an Ed25519 key of forward.test.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_TESTS_SUPPORT_ARC_MAIL_H
#define OUTRIDER_TESTS_SUPPORT_ARC_MAIL_H

#include "milter/arc/arc_seal.h"
#include "milter/arc/arc_verify.h"

#define ARC_MAIL_NOW 1700000000

struct arc_mail {
    struct dkim_private *key;
    char zone[512]; /* of fake_dns.h: the key under s._domainkey.forward.test */
    struct dns *dns;
    struct buf text;  /* the message, CRLF */
    struct arena mem; /* of the last verification */
    struct dkim_message message;
    struct arc_verify verify;
};

/* Starts with a message without ARC sets. */
void arc_mail_init(struct arc_mail *a);
void arc_mail_fini(struct arc_mail *a);

/* Verifies the message, then seals it; aborts on failures other than OR_ABSENT ("not to be
 * sealed"), whose reason goes to `e`. */
or_status arc_mail_seal(struct arc_mail *a, struct err *e) OR_MUST_USE;
/* The same by a forwarder that changes the message after it found the chain valid. */
void arc_mail_seal_changed(struct arc_mail *a, const char *from, const char *to);
/* Replaces the first `from`, which must occur, in the message. */
void arc_mail_replace(struct arc_mail *a, const char *from, const char *to);
/* Verifies: a->verify, valid until the next call. */
void arc_mail_verify(struct arc_mail *a, bool everything);
/* "fail: set 1: the seal is not valid: ..." of the last verification, valid until the next call. */
const char *arc_mail_verdict(const struct arc_mail *a);

#endif
