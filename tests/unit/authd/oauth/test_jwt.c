/* Tokens and the attacks of RFC 8725. */
#include "authd/oauth/jwt.h"

#include "authd/oauth/oauth_json.h"
#include "common/base/crypto.h"
#include "common/text/base64.h"
#include "tests/support/unit.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1700000000
#define GOOD                                                                                       \
    "{\"iss\":\"https://idp.test\",\"aud\":[\"other\",\"mail\"],\"exp\":1700000300,"               \
    "\"iat\":1699999999,\"scope\":\"openid mail.login\",\"email\":\"alice@home.test\"}"

enum key { RSA_ONE, RSA_TWO, RSA_SHORT, EC_256, EC_384, EC_521, ED, KEYS };
static EVP_PKEY *keys[KEYS];
static struct jwks *trusted;
static struct buf trusted_text;

static EVP_PKEY *
make_key(enum key key)
{
    if (key == ED)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (key >= EC_256)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC",
                                 key == EC_256   ? "P-256"
                                 : key == EC_384 ? "P-384"
                                                 : "P-521");
    return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)(key == RSA_SHORT ? 1024 : 2048));
}

static void
add_part(struct buf *out, struct span bytes)
{
    size_t from = out->n;

    base64_encode(out, bytes);
    while (out->n > from && out->p[out->n - 1] == '=')
        out->n--;
    for (size_t i = from; i < out->n; i++)
        out->p[i] = (char)(out->p[i] == '+' ? '-' : out->p[i] == '/' ? '_' : out->p[i]);
}

static size_t
half_of(enum key key)
{
    return ((size_t)EVP_PKEY_get_bits(keys[key]) + 7) / 8;
}

/* `bytes` 0: as many as it has. */
static void
add_number(struct buf *out, enum key key, const char *name, size_t bytes)
{
    unsigned char number[1024];
    BIGNUM *bn = NULL;

    ck_assert_int_eq(EVP_PKEY_get_bn_param(keys[key], name, &bn), 1);
    int n = BN_bn2binpad(bn, number, bytes != 0 ? (int)bytes : BN_num_bytes(bn));
    ck_assert_int_gt(n, 0);
    add_part(out, span_make((const char *)number, (size_t)n));
    BN_free(bn);
}

/* Without the first brace: members can be put in front. */
static void
add_key(struct buf *out, enum key key)
{
    unsigned char x[32];
    size_t n = sizeof(x);

    buf_addf(out, "\"kid\":\"k%d\",", key);
    if (key == ED) {
        ck_assert_int_eq(EVP_PKEY_get_raw_public_key(keys[key], x, &n), 1);
        buf_add_cstr(out, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
        add_part(out, span_make((const char *)x, n));
    } else if (key >= EC_256) {
        buf_addf(out, "\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"", EVP_PKEY_get_bits(keys[key]));
        add_number(out, key, OSSL_PKEY_PARAM_EC_PUB_X, half_of(key));
        buf_add_cstr(out, "\",\"y\":\"");
        add_number(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, half_of(key));
    } else {
        buf_add_cstr(out, "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"");
        add_number(out, key, OSSL_PKEY_PARAM_RSA_N, 0);
    }
    buf_add_cstr(out, "\"}");
}

/* All but RSA_TWO, whose name is somebody else's; RSA_SHORT is not taken. */
static void
setup(void)
{
    struct err e = {""};

    buf_init(&trusted_text, JWKS_MAX_BYTES);
    buf_add_cstr(&trusted_text, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"shared\",\"k\":\"AAAA\"}");
    for (enum key i = 0; i < KEYS; i++) {
        keys[i] = make_key(i);
        ck_assert_ptr_nonnull(keys[i]);
        if (i == RSA_TWO)
            continue;
        buf_add_cstr(&trusted_text, ",{");
        add_key(&trusted_text, i);
    }
    buf_add_cstr(&trusted_text, "]}");
    ck_assert_int_eq(jwks_parse(buf_span(&trusted_text), &trusted, &e), OR_OK);
    ck_assert_uint_eq(trusted->count, KEYS - 2);
}

static void
teardown(void)
{
    for (enum key i = 0; i < KEYS; i++)
        EVP_PKEY_free(keys[i]);
    jwks_free(trusted);
    buf_fini(&trusted_text);
}

/* RFC 7518 3.4 */
static size_t
raw_of(enum key key, unsigned char *signature, size_t n)
{
    const unsigned char *p = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)n);
    int half = (int)half_of(key);

    ck_assert_ptr_nonnull(pair);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, half), half);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + half, half), half);
    ECDSA_SIG_free(pair);
    return 2 * half_of(key);
}

static size_t
make_signature(enum key key, const char *alg, struct span message, unsigned char *out, size_t room)
{
    const EVP_MD *digest = strstr(alg, "512") != NULL   ? EVP_sha512()
                           : strstr(alg, "384") != NULL ? EVP_sha384()
                                                        : EVP_sha256();
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;

    ck_assert_int_eq(EVP_DigestSignInit(md, &ctx, key == ED ? NULL : digest, NULL, keys[key]), 1);
    if (alg[0] == 'P') {
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    ck_assert_int_eq(EVP_DigestSign(md, out, &room, (const unsigned char *)message.p, message.n),
                     1);
    EVP_MD_CTX_free(md);
    return key >= EC_256 && key <= EC_521 ? raw_of(key, out, room) : room;
}

/* For free(). How it is signed stands in the header, as its first member. */
static char *
sign(enum key key, const char *header, const char *payload)
{
    unsigned char signature[1024];
    struct buf token;

    buf_init(&token, 1u << 16);
    add_part(&token, span_cstr(header));
    buf_add_char(&token, '.');
    add_part(&token, span_cstr(payload));
    size_t n = make_signature(key, header + strlen("{\"alg\":\""), buf_span(&token), signature,
                              sizeof(signature));
    buf_add_char(&token, '.');
    add_part(&token, span_make((const char *)signature, n));
    char *copy = strndup(token.p, token.n);
    buf_fini(&token);
    return copy;
}

static or_status
verify(const char *token, struct err *e)
{
    json_t *claims = NULL;
    or_status st = jwt_verify(span_cstr(token), trusted, &claims, e);

    json_decref(claims);
    return st;
}

static const struct {
    const char *header;
    enum key key;
    or_status st;
} signatures[] = {
    {"{\"alg\":\"RS256\",\"kid\":\"k0\"}", RSA_ONE, OR_OK},
    {"{\"alg\":\"RS512\"}", RSA_ONE, OR_OK},
    {"{\"alg\":\"PS256\",\"kid\":\"k0\"}", RSA_ONE, OR_OK},
    {"{\"alg\":\"ES256\",\"kid\":\"k3\",\"typ\":\"at+jwt\"}", EC_256, OR_OK},
    {"{\"alg\":\"ES384\",\"kid\":\"k4\",\"typ\":\"JWT\"}", EC_384, OR_OK},
    {"{\"alg\":\"RS384\"}", RSA_ONE, OR_OK},
    {"{\"alg\":\"PS384\"}", RSA_ONE, OR_OK},
    {"{\"alg\":\"PS512\"}", RSA_ONE, OR_OK},
    {"{\"alg\":\"ES512\"}", EC_521, OR_OK},
    {"{\"alg\":\"EdDSA\",\"kid\":\"k6\"}", ED, OR_OK},
    {"{\"alg\":\"Ed25519\"}", ED, OR_OK},
    /* RFC 8725 3.1: an algorithm with another kind of key */
    {"{\"alg\":\"ES256\",\"kid\":\"k4\"}", EC_384, OR_ABSENT},
    {"{\"alg\":\"ES384\"}", EC_256, OR_ABSENT},
    {"{\"alg\":\"ES256\",\"kid\":\"k6\"}", ED, OR_ABSENT},
    {"{\"alg\":\"EdDSA\",\"kid\":\"k3\"}", EC_256, OR_ABSENT},
    {"{\"alg\":\"Ed448\"}", ED, OR_ABSENT},
    {"{\"alg\":\"ES256K\"}", EC_256, OR_ABSENT},
    {"{\"alg\":\"rs256\"}", RSA_ONE, OR_ABSENT},
    /* somebody else's key, under its own, our and no name */
    {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", RSA_TWO, OR_ABSENT},
    {"{\"alg\":\"RS256\",\"kid\":\"k0\"}", RSA_TWO, OR_ABSENT},
    {"{\"alg\":\"RS256\"}", RSA_TWO, OR_ABSENT},
    /* RFC 8725 2.10: the header brings a place of its own for keys */
    {"{\"alg\":\"RS256\",\"jku\":\"https://evil.test/keys\"}", RSA_TWO, OR_ABSENT},
    {"{\"alg\":\"RS256\",\"kid\":\"../../dev/null\"}", RSA_ONE, OR_ABSENT},
    {"{\"alg\":\"RS256\",\"kid\":\"k0' OR 1=1\"}", RSA_ONE, OR_ABSENT},
    /* RFC 7518 3.3 */
    {"{\"alg\":\"RS256\",\"kid\":\"k2\"}", RSA_SHORT, OR_ABSENT},
    /* RFC 7515 4.1.11, RFC 8725 3.11 */
    {"{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":false}", RSA_ONE, OR_ABSENT},
    {"{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}", RSA_ONE, OR_ABSENT},
};

START_TEST(signature)
{
    struct err e = {""};
    char *token = sign(signatures[_i].key, signatures[_i].header, GOOD);

    ck_assert_msg(verify(token, &e) == signatures[_i].st, "%s: %s", signatures[_i].header, e.text);
    free(token);
}
END_TEST

/* RFC 8725 3.1: a key for one algorithm is for no other one. */
START_TEST(algorithm_of_key)
{
    struct err e = {""};
    struct jwks *one = NULL;
    struct buf text;
    json_t *claims = NULL;
    char *rs = sign(RSA_ONE, "{\"alg\":\"RS256\"}", GOOD);
    char *ps = sign(RSA_ONE, "{\"alg\":\"PS256\"}", GOOD);

    buf_init(&text, JWKS_MAX_BYTES);
    buf_add_cstr(&text, "{\"keys\":[{\"alg\":\"PS256\",");
    add_key(&text, RSA_ONE);
    buf_add_cstr(&text, "]}");
    ck_assert_int_eq(jwks_parse(buf_span(&text), &one, &e), OR_OK);
    ck_assert_int_eq(jwt_verify(span_cstr(rs), one, &claims, &e), OR_ABSENT);
    ck_assert_int_eq(jwt_verify(span_cstr(ps), one, &claims, &e), OR_OK);
    json_decref(claims);
    jwks_free(one);
    buf_fini(&text);
    free(rs);
    free(ps);
}
END_TEST

static const struct {
    const char *header, *payload;
    or_status st;
} forged[] = {
    /* RFC 8725 2.1 */
    {"{\"alg\":\"none\"}", GOOD, OR_ABSENT},
    {"{\"alg\":\"None\"}", GOOD, OR_ABSENT},
    {"{\"alg\":\"\"}", GOOD, OR_ABSENT},
    {"{\"typ\":\"JWT\"}", GOOD, OR_ABSENT},
    {"{\"alg\":7}", GOOD, OR_ABSENT},
    {"{\"alg\":\"HS256\"}", GOOD, OR_ABSENT},
    {"{\"alg\":\"HS256\",\"kid\":\"k0\"}", GOOD, OR_ABSENT},
    {"{\"alg\":\"HS256\",\"kid\":\"shared\"}", GOOD, OR_ABSENT},
    {"{\"alg\":\"RS256\",\"kid\":\"k0\"}", GOOD, OR_ABSENT},
    {"{\"alg\":\"dir\",\"enc\":\"A128GCM\"}", GOOD, OR_ABSENT},
    /* forms */
    {"{\"alg\":\"RS256\",\"alg\":\"none\"}", GOOD, OR_MALFORMED},
    {"[\"alg\",\"RS256\"]", GOOD, OR_MALFORMED},
    {"{\"alg\":\"RS256\"", GOOD, OR_MALFORMED},
    {"{\"alg\":\"RS256\",\"x\":[[[[[[[[1]]]]]]]]}", GOOD, OR_LIMIT},
    /* RFC 7519 7.2: claims that nobody signed are not read */
    {"{\"alg\":\"RS256\"}", "{\"x\":[[[[[[[[1]]]]]]]]}", OR_ABSENT},
};

/* Signed with HMAC, the public keys being the secret (RFC 8725 2.1), and without a signature. */
START_TEST(forgery)
{
    struct buf token;
    struct err e = {""};
    unsigned char mac[CRYPTO_DIGEST_MAX_BYTES];

    buf_init(&token, 65536);
    add_part(&token, span_cstr(forged[_i].header));
    buf_add_char(&token, '.');
    add_part(&token, span_cstr(forged[_i].payload));
    crypto_hmac(CRYPTO_SHA256, buf_span(&trusted_text), buf_span(&token), mac);
    buf_add_char(&token, '.');
    size_t unsigned_bytes = token.n;
    add_part(&token, span_make((const char *)mac, sizeof(mac)));
    buf_add_char(&token, '\0');
    ck_assert_msg(verify(token.p, &e) == forged[_i].st, "%s: %s", forged[_i].header, e.text);
    token.p[unsigned_bytes] = '\0';
    or_status st = verify(token.p, &e);
    ck_assert(st == OR_ABSENT || st == OR_MALFORMED || st == OR_LIMIT);
    buf_fini(&token);
}
END_TEST

static const struct {
    const char *payload;
    or_status st;
} payloads[] = {
    {GOOD, OR_OK},
    {"{\"x\":[[[[[[[[1]]]]]]]]}", OR_LIMIT},
    {"\"alice\"", OR_MALFORMED},
    {"{\"email\":\"a\\u0000b\"}", OR_MALFORMED},
    {"{\"iss\":\"a\",\"iss\":\"b\"}", OR_MALFORMED},
};

START_TEST(payload)
{
    struct err e = {""};
    char *token = sign(ED, "{\"alg\":\"EdDSA\"}", payloads[_i].payload);

    ck_assert_msg(verify(token, &e) == payloads[_i].st, "%s: %s", payloads[_i].payload, e.text);
    free(token);
}
END_TEST

/* A bit anywhere in a good token. */
START_TEST(altered)
{
    static const struct {
        enum key key;
        const char *header;
    } rows[] = {{RSA_ONE, "{\"alg\":\"PS256\"}"},
                {EC_256, "{\"alg\":\"ES256\",\"kid\":\"k3\"}"},
                {ED, "{\"alg\":\"EdDSA\"}"}};
    struct err e = {""};
    char *token = sign(rows[_i].key, rows[_i].header, GOOD);
    size_t n = strlen(token);

    ck_assert_int_eq(verify(token, &e), OR_OK);
    for (size_t i = 0; i < n; i++) {
        char was = token[i];

        token[i] = was == 'A' ? 'Q' : 'A';
        ck_assert_msg(verify(token, &e) != OR_OK, "byte %zu", i);
        token[i] = was;
    }
    free(token);
}
END_TEST

static const char *const broken[] = {"eyJhbGciOiJFUzI1NiJ9.e30.A=",
                                     "eyJhbGciOiJFUzI1NiJ9.e30.AAAAA",
                                     "",
                                     ".",
                                     "..",
                                     "...",
                                     "a.b.c",
                                     "a.b.c.d",
                                     "a.b.c.d.e",
                                     "e30.e30.",
                                     "e30.e30",
                                     "e30=.e30.x",
                                     "e+/.e30.x",
                                     "\xff.\xff.\xff"};

START_TEST(no_token)
{
    struct err e = {""};
    or_status st = verify(broken[_i], &e);

    ck_assert(st == OR_MALFORMED || st == OR_ABSENT);
    ck_assert_str_ne(e.text, "");
}
END_TEST

START_TEST(too_long)
{
    struct buf token;
    struct err e = {""};

    buf_init(&token, 1u << 20);
    buf_add_cstr(&token, "e30.");
    for (size_t i = 0; i < JWT_MAX_BYTES; i++)
        buf_add_char(&token, 'A');
    buf_add(&token, ".AA", 4);
    ck_assert_int_eq(verify(token.p, &e), OR_LIMIT);
    buf_fini(&token);
}
END_TEST

#define REST "\"exp\":1700000300,\"email\":\"alice@home.test\",\"scope\":\"mail.login\"}"
#define HEAD                                                                                       \
    "{\"iss\":\"https://idp.test\",\"aud\":\"mail\",\"scope\":\"mail.login\",\"email\":\"a@b\""

static const struct {
    const char *claims, *user; /* NULL: refused */
} claims_rows[] = {
    {GOOD, "alice@home.test"},
    {"{\"iss\":\"https://idp.test\",\"aud\":\"mail\"," REST, "alice@home.test"},
    /* RFC 8725 3.8, 3.9 */
    {"{\"iss\":\"https://idp.test/\",\"aud\":\"mail\"," REST, NULL},
    {"{\"iss\":[\"https://idp.test\"],\"aud\":\"mail\"," REST, NULL},
    {"{\"aud\":\"mail\"," REST, NULL},
    {"{\"iss\":\"https://idp.test\",\"aud\":\"mails\"," REST, NULL},
    {"{\"iss\":\"https://idp.test\",\"aud\":[]," REST, NULL},
    {"{\"iss\":\"https://idp.test\"," REST, NULL},
    /* times: 60 s of skew */
    {HEAD "}", NULL},
    {HEAD ",\"exp\":1699999941}", "a@b"},
    {HEAD ",\"exp\":1699999940}", NULL},
    {HEAD ",\"exp\":1700000300.5}", "a@b"},
    {HEAD ",\"exp\":\"1700000300\"}", NULL},
    {HEAD ",\"exp\":1e300}", NULL},
    {HEAD ",\"exp\":-1}", NULL},
    {HEAD ",\"exp\":1700000300,\"nbf\":1700000060}", "a@b"},
    {HEAD ",\"exp\":1700000300,\"nbf\":1700000061}", NULL},
    {HEAD ",\"exp\":1700000300,\"iat\":1700000061}", NULL},
    {HEAD ",\"exp\":1700000300,\"nbf\":true}", NULL},
    /* names */
    {HEAD ",\"exp\":1700000300,\"email_verified\":false}", NULL},
    {HEAD ",\"exp\":1700000300,\"email_verified\":true}", "a@b"},
    {"{\"iss\":\"https://idp.test\",\"aud\":\"mail\",\"scope\":\"mail.login\",\"exp\":1700000300}",
     NULL},
    {"{\"iss\":\"https://idp.test\",\"aud\":\"mail\",\"scope\":\"mail.login\",\"exp\":1700000300,"
     "\"email\":\"\"}",
     NULL},
    {"{\"iss\":\"https://idp.test\",\"aud\":\"mail\",\"scope\":\"mail.login\",\"exp\":1700000300,"
     "\"email\":[\"a@b\"]}",
     NULL},
    /* scopes */
    {"{\"iss\":\"https://idp.test\",\"aud\":\"mail\",\"exp\":1700000300,\"email\":\"a@b\"}", NULL},
    {"{\"iss\":\"https://idp.test\",\"aud\":\"mail\",\"exp\":1700000300,\"email\":\"a@b\","
     "\"scope\":\"mail.logins x\"}",
     NULL},
    {"{\"iss\":\"https://idp.test\",\"aud\":\"mail\",\"exp\":1700000300,\"email\":\"a@b\","
     "\"scp\":[\"x\",\"mail.login\"]}",
     "a@b"},
};

START_TEST(claims)
{
    static const char *const audience[] = {"mail"};
    const struct jwt_rules rules = {.issuer = "https://idp.test",
                                    .audience = audience,
                                    .audience_count = 1,
                                    .scope = "mail.login",
                                    .user_claim = "email",
                                    .skew_s = 60};
    struct err e = {""};
    struct span user = SPAN_EMPTY;
    json_t *object = NULL;

    ck_assert_int_eq(oauth_json_parse(span_cstr(claims_rows[_i].claims), &object, &e), OR_OK);
    or_status st = jwt_check_claims(object, &rules, NOW, true, &user, &e);
    ck_assert_msg(st == (claims_rows[_i].user != NULL ? OR_OK : OR_ABSENT), "%s: %s",
                  claims_rows[_i].claims, e.text);
    if (st == OR_OK)
        ck_assert_span_eq(user, claims_rows[_i].user);
    else
        ck_assert_str_ne(e.text, "");
    json_decref(object);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

static Suite *
suite(void)
{
    Suite *s = suite_create("jwt");
    TCase *t = tcase_create("tokens");

    tcase_add_unchecked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, signature, 0, ROWS(signatures));
    tcase_add_loop_test(t, forgery, 0, ROWS(forged));
    tcase_add_test(t, algorithm_of_key);
    tcase_add_loop_test(t, payload, 0, ROWS(payloads));
    tcase_add_loop_test(t, altered, 0, 3);
    tcase_add_loop_test(t, no_token, 0, ROWS(broken));
    tcase_add_test(t, too_long);
    tcase_add_loop_test(t, claims, 0, ROWS(claims_rows));
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
