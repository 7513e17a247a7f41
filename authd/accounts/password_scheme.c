/*
 * The table.
 */
#include "authd/accounts/password_scheme.h"

#define NAME(text_) SPAN_INIT("{" text_ "}")

static const struct password_kind schemes[] = {
    {NAME("CRYPT"), SPAN_INIT("$y$"), false, 4, password_crypt_check_yescrypt, NULL},
    {NAME("CRYPT"), SPAN_INIT("$6$"), false, 2, password_crypt_check_sha512, NULL},
    {NAME("CRYPT"), SPAN_INIT("$5$"), false, 2, password_crypt_check_sha256, NULL},
    {NAME("CRYPT"), SPAN_INIT("$2"), false, 3, password_crypt_check_bcrypt, NULL},
    {NAME("CRYPT"), SPAN_INIT("$bcrypt-sha256$"), false, 3, password_bcrypt_sha256_check,
     password_bcrypt_sha256_verify},
    {NAME("CRYPT"), SPAN_INIT("$1$"), true, 0, password_crypt_check_md5, NULL},
    {NAME("SHA512-CRYPT"), SPAN_INIT("$6$"), false, 2, password_crypt_check_sha512, NULL},
    {NAME("SHA256-CRYPT"), SPAN_INIT("$5$"), false, 2, password_crypt_check_sha256, NULL},
    {NAME("BLF-CRYPT"), SPAN_INIT("$2"), false, 3, password_crypt_check_bcrypt, NULL},
    {NAME("MD5-CRYPT"), SPAN_INIT("$1$"), true, 0, password_crypt_check_md5, NULL},
    {NAME("ARGON2ID"), SPAN_INIT("$argon2id$"), false, 4, password_argon2_check,
     password_argon2_verify},
    {NAME("ARGON2I"), SPAN_INIT("$argon2i$"), false, 3, password_argon2_check,
     password_argon2_verify},
    {NAME("PBKDF2"), SPAN_INIT("$1$"), false, 2, NULL, password_digest_pbkdf2},
    {NAME("SCRAM-SHA-1"), SPAN_INIT(""), false, 2, NULL, password_digest_scram_sha1},
    {NAME("SCRAM-SHA-256"), SPAN_INIT(""), false, 2, NULL, password_digest_scram_sha256},
    {NAME("SCRAM-SHA-512"), SPAN_INIT(""), false, 2, NULL, password_digest_scram_sha512},
    /* One round of a quick digest: for who has them already. */
    {NAME("SSHA"), SPAN_INIT(""), false, 1, NULL, password_digest_sha1},
    {NAME("SSHA256"), SPAN_INIT(""), false, 1, NULL, password_digest_sha256},
    {NAME("SSHA512"), SPAN_INIT(""), false, 1, NULL, password_digest_sha512},
    {NAME("SHA"), SPAN_INIT(""), true, 0, NULL, password_digest_sha1},
    {NAME("SHA1"), SPAN_INIT(""), true, 0, NULL, password_digest_sha1},
    {NAME("SHA256"), SPAN_INIT(""), true, 0, NULL, password_digest_sha256},
    {NAME("SHA512"), SPAN_INIT(""), true, 0, NULL, password_digest_sha512},
    {NAME("SMD5"), SPAN_INIT(""), true, 0, NULL, password_digest_md5},
    {NAME("LDAP-MD5"), SPAN_INIT(""), true, 0, NULL, password_digest_md5},
    {NAME("PLAIN"), SPAN_INIT(""), true, 0, NULL, password_digest_plain},
    {NAME("CLEARTEXT"), SPAN_INIT(""), true, 0, NULL, password_digest_plain},
};

/* What cannot be taken, without the hash itself: it goes into logs. */
static const struct password_kind *
unknown(struct span stored, struct err *e)
{
    size_t brace = span_find(stored, '}');

    if (stored.n == 0)
        (void)err_set(e, OR_MALFORMED, "the account has no password");
    else if (stored.p[0] != '{' || brace == stored.n)
        (void)err_set(e, OR_MALFORMED, "the stored password has no {SCHEME} in front");
    else
        (void)err_set(e, OR_MALFORMED,
                      "the stored password's scheme %.*s is not taken, or not with this kind of "
                      "hash",
                      SPAN_ARG(span_slice(stored, 0, brace + 1)));
    return NULL;
}

const struct password_kind *
password_scheme_find(struct span stored, struct span *text_out, struct err *e)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        struct span text = span_from(stored, schemes[i].name.n);

        if (span_has_prefix_nocase(stored, schemes[i].name) &&
            span_has_prefix(text, schemes[i].mark)) {
            *text_out = text;
            return &schemes[i];
        }
    }
    return unknown(stored, e);
}
