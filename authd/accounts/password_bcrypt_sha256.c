/*
 * "$bcrypt-sha256$v=2,t=2b,r=12$salt$hash", as passlib writes it and Mailu stores it: bcrypt, which
 * knows 72 bytes, of the base64 of HMAC-SHA-256 with the salt's text as key.
 */
#include "authd/accounts/password_scheme.h"

#include "common/base/crypto.h"
#include "common/base/xalloc.h"
#include "common/text/base64.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>

#define SALT_CHARS 22
#define HASH_CHARS 31
#define BCRYPT_TEXT_BYTES 64 /* "$2b$12$", both, NUL */
#define BCRYPT_SALT_AT 7
#define SHA256_BYTES 32
#define MAX_PHRASE_BYTES 64 /* 44 and NUL */

/* As crypt(3) writes it. */
static or_status
to_bcrypt(struct span text, char out[BCRYPT_TEXT_BYTES], struct err *e)
{
    const struct span prefix = SPAN_LIT("$bcrypt-sha256$v=2,t=2b,r=");
    struct span rest = span_from(text, prefix.n), cost = SPAN_EMPTY, salt = SPAN_EMPTY;
    uint64_t n;

    if (!span_has_prefix(text, prefix) || !span_split(&rest, '$', &cost) ||
        !span_split(&rest, '$', &salt) || span_parse_u64(cost, 99, &n) != OR_OK ||
        salt.n != SALT_CHARS || rest.n != HASH_CHARS)
        return err_set(e, OR_MALFORMED, "the stored password is not a complete hash");
    (void)snprintf(out, BCRYPT_TEXT_BYTES, "$2b$%02u$%.*s%.*s", (unsigned)n, SPAN_ARG(salt),
                   SPAN_ARG(rest));
    return password_crypt_check_bcrypt(span_cstr(out), e);
}

or_status
password_bcrypt_sha256_check(struct span text, struct err *e)
{
    char stored[BCRYPT_TEXT_BYTES];

    return to_bcrypt(text, stored, e);
}

static or_status
compare(const char *phrase, const char *stored, struct err *e)
{
    struct crypt_data *data = xcalloc(1, sizeof(*data));
    const char *made = crypt_rn(phrase, stored, data, (int)sizeof(*data));
    or_status st;

    if (made == NULL)
        st = err_set(e, OR_TEMPFAIL, "libcrypt cannot hash, most likely for lack of memory");
    else
        st = crypto_equal(span_cstr(made), span_cstr(stored)) ? OR_OK : OR_ABSENT;
    crypto_wipe(data, sizeof(*data));
    free(data);
    return st;
}

or_status
password_bcrypt_sha256_verify(struct span text, struct span password, struct err *e)
{
    unsigned char digest[CRYPTO_DIGEST_MAX_BYTES];
    char stored[BCRYPT_TEXT_BYTES];
    struct buf phrase;
    or_status st = to_bcrypt(text, stored, e);

    if (st != OR_OK)
        return st;
    crypto_hmac(CRYPTO_SHA256, span_make(stored + BCRYPT_SALT_AT, SALT_CHARS), password, digest);
    buf_init(&phrase, MAX_PHRASE_BYTES);
    base64_encode(&phrase, span_make((const char *)digest, SHA256_BYTES));
    buf_add_char(&phrase, '\0');
    st = buf_finish(&phrase);
    if (st == OR_OK)
        st = compare(phrase.p, stored, e);
    crypto_wipe(digest, sizeof(digest));
    crypto_wipe(phrase.p, phrase.n);
    buf_fini(&phrase);
    return st;
}
