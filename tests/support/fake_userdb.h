/*
 * A userdb server that answers from a table: the server's side of Dovecot's auth-master protocol on
 * a unix socket, in a thread of its own. Serves one connection after the other.
 *
 * Threads: locked (start and stop in one thread; the table is only read).
 */
#ifndef OUTRIDER_TESTS_SUPPORT_FAKE_USERDB_H
#define OUTRIDER_TESTS_SUPPORT_FAKE_USERDB_H

#include <stddef.h>

struct fake_userdb_row {
    const char *user; /* NULL: whoever has no row of his own */
    const char *verb; /* "USER", "NOTFOUND", ...; NULL: hang up instead; "": never answer */
    const char *rest; /* behind the id; NULL: nothing */
};

struct fake_userdb;

/* `rows` ends with a row whose verb and user are NULL, which is what answers unknown users (by
 * hanging up) unless another row without user comes first. `handshake` is what is sent at once,
 * NULL: the usual. */
struct fake_userdb *fake_userdb_start(const struct fake_userdb_row *rows, const char *handshake);
const char *fake_userdb_address(const struct fake_userdb *f);
/* Connections accepted so far. */
unsigned fake_userdb_connections(const struct fake_userdb *f);
void fake_userdb_stop(struct fake_userdb *f);

#endif
