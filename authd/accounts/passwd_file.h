/*
 * A passwd-file as Dovecot has it (passwd_line.h), as a source of accounts. A line that cannot be
 * used is named in the log and left out; so are names without a domain, since mail is addressed to
 * none.
 *
 * Threads: immutable (a struct passwd_table); the source is locked (LOCK_PASSWD_FILE).
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_PASSWD_FILE_H
#define OUTRIDER_AUTHD_ACCOUNTS_PASSWD_FILE_H

#include "authd/accounts/account_source.h"

#define PASSWD_FILE_MAX_BYTES 134217728 /* a million lines */

/* What a text says, sorted by address; a name that stands twice counts by its first line. */
struct passwd_table;

/* `path` is for the log only. */
struct passwd_table *passwd_table_parse(struct span text, const char *path);
void passwd_table_free(struct passwd_table *table); /* NULL is allowed */
size_t passwd_table_count(const struct passwd_table *table);
/* Views into the table. OR_ABSENT. */
or_status passwd_table_find(const struct passwd_table *table, struct span address,
                            struct account_row *row_out) OR_MUST_USE;
/* The first behind `address` in order. OR_ABSENT: there are no more. */
or_status passwd_table_next(const struct passwd_table *table, struct span address,
                            struct account_row *row_out) OR_MUST_USE;
bool passwd_table_has_domain(const struct passwd_table *table, struct span domain);

/* The file as a source; it is looked at once a second and read again when it has changed.
 * OR_CONFIG: it cannot be read; later that is a warning, and what it said stays in force. */
or_status passwd_file_open(const char *path, const char *name, struct account_source *source_out,
                           struct err *e) OR_MUST_USE;

#endif
