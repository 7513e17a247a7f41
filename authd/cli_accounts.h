/*
 * What the verbs that work on the accounts share: finding and opening the database, reading
 * addresses from the command line, reporting what a change did.
 *
 * A verb calls cli_accounts_begin(), goes on while everything gave CLI_YES, and always calls
 * cli_accounts_end(). Whatever fails has been printed by then.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_ACCOUNTS_H
#define OUTRIDER_AUTHD_CLI_ACCOUNTS_H

#include "authd/accounts/account_db.h"
#include "common/cli/cli.h"

struct cli_accounts {
    const struct cli *cli;
    struct account_db *db;
    int password_scheme; /* enum password_scheme: of new passwords, as configured */
    struct arena mem;
    struct err e;
};

enum cli_accounts_mode {
    CLI_ACCOUNTS_READ,
    CLI_ACCOUNTS_CHANGE, /* the file must be there */
    CLI_ACCOUNTS_CREATE,
};

/* Opens the database of --database, else of authd.conf (--config or the default path), else, when
 * that is not there and was not named, of the default. CLI_YES or the exit. */
int cli_accounts_begin(struct cli_accounts *a, const struct cli *cli, enum cli_accounts_mode mode);
void cli_accounts_end(struct cli_accounts *a);

/* Arguments in canonical form: CLI_YES or CLI_USAGE. */
int cli_accounts_domain(struct cli_accounts *a, const char *text, struct span *domain_out);
int cli_accounts_address(struct cli_accounts *a, const char *text, bool catch_all_ok,
                         struct account_address *address_out);
/* The optional DOMAIN of a list; an empty span when it is not given. CLI_NO when it is not ours. */
int cli_accounts_filter(struct cli_accounts *a, struct span *domain_out);

/* Prints what a change did ("added NAME", or {"added": "NAME"}) or why it was not made: CLI_NO for
 * what the accounts refuse. */
int cli_accounts_report(struct cli_accounts *a, or_status st, const char *done, struct span name);
/* Why reading failed. */
int cli_accounts_fail(const struct cli_accounts *a, or_status st);

#endif
