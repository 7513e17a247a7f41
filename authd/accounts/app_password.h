/*
 * Application passwords: a secret of its own for each program that logs in, made here and never
 * chosen by people.
 *
 * It has 100 bits from the kernel's random source. That is why one HMAC-SHA-256 keyed with it is
 * enough to store: what makes yescrypt slow protects passwords that can be guessed, and these
 * cannot. The account's address goes into it, so that what is stored for one account says nothing
 * about another.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_APP_PASSWORD_H
#define OUTRIDER_AUTHD_ACCOUNTS_APP_PASSWORD_H

#include "common/base/buf.h"

#define APP_PASSWORD_CHARACTERS 20      /* of an alphabet of 32 */
#define APP_PASSWORD_TEXT_BYTES 25      /* "abcd-efgh-ijkm-npqr-stuv" and a NUL */
#define APP_PASSWORD_HASH_BYTES 65      /* hex digits and a NUL */
#define APP_PASSWORD_MAX_NAME_BYTES 64  /* of what its owner calls it */
#define APP_PASSWORD_MAX_PER_ACCOUNT 64 /* nobody has more programs; a list stays a list */

/* What it opens; bits. */
enum app_password_scope {
    APP_PASSWORD_IMAP = 1,
    APP_PASSWORD_POP3 = 2,
    APP_PASSWORD_SMTP = 4,
    APP_PASSWORD_SIEVE = 8,
    APP_PASSWORD_ALL = 16, /* also services that have no word here */
};

/* A new one. The caller wipes it. */
void app_password_make(char out[APP_PASSWORD_TEXT_BYTES]);

/* What is stored of `typed` for the account. Case, blanks and hyphens do not count: people type it.
 * False when it has not the form of an application password, so that nothing need be asked. */
bool app_password_hash(struct span typed, struct span address, char out[APP_PASSWORD_HASH_BYTES]);

/* "imap,smtp"; "all". OR_MALFORMED: empty, or a word that is none; `e` lists them. */
or_status
app_password_parse_scope(struct span text, unsigned *scope_out, struct err *e) OR_MUST_USE;
void app_password_format_scope(unsigned scope, struct buf *out);
/* Whether it opens the service that Postfix, Dovecot, saslauthd's or Courier's clients name so
 * ("smtp", "submission", "imap", "pop", "sieve"; without case). */
bool app_password_serves(unsigned scope, struct span service);

/* 1 to APP_PASSWORD_MAX_NAME_BYTES of printable UTF-8. */
bool app_password_is_name(struct span name);

#endif
