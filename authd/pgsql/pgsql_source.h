/*
 * Accounts in PostgreSQL, by queries of the configuration or those of a known schema.
 *
 * The queries get $1: the address, $2: its local part, $3: its domain; the one about a domain gets
 * $1: the domain. Columns are found by name:
 *
 *     user            the mailbox's address (default: what was asked for)
 *     password        "{SCHEME}hash"; a hash of crypt(3) without scheme
 *     enabled         true or 1 (default), false or 0: may not log in
 *     uid, gid, home  default: the daemon's
 *     quota_bytes, quota_messages, quota_rule
 *     target          of an alias: one row for each
 *
 * Threads: immutable (what it asks is locked).
 */
#ifndef OUTRIDER_AUTHD_PGSQL_PGSQL_SOURCE_H
#define OUTRIDER_AUTHD_PGSQL_PGSQL_SOURCE_H

#include "authd/accounts/account_source.h"
#include "authd/pgsql/pgsql.h"

/* In the order of the configuration's words. */
enum pgsql_schema {
    PGSQL_SCHEMA_OUTRIDER,
    PGSQL_SCHEMA_POSTFIXADMIN,
    PGSQL_SCHEMA_MAILU,
    PGSQL_SCHEMAS
};

struct pgsql_queries {
    const char *user, *domain, *alias, *list; /* "": there is none; NULL: the schema's */
};

/* The strings must outlive the source. */
struct account_source
account_source_pgsql(const struct pgsql_settings *settings, enum pgsql_schema schema,
                     const struct pgsql_queries *queries, const char *name);

#endif
