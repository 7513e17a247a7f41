/*
 * What every verb of the `outrider` command shares: its row in the table, options, people or JSON,
 * exits.
 *
 * A verb is "outrider GROUP NAME [arguments]". It prints for people by default and one JSON
 * document with
 * --json. A group whose only verb is named "" is "outrider GROUP [arguments]". Exit 0 for yes, 1
 * for no, 2 for wrong use, 75 (EX_TEMPFAIL) for "try later", 78 (EX_CONFIG) when the operator must
 * mend the set-up first.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_CLI_CLI_H
#define OUTRIDER_COMMON_CLI_CLI_H

#include "common/base/arena.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { CLI_YES = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_TEMPFAIL = 75, CLI_CONFIG = 78 };

struct cli_verb;

/* What a verb is called with: its own arguments, options of the whole command taken out. */
struct cli {
    const struct cli_verb *verb;
    bool json;
    const char *config; /* --config FILE, NULL: the daemon's default path */
    int argc;           /* positional arguments only */
    char **argv;
    char **options; /* "--name=value" or "--name", as declared in the verb; NULL-terminated */
};

struct cli_verb {
    const char *group;     /* "spf" */
    const char *name;      /* "check"; "": the group itself is the verb */
    const char *arguments; /* "IP HELO SENDER" for usage */
    const char *help;      /* one line */
    int min_args, max_args;
    /* Own options, NULL-terminated, e.g. {"dns=ADDRESS", "quiet", NULL}: a '=' means that a value
     * follows. NULL: none. */
    const char *const *options;
    int (*run)(struct cli *cli);
};

/* Value of an own option ("" for one without value), NULL when not given. */
const char *cli_option(const struct cli *cli, const char *name);

/* Prints "outrider: <text>" on stderr (with --json: {"error": text} on stdout) and returns
 * `status`. */
int cli_fail(const struct cli *cli, int status, const char *fmt, ...) OR_PRINTF(3, 4);
/* The exit that fits a failure: OR_TEMPFAIL, OR_TIMEOUT -> 75; OR_CONFIG -> 78; OR_ABSENT -> 1;
 * OR_MALFORMED, OR_LIMIT -> 2. Prints like cli_fail(). */
int cli_fail_status(const struct cli *cli, or_status st, const struct err *e);
/* A copy fit for terminals and JSON: what came from outside may hold any byte. Empty when `mem` is
 * full. */
struct span cli_printable(struct arena *mem, struct span s);
/* That as a JSON string; null when it is empty. */
json_t *cli_json_text(struct arena *mem, struct span s);
/* Prints the document and a newline, frees it. */
void cli_print_json(json_t *document);

/* Parses the command line, finds the verb, runs it. Each table ends with a row whose group is NULL.
 */
int cli_main(int argc, char **argv, const struct cli_verb *const *tables, size_t table_count);

/* What concerns no single daemon. */
extern const struct cli_verb common_cli_verbs[];
/* The tables, one per daemon folder (policyd/policyd_cli.c defines policyd_cli_verbs, and so on).
 */
extern const struct cli_verb milter_cli_verbs[];
extern const struct cli_verb policyd_cli_verbs[];
extern const struct cli_verb authd_cli_verbs[];
extern const struct cli_verb lmtp_cli_verbs[];

#endif
