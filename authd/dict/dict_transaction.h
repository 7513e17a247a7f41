/*
 * Changes that a dict client gathers until it commits them.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_DICT_DICT_TRANSACTION_H
#define OUTRIDER_AUTHD_DICT_DICT_TRANSACTION_H

#include "authd/dict/dict_store.h"

#define DICT_TRANSACTIONS_MAX 64 /* open at once on one connection */
#define DICT_TRANSACTION_MAX_CHANGES 1000
#define DICT_TRANSACTION_MAX_BYTES 1048576 /* of keys and values */

struct dict_transaction {
    struct dict_transaction *next;
    int64_t id;
    struct span user; /* in `mem` */
    int64_t ttl_s;
    struct arena mem;
    struct dict_change *changes;
    size_t count, room;
    /* A change did not fit, or was refused: the commit will say so. */
    bool too_large, refused;
};

/* Those of a connection. */
struct dict_transactions {
    struct dict_transaction *first;
    size_t count;
};

/* OR_MALFORMED: the id is taken. OR_LIMIT: too many at once. */
or_status dict_transactions_begin(struct dict_transactions *all, int64_t id, struct span user,
                                  int64_t ttl_s, struct err *e) OR_MUST_USE;
/* NULL when there is none. */
struct dict_transaction *dict_transactions_find(struct dict_transactions *all, int64_t id);
/* Copies what the change holds. */
void dict_transaction_add(struct dict_transaction *t, const struct dict_change *change);
void dict_transactions_end(struct dict_transactions *all, struct dict_transaction *t);
void dict_transactions_end_all(struct dict_transactions *all);

#endif
