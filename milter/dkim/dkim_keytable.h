/*
 * Which key signs for whom: DIRECTORY/DOMAIN/SELECTOR.pem. Every key of a domain signs, so RSA and
 * Ed25519 side by side are two files. A broken key is reported and left out; the others work on.
 *
 * A domain with a rotation under way (dkim_rotation.h) signs with its old or its next keys, as
 * dkim_keytable_switch() says; the old ones at first.
 *
 * Threads: immutable once loaded but for that switch, which is atomic: a message keeps the keys
 * that it was given. Reloading builds a new table.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_KEYTABLE_H
#define OUTRIDER_MILTER_DKIM_DKIM_KEYTABLE_H

#include "milter/dkim/dkim_crypto.h"
#include "milter/dkim/dkim_rotation.h"

#include <stdatomic.h>

#define DKIM_KEYTABLE_MAX_KEYS 100000  /* of all domains */
#define DKIM_KEYTABLE_MAX_PER_DOMAIN 8 /* signatures on one message */
#define DKIM_KEYTABLE_MAX_PROBLEMS 100 /* kept as text; further ones are only counted */

/* In this order, so that the keys in force before and after a switch both lie side by side. */
enum dkim_keytable_role { DKIM_KEYTABLE_OLD, DKIM_KEYTABLE_ACTIVE, DKIM_KEYTABLE_NEXT };

struct dkim_keytable_rotation;

struct dkim_keytable_row {
    char *domain;   /* canonical */
    char *selector; /* canonical */
    struct dkim_private *key;
    enum dkim_keytable_role role;            /* active: takes no part in a rotation */
    struct dkim_keytable_rotation *rotation; /* of the domain; NULL: none */
};

/* A domain whose keys are being changed. */
struct dkim_keytable_rotation {
    char *domain;
    struct dkim_rotation_plan plan;
    const struct dkim_keytable_row *rows; /* all keys of the domain that could be read */
    size_t count;
    bool complete; /* every next key could be read: without that nothing is switched */
    atomic_bool switched;
};

struct dkim_keytable;

/* A key that lies elsewhere. */
struct dkim_keytable_entry {
    const char *domain;
    const char *selector;
    const char *path;
};

/* Reads the directory. OR_ABSENT: there is no such directory (nothing is signed); OR_CONFIG: it
 * cannot be read. Files without ".pem" and names beginning with a dot are skipped. */
or_status dkim_keytable_load(const char *directory, struct dkim_keytable **table_out,
                             struct err *e) OR_MUST_USE;
/* The same, and keys that lie elsewhere; without any key and directory OR_ABSENT. */
or_status
dkim_keytable_load_with(const char *directory, const struct dkim_keytable_entry *entries,
                        size_t count, struct dkim_keytable **table_out, struct err *e) OR_MUST_USE;
void dkim_keytable_free(struct dkim_keytable *table); /* NULL is allowed */

size_t dkim_keytable_key_count(const struct dkim_keytable *table);
/* By domain, role, then selector; NULL from the last one on. */
const struct dkim_keytable_row *dkim_keytable_row_at(const struct dkim_keytable *table, size_t at);
/* Keys that could not be used: file and cure in one line each; NULL from the last one on. */
size_t dkim_keytable_problem_count(const struct dkim_keytable *table);
const char *dkim_keytable_problem(const struct dkim_keytable *table, size_t at);

/* Domains whose keys are being changed; NULL from the last one on. */
struct dkim_keytable_rotation *
dkim_keytable_rotation_at(const struct dkim_keytable *table, size_t at);
/* Whether the next keys sign, from the next dkim_keytable_find() on. */
void dkim_keytable_switch(struct dkim_keytable_rotation *rotation, bool switched);

/* Whether the key is meant by a rule that names `selector`: its own, or that of a key which it
 * replaces, so that a rule outlives a rotation. */
bool dkim_keytable_answers_to(const struct dkim_keytable_row *row, const char *selector);

/* The keys that sign for exactly that domain (canonical name), *count_out of them in the order of
 * role and selector; NULL when there are none. They live as long as the table. */
const struct dkim_keytable_row *
dkim_keytable_find(const struct dkim_keytable *table, struct span domain, size_t *count_out);

#endif
