/*
 * The mechanisms themselves, one per file, and what they share; for the files of this folder.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_SASL_MECH_TABLE_H
#define OUTRIDER_AUTHD_SASL_MECH_TABLE_H

#include "authd/sasl/mech.h"

extern const struct mech mech_plain;
extern const struct mech mech_login;
extern const struct mech mech_scram_sha1, mech_scram_sha1_plus;
extern const struct mech mech_scram_sha256, mech_scram_sha256_plus;
extern const struct mech mech_scram_sha512;
extern const struct mech mech_cram_md5;
extern const struct mech mech_external;
extern const struct mech mech_oauthbearer, mech_xoauth2;
extern const struct mech mech_anonymous;

/* Keep a part of the exchange. OR_MALFORMED: empty, with NUL, over its ceiling, or a name that is
 * not UTF-8. Passwords are any other bytes: they only go into a hash. */
or_status mech_keep_name(struct buf *name, struct span bytes, struct err *e) OR_MUST_USE;
or_status mech_keep_password(struct mech_exchange *x, struct span bytes, struct err *e) OR_MUST_USE;

#endif
