/*
 * A conversation with one of authd's sessions inside one test: the session on one end of a socket
 * pair, the test on the other; behind it a configuration file, a database and the logins that wait,
 * as in the daemon.
 *
 * Accounts: bob@home.test ("pw word"), eve@home.test ("other"), off@home.test ("pw word",
 * disabled), bare@home.test (no password), own@home.test (uid 2001, gid 2002, home /srv/own), all
 * with quick hashes. The alias team@home.test leads to bob and to eve+lists; @catch.test to bob.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_TESTS_SUPPORT_AUTHD_TALK_H
#define OUTRIDER_TESTS_SUPPORT_AUTHD_TALK_H

#include "authd/authd.h"
#include "common/run/daemon_snapshot.h"
#include "tests/support/temp_tree.h"

#include <pthread.h>

typedef void (*authd_talk_session)(struct stream *stream, struct daemon *d);

struct authd_talk {
    char directory[TEMP_TREE_PATH_BYTES];
    char conf_path[TEMP_TREE_PATH_BYTES + 32];
    struct account_db *accounts; /* a handle of the test's own, as the CLI has one */
    struct daemon daemon;
    int fd; /* our end; -1 between conversations */
    struct stream *stream;
    authd_talk_session session;
    pthread_t thread;
    struct buf got; /* read, not yet taken */
};

/* `options` are further lines of authd.conf; failure-delay is 0 and rehash off unless they say
 * otherwise. */
void authd_talk_init(struct authd_talk *t, const char *options);
void authd_talk_fini(struct authd_talk *t);

/* Begins a conversation; the one before must have ended. */
void authd_talk_start(struct authd_talk *t, authd_talk_session session);
void authd_talk_say(struct authd_talk *t, struct span bytes);
/* The next line without its LF, "" when the session hung up. Valid until the next call. */
const char *authd_talk_line(struct authd_talk *t);
/* Exactly `n` bytes, fewer when the session hung up. Valid until the next call. */
struct span authd_talk_bytes(struct authd_talk *t, size_t n);
/* Hangs up and waits for the session to return. */
void authd_talk_end(struct authd_talk *t);

#endif
