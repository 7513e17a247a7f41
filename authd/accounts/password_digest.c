/*
 * Schemes that are digests of the password: one round with a salt behind (RFC 2307's SSHA and its
 * kin), many rounds (PBKDF2, SCRAM's stored key), or none.
 */
#include "authd/accounts/password_scheme.h"

#include "common/base/buf.h"
#include "common/base/crypto.h"
#include "common/text/base64.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define MAX_TEXT_BYTES 512
#define MAX_ROUNDS 1000000
#define MAX_SCRAM_PARTS 4

static or_status
not_whole(struct err *e)
{
    return err_set(e, OR_MALFORMED, "the stored password is not a complete hash");
}

static or_status
equal(const unsigned char *made, struct span stored)
{
    return crypto_equal(span_make((const char *)made, stored.n), stored) ? OR_OK : OR_ABSENT;
}

/* digest(password salt) salt, in base64. */
static or_status
check_digest(const EVP_MD *md, struct span text, struct span password, struct err *e)
{
    unsigned char made[EVP_MAX_MD_SIZE];
    size_t size = (size_t)EVP_MD_get_size(md);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct buf stored;

    buf_init(&stored, MAX_TEXT_BYTES);
    or_status st = base64_decode(text, BASE64_STRICT, &stored);
    if (st != OR_OK || stored.n < size)
        st = not_whole(e);
    else if (ctx == NULL || EVP_DigestInit_ex(ctx, md, NULL) != 1 ||
             EVP_DigestUpdate(ctx, password.p, password.n) != 1 ||
             EVP_DigestUpdate(ctx, stored.p + size, stored.n - size) != 1 ||
             EVP_DigestFinal_ex(ctx, made, NULL) != 1)
        st = err_set(e, OR_TEMPFAIL, "the digest cannot be computed");
    else
        st = equal(made, span_make(stored.p, size));
    EVP_MD_CTX_free(ctx);
    buf_fini(&stored);
    return st;
}

or_status
password_digest_sha1(struct span text, struct span password, struct err *e)
{
    return check_digest(EVP_sha1(), text, password, e);
}

or_status
password_digest_sha256(struct span text, struct span password, struct err *e)
{
    return check_digest(EVP_sha256(), text, password, e);
}

or_status
password_digest_sha512(struct span text, struct span password, struct err *e)
{
    return check_digest(EVP_sha512(), text, password, e);
}

or_status
password_digest_md5(struct span text, struct span password, struct err *e)
{
    return check_digest(EVP_md5(), text, password, e);
}

or_status
password_digest_plain(struct span text, struct span password, struct err *e)
{
    (void)e;
    return crypto_equal(text, password) ? OR_OK : OR_ABSENT;
}

/* ---- many rounds */

static or_status
stretch(const EVP_MD *md, struct span password, struct span salt, uint64_t rounds,
        unsigned char out[EVP_MAX_MD_SIZE], struct err *e)
{
    if (PKCS5_PBKDF2_HMAC(password.p, (int)password.n, (const unsigned char *)salt.p, (int)salt.n,
                          (int)rounds, md, EVP_MD_get_size(md), out) != 1)
        return err_set(e, OR_TEMPFAIL, "the password cannot be stretched");
    return OR_OK;
}

static or_status
from_hex(struct span hex, unsigned char *out, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";

    if (hex.n != 2 * bytes)
        return OR_MALFORMED;
    for (size_t i = 0; i < hex.n; i++) {
        const char *at = hex.p[i] == '\0' ? NULL : strchr(digits, hex.p[i] | 0x20);

        if (at == NULL)
            return OR_MALFORMED;
        out[i / 2] = (unsigned char)(out[i / 2] << 4 | (at - digits));
    }
    return OR_OK;
}

/* Dovecot's: "$1$salt$rounds$hex", of HMAC-SHA-1. */
or_status
password_digest_pbkdf2(struct span text, struct span password, struct err *e)
{
    unsigned char made[EVP_MAX_MD_SIZE], stored[20] = {0};
    struct span rest = span_from(text, strlen("$1$")), salt = SPAN_EMPTY, rounds = SPAN_EMPTY,
                hex = SPAN_EMPTY;
    uint64_t n = 0;

    if (!span_split(&rest, '$', &salt) || !span_split(&rest, '$', &rounds) ||
        !span_split(&rest, '$', &hex) || rest.p != NULL || salt.n == 0 ||
        span_parse_u64(rounds, MAX_ROUNDS, &n) != OR_OK || n == 0 ||
        from_hex(hex, stored, sizeof(stored)) != OR_OK)
        return not_whole(e);
    or_status st = stretch(EVP_sha1(), password, salt, n, made, e);
    return st == OR_OK ? equal(made, span_make((const char *)stored, sizeof(stored))) : st;
}

/* RFC 5802 3: StoredKey = H(HMAC(SaltedPassword, "Client Key")). */
static or_status
make_stored_key(const EVP_MD *md, const unsigned char *salted, unsigned char out[EVP_MAX_MD_SIZE],
                struct err *e)
{
    static const char label[] = "Client Key";
    unsigned char key[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (HMAC(md, salted, EVP_MD_get_size(md), (const unsigned char *)label, sizeof(label) - 1, key,
             &n) == NULL ||
        EVP_Digest(key, n, out, NULL, md, NULL) != 1)
        return err_set(e, OR_TEMPFAIL, "the key cannot be computed");
    return OR_OK;
}

static or_status
compare_scram(const EVP_MD *md, struct span password, struct span salt, uint64_t rounds,
              struct span stored_key, struct err *e)
{
    unsigned char salted[EVP_MAX_MD_SIZE], made[EVP_MAX_MD_SIZE];
    or_status st = stretch(md, password, salt, rounds, salted, e);

    if (st == OR_OK)
        st = make_stored_key(md, salted, made, e);
    crypto_wipe(salted, sizeof(salted));
    return st == OR_OK ? equal(made, stored_key) : st;
}

/* Dovecot's: "rounds,salt,StoredKey,ServerKey", the last three in base64. */
static or_status
check_scram(const EVP_MD *md, struct span text, struct span password, struct err *e)
{
    struct span parts[MAX_SCRAM_PARTS] = {{NULL, 0}};
    size_t count = 0;
    struct buf salt, key, server_key;
    uint64_t rounds = 0;

    while (count < MAX_SCRAM_PARTS && span_split(&text, ',', &parts[count]))
        count++;
    if (count < MAX_SCRAM_PARTS || text.p != NULL ||
        span_parse_u64(parts[0], MAX_ROUNDS, &rounds) != OR_OK || rounds == 0)
        return not_whole(e);
    buf_init(&salt, MAX_TEXT_BYTES);
    buf_init(&key, MAX_TEXT_BYTES);
    buf_init(&server_key, MAX_TEXT_BYTES);
    or_status st = OR_OK;
    if (base64_decode(parts[1], BASE64_STRICT, &salt) != OR_OK ||
        base64_decode(parts[2], BASE64_STRICT, &key) != OR_OK ||
        base64_decode(parts[3], BASE64_STRICT, &server_key) != OR_OK ||
        key.n != (size_t)EVP_MD_get_size(md) || server_key.n != key.n)
        st = not_whole(e);
    if (st == OR_OK)
        st = compare_scram(md, password, buf_span(&salt), rounds, buf_span(&key), e);
    buf_fini(&salt);
    buf_fini(&key);
    buf_fini(&server_key);
    return st;
}

or_status
password_digest_scram_sha1(struct span text, struct span password, struct err *e)
{
    return check_scram(EVP_sha1(), text, password, e);
}

or_status
password_digest_scram_sha256(struct span text, struct span password, struct err *e)
{
    return check_scram(EVP_sha256(), text, password, e);
}

or_status
password_digest_scram_sha512(struct span text, struct span password, struct err *e)
{
    return check_scram(EVP_sha512(), text, password, e);
}
