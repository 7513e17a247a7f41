/*
 * The file of access rules as it is now: looked at again once a second when somebody asks, and read
 * again when it has changed. A new version with a mistake is logged and not used; the old rules go
 * on.
 *
 * Threads: locked.
 */
#ifndef OUTRIDER_POLICYD_ACCESS_FILE_H
#define OUTRIDER_POLICYD_ACCESS_FILE_H

#include "policyd/access_rules.h"

struct access_file;

/* OR_CONFIG: it cannot be read, or has a mistake; names file and line. */
or_status
access_file_open(const char *path, struct access_file **file_out, struct err *e) OR_MUST_USE;
void access_file_close(struct access_file *file); /* NULL is allowed; nobody may hold rules */

/* The rules in force, to be given back. */
const struct access_rules *access_file_take(struct access_file *file);
void access_file_drop(struct access_file *file, const struct access_rules *rules);

#endif
