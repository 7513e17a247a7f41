/*
 * Passwords that we say to others: the first line of a file, which only we should be able to read.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_RUN_PASSWORD_FILE_H
#define OUTRIDER_COMMON_RUN_PASSWORD_FILE_H

#include "common/base/status.h"

/* OR_CONFIG: it cannot be read, or has no line; `e` names the file. */
or_status password_file_read(const char *path, char **password_out, struct err *e) OR_MUST_USE;
/* Wipes it first. NULL is allowed. */
void password_file_free(char *password);

#endif
