/*
 * Making keys, for the verbs that do: keygen, and rotate, which notes them down before they appear.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_CLI_DKIM_KEYGEN_H
#define OUTRIDER_MILTER_CLI_DKIM_KEYGEN_H

#include "common/cli/cli.h"
#include "milter/dkim/dkim_crypto.h"
#include "milter/dkim/dkim_rotation.h"

struct cli_dkim_keygen_made {
    const char *directory;
    const char *domain; /* canonical */
    struct dkim_rotation_names next;
    bool has_type[2]; /* by enum dkim_key_type */
};

struct cli_dkim_keygen_hook {
    /* Between making the keys and writing their files; other than CLI_YES ends the command. */
    int (*before_store)(void *context, const struct cli_dkim_keygen_made *made);
    void *context;
};

/* The whole of keygen, by the options of `cli`. `hook` may be NULL. */
int cli_dkim_keygen_run(struct cli *cli, const struct cli_dkim_keygen_hook *hook);

#endif
