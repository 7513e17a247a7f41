/*
 * The keys of an imported OpenDKIM: into the key directory, as links to where they are or as
 * copies.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_CLI_DKIM_IMPORT_KEYS_H
#define OUTRIDER_MILTER_CLI_DKIM_IMPORT_KEYS_H

#include "common/cli/cli.h"
#include "milter/import/opendkim_import.h"

struct cli_import_keys {
    const char *directory; /* absolute */
    bool copy;             /* else: a link, where the key is a file */
    bool dry_run;          /* only look at them */
    const char *user;      /* who must be able to read them */
    bool user_is_named;    /* it is an error when there is no such user */
};

/* Every key of import->rules at DIRECTORY/DOMAIN/SELECTOR.pem; what stands there already stays. A
 * key that cannot be used becomes a note, with the cure; so does every key that was put in place.
 * OR_CONFIG: there is no such user. */
or_status cli_import_keys(struct opendkim_import *import, const struct cli_import_keys *how,
                          struct err *e) OR_MUST_USE;

#endif
