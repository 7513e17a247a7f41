/*
 * A list: clients have one or two open at once.
 */
#include "authd/dict/dict_transaction.h"

#include "common/base/xalloc.h"

#include <stdlib.h>

#define FIRST_ROOM 8

struct dict_transaction *
dict_transactions_find(struct dict_transactions *all, int64_t id)
{
    struct dict_transaction *t = all->first;

    while (t != NULL && t->id != id)
        t = t->next;
    return t;
}

or_status
dict_transactions_begin(struct dict_transactions *all, int64_t id, struct span user, int64_t ttl_s,
                        struct err *e)
{
    if (dict_transactions_find(all, id) != NULL)
        return err_set(e, OR_MALFORMED, "transaction begun twice");
    if (all->count == DICT_TRANSACTIONS_MAX)
        return err_set(e, OR_LIMIT, "more than %d transactions at once", DICT_TRANSACTIONS_MAX);
    struct dict_transaction *t = xcalloc(1, sizeof(*t));

    t->id = id;
    t->ttl_s = ttl_s;
    arena_init(&t->mem, DICT_TRANSACTION_MAX_BYTES);
    t->too_large = arena_copy(&t->mem, user, &t->user) != OR_OK;
    t->next = all->first;
    all->first = t;
    all->count++;
    return OR_OK;
}

static void
make_room(struct dict_transaction *t)
{
    if (t->count < t->room)
        return;
    t->room = t->room == 0 ? FIRST_ROOM : 2 * t->room;
    t->changes = xreallocarray(t->changes, t->room, sizeof(*t->changes));
}

void
dict_transaction_add(struct dict_transaction *t, const struct dict_change *change)
{
    struct dict_change copy = *change;

    if (t->count == DICT_TRANSACTION_MAX_CHANGES ||
        arena_copy(&t->mem, change->key, &copy.key) != OR_OK ||
        arena_copy(&t->mem, change->value, &copy.value) != OR_OK)
        t->too_large = true;
    if (t->too_large)
        return;
    copy.ttl_s = t->ttl_s;
    make_room(t);
    t->changes[t->count++] = copy;
}

void
dict_transactions_end(struct dict_transactions *all, struct dict_transaction *t)
{
    struct dict_transaction **link = &all->first;

    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    all->count--;
    arena_fini(&t->mem);
    free(t->changes);
    free(t);
}

void
dict_transactions_end_all(struct dict_transactions *all)
{
    while (all->first != NULL)
        dict_transactions_end(all, all->first);
}
