/*
 * Which key signs for whom: DIRECTORY/DOMAIN/SELECTOR.pem. Every key of a domain signs, so RSA and
 * Ed25519 side by side are two files. A broken key is reported and left out; the others work on.
 *
 * Threads: immutable once loaded. Reloading builds a new table.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_KEYTABLE_H
#define OUTRIDER_MILTER_DKIM_DKIM_KEYTABLE_H

#include "milter/dkim/dkim_crypto.h"

#define DKIM_KEYTABLE_MAX_KEYS 100000  /* of all domains */
#define DKIM_KEYTABLE_MAX_PER_DOMAIN 8 /* signatures on one message */
#define DKIM_KEYTABLE_MAX_PROBLEMS 100 /* kept as text; further ones are only counted */

struct dkim_keytable_row {
    char *domain;   /* canonical */
    char *selector; /* canonical */
    struct dkim_private *key;
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
/* By domain, then selector; NULL from the last one on. */
const struct dkim_keytable_row *dkim_keytable_row_at(const struct dkim_keytable *table, size_t at);
/* Keys that could not be used: file and cure in one line each; NULL from the last one on. */
size_t dkim_keytable_problem_count(const struct dkim_keytable *table);
const char *dkim_keytable_problem(const struct dkim_keytable *table, size_t at);

/* The keys of exactly that domain (canonical name), *count_out of them in the order of their
 * selectors; NULL when there are none. They live as long as the table. */
const struct dkim_keytable_row *
dkim_keytable_find(const struct dkim_keytable *table, struct span domain, size_t *count_out);

#endif
