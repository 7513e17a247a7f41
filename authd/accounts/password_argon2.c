/*
 * "$argon2id$v=19$m=65536,t=2,p=1$salt$hash", by libsodium, which knows one lane.
 */
#include "authd/accounts/password_scheme.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MEMORY_KIB 1048576
#define MAX_PASSES 20
_Static_assert(PASSWORD_ARGON2_TEXT_BYTES == crypto_pwhash_STRBYTES, "libsodium's own");

static or_status
parameter(struct span *rest, const char *name, uint64_t max, struct err *e)
{
    struct span part = SPAN_EMPTY, prefix = span_cstr(name);
    uint64_t n;

    if (!span_split(rest, ',', &part) || !span_has_prefix(part, prefix) ||
        span_parse_u64(span_from(part, prefix.n), max, &n) != OR_OK || n == 0)
        return err_set(e, OR_MALFORMED,
                       "the stored password's Argon2 parameter %s is not in 1 to "
                       "%llu",
                       name, (unsigned long long)max);
    return OR_OK;
}

or_status
password_argon2_check(struct span text, struct err *e)
{
    struct span rest = span_from(text, 1), kind = SPAN_EMPTY, version = SPAN_EMPTY,
                parameters = SPAN_EMPTY;

    if (!span_split(&rest, '$', &kind) || !span_split(&rest, '$', &version) ||
        !span_equal_cstr(version, "v=19") || !span_split(&rest, '$', &parameters) || rest.p == NULL)
        return err_set(e, OR_MALFORMED, "the stored password is not a complete hash");
    or_status st = parameter(&parameters, "m=", MAX_MEMORY_KIB, e);
    if (st == OR_OK)
        st = parameter(&parameters, "t=", MAX_PASSES, e);
    return st == OR_OK ? parameter(&parameters, "p=", 1, e) : st;
}

or_status
password_argon2_verify(struct span text, struct span password, struct err *e)
{
    char stored[PASSWORD_ARGON2_TEXT_BYTES] = "";

    if (text.n >= sizeof(stored))
        return err_set(e, OR_MALFORMED, "the stored password is not a complete hash");
    if (sodium_init() < 0)
        return err_set(e, OR_TEMPFAIL, "libsodium cannot be used");
    memcpy(stored, text.p, text.n);
    return crypto_pwhash_str_verify(stored, password.p, password.n) == 0 ? OR_OK : OR_ABSENT;
}

or_status
password_argon2_make(struct span password, char out[PASSWORD_ARGON2_TEXT_BYTES], struct err *e)
{
    if (sodium_init() < 0 ||
        crypto_pwhash_str(out, password.p, password.n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        return err_set(e, OR_TEMPFAIL, "libsodium cannot hash, most likely for lack of memory");
    return OR_OK;
}
