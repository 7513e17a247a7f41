/*
 * What the verbs that work on the accounts share: finding authd's control socket or opening the
 * database, reading addresses from the command line, asking, reporting what a change did.
 *
 * A verb calls cli_accounts_begin(), goes on while everything gave CLI_YES, and always calls
 * cli_accounts_end(). Whatever fails has been printed by then.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_ACCOUNTS_H
#define OUTRIDER_AUTHD_CLI_ACCOUNTS_H

#include "authd/control/control.h"
#include "common/cli/cli.h"
#include "common/run/stream.h"

struct cli_accounts {
    const struct cli *cli;
    struct stream *daemon; /* authd's control socket; NULL: the database itself */
    struct account_db *db;
    int password_scheme; /* enum password_scheme: of new passwords, as configured */
    struct arena mem;
    struct err e;
};

/* For the database: the file must be there unless it is CREATE. */
enum cli_accounts_mode { CLI_ACCOUNTS_READ, CLI_ACCOUNTS_CHANGE, CLI_ACCOUNTS_CREATE };

/* Connects to the control socket of authd.conf (--config or the default path); without such a
 * socket, or when nobody serves it, opens the database of --database, else of authd.conf, else,
 * when that is not there and was not named, of the default. CLI_YES or the exit. */
int cli_accounts_begin(struct cli_accounts *a, const struct cli *cli, enum cli_accounts_mode mode);
void cli_accounts_end(struct cli_accounts *a);

/* Arguments in canonical form: CLI_YES or CLI_USAGE. */
int cli_accounts_domain(struct cli_accounts *a, const char *text, struct span *domain_out);
int cli_accounts_address(struct cli_accounts *a, const char *text, bool catch_all_ok,
                         struct account_address *address_out);

/* A request (control/control.h) about something; an empty `subject` is left out. */
json_t *cli_accounts_request(const char *command, const char *key, struct span subject);
void cli_accounts_put(json_t *request, const char *key, struct span text);

/* As control_run(), by whoever answers; OR_TEMPFAIL also when authd goes away meanwhile. Takes the
 * request over. `show` gets the rows; the caller drops the answer, NULL: he does not want it. */
or_status cli_accounts_ask(struct cli_accounts *a, json_t *request, control_show show,
                           void *context, json_t **answer_out) OR_MUST_USE;
/* Asks, and prints what the change did ("added NAME", or {"added": "NAME"}) or why it was not made:
 * CLI_NO for what the accounts refuse. */
int
cli_accounts_change(struct cli_accounts *a, json_t *request, const char *done, struct span name);
/* Asks for a list: printed row by row by `print` (its context is NULL), or as {KEY: [...]}. */
int cli_accounts_list(struct cli_accounts *a, json_t *request, const char *key, control_show print);

/* The two halves of a report. */
int cli_accounts_report(struct cli_accounts *a, or_status st, const char *done, struct span name);
int cli_accounts_fail(const struct cli_accounts *a, or_status st);

#endif
