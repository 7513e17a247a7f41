/*
 * The template of `mail-home`: where an account's mailbox lies.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_MAIL_HOME_H
#define OUTRIDER_AUTHD_MAIL_HOME_H

#include "authd/accounts/account_db.h"

/* OR_CONFIG: not absolute, an unknown % sign, or nothing in it that tells accounts apart. */
or_status mail_home_check(const char *template, struct err *e) OR_MUST_USE;

/* Expands for an account. Addresses from account_address_parse() hold nothing that leaves the
 * directory. OR_LIMIT past the arena. */
or_status mail_home_expand(const char *template, const struct account_address *address,
                           struct arena *mem, struct span *home_out) OR_MUST_USE;

#endif
