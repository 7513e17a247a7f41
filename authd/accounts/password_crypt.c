/*
 * What crypt(3) is given is looked at closely first: it would take costs that hold a thread for
 * minutes.
 */
#include "authd/accounts/password_scheme.h"

#include <string.h>

#define PASSWORD_MAX_ROUNDS 1000000 /* SHA-512: about a second */
#define PASSWORD_MIN_ROUNDS 1000    /* below it libcrypt refuses */

/* yescrypt's parameters as libcrypt's costs 1 to 11 write them: flags, log2 of the blocks, size of
 * a block, one character each. Eleven, the most, is "jFT": 2^18 blocks of 32, 1 GiB. */
#define YESCRYPT_FLAGS 'j'
#define YESCRYPT_MAX_LOG2_BLOCKS 18
#define YESCRYPT_MAX_BLOCK 32

#define SHA_MAX_SALT 16
#define SHA512_HASH_CHARS 86
#define SHA256_HASH_CHARS 43
#define MD5_MAX_SALT 8
#define MD5_HASH_CHARS 22
#define BCRYPT_CHARS 53      /* salt and hash, in one */
#define BCRYPT_MAX_COST 15   /* some seconds */
#define YESCRYPT_MAX_SALT 86 /* 64 bytes */
#define YESCRYPT_HASH_CHARS 43

/* crypt(3)'s digits in order of value. */
static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool
is_all_digits(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || strchr(digits, s.p[i]) == NULL)
            return false;
    return true;
}

/* "salt$hash" at the end of a crypt string. */
static or_status
check_salt_and_hash(struct span s, size_t max_salt, size_t hash_chars, struct err *e)
{
    size_t end = span_find(s, '$');
    struct span hash = span_from(s, end + 1);

    if (end == 0 || end > max_salt || hash.n != hash_chars || !is_all_digits(hash) ||
        !is_all_digits(span_slice(s, 0, end)))
        return err_set(e, OR_MALFORMED, "the stored password is not a complete hash");
    return OR_OK;
}

/* "[rounds=N$]salt$hash" */
static or_status
check_rounds(struct span s, size_t hash_chars, struct err *e)
{
    const struct span prefix = SPAN_LIT("rounds=");
    uint64_t rounds = 0;

    if (span_has_prefix(s, prefix)) {
        size_t end = span_find(s, '$');

        /* Leading zeros: libcrypt refuses them. */
        if (span_parse_u64(span_slice(s, prefix.n, end), PASSWORD_MAX_ROUNDS, &rounds) != OR_OK ||
            rounds < PASSWORD_MIN_ROUNDS || s.p[prefix.n] == '0')
            return err_set(e, OR_MALFORMED, "the stored password's rounds are not in %d to %d",
                           PASSWORD_MIN_ROUNDS, PASSWORD_MAX_ROUNDS);
        s = span_from(s, end + 1);
    }
    return check_salt_and_hash(s, SHA_MAX_SALT, hash_chars, e);
}

/* The value of a digit plus one, as yescrypt writes what cannot be zero; 0: no digit. */
static size_t
yescrypt_value(char c)
{
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? 0 : (size_t)(at - digits) + 1;
}

/* "$y$jNr$salt$hash" */
or_status
password_crypt_check_yescrypt(struct span text, struct err *e)
{
    struct span s = span_from(text, strlen("$y$"));

    if (span_find(s, '$') != 3 || s.p[0] != YESCRYPT_FLAGS)
        return err_set(e, OR_MALFORMED, "the stored password has yescrypt parameters of its own");
    size_t log2_blocks = yescrypt_value(s.p[1]), block = yescrypt_value(s.p[2]);

    if (log2_blocks == 0 || log2_blocks > YESCRYPT_MAX_LOG2_BLOCKS || block == 0 ||
        block > YESCRYPT_MAX_BLOCK)
        return err_set(e, OR_MALFORMED, "the stored password costs more than yescrypt's cost 11");
    return check_salt_and_hash(span_from(s, 4), YESCRYPT_MAX_SALT, YESCRYPT_HASH_CHARS, e);
}

or_status
password_crypt_check_sha512(struct span text, struct err *e)
{
    return check_rounds(span_from(text, strlen("$6$")), SHA512_HASH_CHARS, e);
}

or_status
password_crypt_check_sha256(struct span text, struct err *e)
{
    return check_rounds(span_from(text, strlen("$5$")), SHA256_HASH_CHARS, e);
}

or_status
password_crypt_check_md5(struct span text, struct err *e)
{
    return check_salt_and_hash(span_from(text, strlen("$1$")), MD5_MAX_SALT, MD5_HASH_CHARS, e);
}

/* "$2b$NN$" and 53 characters; also $2a$ and $2y$. */
or_status
password_crypt_check_bcrypt(struct span text, struct err *e)
{
    struct span cost = span_slice(text, 4, 6), rest = span_from(text, 7);
    uint64_t n;

    if (text.n < 7 || strchr("aby", text.p[2]) == NULL || text.p[3] != '$' || text.p[6] != '$' ||
        rest.n != BCRYPT_CHARS || !is_all_digits(rest) || span_parse_u64(cost, 99, &n) != OR_OK)
        return err_set(e, OR_MALFORMED, "the stored password is not a complete hash");
    return n <= BCRYPT_MAX_COST
               ? OR_OK
               : err_set(e, OR_MALFORMED, "the stored password costs more than bcrypt's %d",
                         BCRYPT_MAX_COST);
}
