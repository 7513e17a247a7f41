/*
 * A directory of a test's own below /tmp, and what is found in it.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_TESTS_SUPPORT_TEMP_TREE_H
#define OUTRIDER_TESTS_SUPPORT_TEMP_TREE_H

#include "common/base/buf.h"

#include <sys/types.h>

#define TEMP_TREE_PATH_BYTES 64

/* Makes the directory; mode 0700. Aborts when that fails, as everything here does. */
void temp_tree_make(char path_out[TEMP_TREE_PATH_BYTES]);
/* Removes it with all that is in it. */
void temp_tree_remove(const char *path);

/* Number of entries without "." and ".."; 0 when there is no such directory. */
size_t temp_tree_count(const char *directory);
/* The whole content of the only entry of `directory`, whose name goes to `name_out` (256 bytes, may
 * be NULL). Caller calls buf_fini(). */
void temp_tree_read_only_entry(const char *directory, char *name_out, struct buf *content_out);

/* A user who may own mailboxes in this test run: ourselves, or an unprivileged uid when we are
 * root. */
uid_t temp_tree_uid(void);
gid_t temp_tree_gid(void);

#endif
