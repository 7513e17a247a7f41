/*
 * A whole LMTP conversation inside one test: lmtpd's session on one end of a socket pair, a script
 * on the other, temporary Maildirs and a scripted userdb behind it.
 *
 * Accounts: alice, bob and carol@example.org have mailboxes with one owner, HOME/<name>; "slow"
 * never gets an answer, "down" is a temporary failure, "root" has uid 0, "lost" has a home that
 * cannot be made; nobody else exists.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_TESTS_SUPPORT_LMTP_TALK_H
#define OUTRIDER_TESTS_SUPPORT_LMTP_TALK_H

#include "lmtp/lmtp_session.h"
#include "tests/support/temp_tree.h"

struct fake_userdb;
struct fake_userdb_row;

struct lmtp_talk {
    struct lmtp_settings settings; /* the defaults; a test may change them before it talks */
    struct lmtp_shared *shared;
    char home[TEMP_TREE_PATH_BYTES];
    struct fake_userdb *userdb;
    struct fake_userdb_row *rows;
    char *rests[8];
    struct buf transcript; /* what lmtpd said last */
};

void lmtp_talk_init(struct lmtp_talk *t);
void lmtp_talk_fini(struct lmtp_talk *t);

/* Sends the script in one go, reads until lmtpd hangs up (it does at the end of the script).
 * Returns the replies as "code/enhanced" words, e.g. "220 250 250/2.1.0 ... 221/2.0.0"; of a reply
 * of several lines the last. Valid until the next talk. */
const char *lmtp_talk(struct lmtp_talk *t, struct span script);

/* HOME/<name>/Maildir/<below>; valid until the next call. */
const char *lmtp_talk_path(const struct lmtp_talk *t, const char *name, const char *below);

#endif
