/*
 * outrider domain add|list|del: the domains whose mailboxes and aliases are kept here.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_DOMAIN_H
#define OUTRIDER_AUTHD_CLI_DOMAIN_H

#include "common/cli/cli.h"

extern const char *const cli_domain_options[];
extern const char *const cli_domain_set_options[];

/* The exits of common/cli/cli.h; 1 also for what is there already or still in use. */
int cli_domain_add(struct cli *cli);
int cli_domain_list(struct cli *cli);
int cli_domain_set(struct cli *cli);
int cli_domain_del(struct cli *cli);

#endif
