/* Tokens, and key sets: the first byte picks. Nothing that a fuzzer says is signed. */
#include "authd/oauth/jwt.h"

#include "authd/oauth/oauth_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 7517 A.1, RFC 8037 A.2 */
static const char set[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
    "\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\",\"use\":\"sig\",\"kid\":\"1\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":"
    "\""
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_B"
    "JECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F"
    "DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4"
    "vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    "\"}]}";

static void
check_token(struct span token)
{
    struct jwks *jwks = NULL;
    struct err e;
    json_t *claims = NULL;

    if (jwks_parse(SPAN_LIT(set), &jwks, &e) != OR_OK)
        abort();
    if (jwt_verify(token, jwks, &claims, &e) == OR_OK)
        abort();
    jwks_free(jwks);
}

#define SIGNATURE                                                                                  \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

/* The text of a key goes into the library, too. */
static void
check_set(struct span text)
{
    static const char *const tokens[] = {
        "eyJhbGciOiJFUzI1NiJ9.e30." SIGNATURE,
        "eyJhbGciOiJFZERTQSJ9.e30." SIGNATURE,
        "eyJhbGciOiJSUzI1NiJ9.e30.AAAA",
    };
    struct jwks *jwks = NULL;
    struct err e;

    if (jwks_parse(text, &jwks, &e) != OR_OK)
        return;
    if (jwks->count == 0 || jwks->count > JWKS_MAX_KEYS)
        abort();
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        json_t *claims = NULL;

        (void)!jwt_verify(span_cstr(tokens[i]), jwks, &claims, &e);
        json_decref(claims);
    }
    jwks_free(jwks);
}

static void
check_claims(struct span text)
{
    static const char *const audience[] = {"mail"};
    const struct jwt_rules rules = {
        .audience = audience, .audience_count = 1, .scope = "s", .user_claim = "email"};
    struct span user = SPAN_EMPTY;
    struct err e;
    json_t *claims = NULL;

    if (oauth_json_parse(text, &claims, &e) != OR_OK)
        return;
    if (jwt_check_claims(claims, &rules, 1700000000, true, &user, &e) == OR_OK &&
        (user.n == 0 || user.n > JWT_MAX_USER_BYTES))
        abort();
    json_decref(claims);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void (*const checks[])(struct span) = {check_token, check_set, check_claims};

    if (size > 0)
        checks[data[0] % 3](span_make((const char *)data + 1, size - 1));
    return 0;
}
