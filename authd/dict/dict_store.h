/*
 * What Dovecot keeps in a dict (last logins, metadata, doveadm dict): names with values in one
 * SQLite file. A commit is on the disk when it has answered.
 *
 * Threads: locked (LOCK_DICT around each call).
 */
#ifndef OUTRIDER_AUTHD_DICT_DICT_STORE_H
#define OUTRIDER_AUTHD_DICT_DICT_STORE_H

#include "common/base/arena.h"

struct dict_store;

/* Whose names: those of a dict (by the name its client gave), of one user or, with an empty user,
 * everybody's. */
struct dict_space {
    struct span dict;
    struct span user;
};

/* `may_write`: makes the file and brings it up to date; otherwise it must exist and is only read.
 * OR_CONFIG, OR_ABSENT as sqlite_db_open(). */
or_status dict_store_open(const char *path, bool may_write, struct dict_store **store_out,
                          struct err *e) OR_MUST_USE;
void dict_store_close(struct dict_store *store); /* NULL is allowed */

/* All below: OR_TEMPFAIL when the file cannot be read or written now. */

/* OR_ABSENT: no such name, or no longer. OR_LIMIT past the arena. */
or_status dict_store_get(struct dict_store *store, const struct dict_space *space, struct span key,
                         struct arena *mem, struct span *value_out, struct err *e) OR_MUST_USE;

enum dict_order { DICT_ORDER_KEY, DICT_ORDER_VALUE };

struct dict_query {
    struct span prefix;
    bool whole_tree; /* else only names without a further '/' behind the prefix */
    bool exact;      /* the prefix is the name itself */
    enum dict_order order;
    uint64_t max; /* names; 0: all */
};

/* `visit` returns false to end early; its spans are valid during the call. The lock is held
 * meanwhile: it only gathers. */
or_status dict_store_each(struct dict_store *store, const struct dict_space *space,
                          const struct dict_query *query,
                          bool (*visit)(void *context, struct span key, struct span value),
                          void *context, struct err *e) OR_MUST_USE;

enum dict_change_type { DICT_SET, DICT_UNSET, DICT_ADD };

struct dict_change {
    enum dict_change_type type;
    struct dict_space space;
    struct span key;
    struct span value; /* DICT_SET */
    int64_t by;        /* DICT_ADD */
    int64_t ttl_s;     /* of what is set; 0: for ever */
};

/* All or nothing. OR_ABSENT: a DICT_ADD found nothing to add to. OR_MALFORMED: what it found is no
 * number, or the sum is too large. */
or_status dict_store_commit(struct dict_store *store, const struct dict_change *changes,
                            size_t count, struct err *e) OR_MUST_USE;

#endif
