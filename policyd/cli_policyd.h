/*
 * policyd's configuration for a verb, as the daemon would read it.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_CLI_POLICYD_H
#define OUTRIDER_POLICYD_CLI_POLICYD_H

#include "common/cli/cli.h"
#include "policyd/policyd.h"

/* --config FILE or the daemon's own. The caller frees with cli_policyd_free(). CLI_YES, or the exit
 * after having said why. */
int cli_policyd_load(const struct cli *cli, struct policyd_settings **settings_out);
void cli_policyd_free(struct policyd_settings *settings); /* NULL is allowed */

/* The configured store. Reading leaves no trace in it. OR_ABSENT: `store` is empty, or SQLite's
 * file is not there yet. */
or_status cli_policyd_open_store(const struct policyd_settings *settings, bool read_only,
                                 struct kvstore **store_out, struct err *e) OR_MUST_USE;

/* "2026-11-23 08:01:12" in local time; into 32 bytes. */
void cli_policyd_format_time(int64_t time_ms, char out[32]);

#endif
