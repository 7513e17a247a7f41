/*
 * One line of a passwd-file in Dovecot's format:
 *
 *     user@domain:{SCHEME}hash:uid:gid:gecos:home:shell:extra fields
 *
 * What follows the seventh colon is one list, separated by blanks, and may itself hold colons. Of
 * it `userdb_uid=`, `userdb_gid=`, `userdb_home=` win over the columns, `userdb_quota_rule=` is its
 * quota, and `nologin` disables; the other fields are Dovecot's own and are passed over. The file
 * is the operator's, but is often made by scripts from what users typed: anything odd is refused
 * rather than guessed at.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_PASSWD_LINE_H
#define OUTRIDER_AUTHD_ACCOUNTS_PASSWD_LINE_H

#include "authd/accounts/account_db.h"

#define PASSWD_LINE_MAX_BYTES 8192

/* `line` without its LF; what `row_out` points to lies in `mem` or in `line`. OR_ABSENT: blank, or
 * a comment. OR_MALFORMED: no password column, no canonical address, a bad uid, gid or home, a
 * control byte. OR_LIMIT: over PASSWD_LINE_MAX_BYTES, or past the arena. */
or_status passwd_line_parse(struct span line, struct arena *mem, struct account_row *row_out,
                            struct err *e) OR_MUST_USE;

#endif
