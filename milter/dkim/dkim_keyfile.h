/*
 * Putting a new key where dkim_keytable finds it: DIRECTORY/DOMAIN/SELECTOR.pem.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_KEYFILE_H
#define OUTRIDER_MILTER_DKIM_DKIM_KEYFILE_H

#include "milter/dkim/dkim_crypto.h"

#include <limits.h>
#include <sys/types.h>

#define DKIM_KEYFILE_KEEP_OWNER ((uid_t)-1)

/* DIRECTORY/DOMAIN/SELECTOR.pem. OR_CONFIG when that is longer than PATH_MAX. */
or_status dkim_keyfile_path(const char *directory, const char *domain, const char *selector,
                            char path_out[PATH_MAX], struct err *e) OR_MUST_USE;

/* Writes the key with mode 0600, owned by uid and gid (DKIM_KEYFILE_KEEP_OWNER: by the caller),
 * making the folders that are missing (mode 0755: names are public, keys are not). The file appears
 * whole or not at all and never replaces another: OR_CONFIG then, as for every failure, naming the
 * file. */
or_status dkim_keyfile_create(const char *path, const struct dkim_private *key, uid_t uid,
                              gid_t gid, struct err *e) OR_MUST_USE;

#endif
