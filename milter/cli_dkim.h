/*
 * The verbs of the group `outrider dkim`.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_CLI_DKIM_H
#define OUTRIDER_MILTER_CLI_DKIM_H

#include "common/cli/cli.h"

/* DOMAIN: makes keys and prints their DNS records. */
int cli_dkim_keygen(struct cli *cli);
extern const char *const cli_dkim_keygen_options[];

/* [DOMAIN]: every key and its record in DNS. CLI_YES when all match, CLI_TEMPFAIL when only DNS is
 * to blame, else CLI_NO. */
int cli_dkim_status(struct cli *cli);
extern const char *const cli_dkim_status_options[];

/* DOMAIN: begins a change of keys, or with --abort or --finish ends one. CLI_NO when the state of
 * the change does not allow it. */
int cli_dkim_rotate(struct cli *cli);
extern const char *const cli_dkim_rotate_options[];

/* FILE, or "-": signs a message, prints it with its signatures. CLI_NO without a key. */
int cli_dkim_sign(struct cli *cli);
extern const char *const cli_dkim_sign_options[];

/* FILE, or "-": verifies a message. CLI_YES when a signature passes, CLI_TEMPFAIL when one might
 * later, else CLI_NO. */
int cli_dkim_verify(struct cli *cli);
extern const char *const cli_dkim_verify_options[];

/* [FILE]: an OpenDKIM configuration as ours. CLI_NO when some of it could not be taken over. */
int cli_dkim_import(struct cli *cli);
extern const char *const cli_dkim_import_options[];

#endif
