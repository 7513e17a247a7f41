/* Which keys of a set are taken. */
#include "authd/oauth/jwks.h"

#include "common/base/buf.h"
#include "tests/support/unit.h"

#include <string.h>

/* 256 bytes, the last odd: what else a modulus must be, no length shows. */
#define A32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define A340 A32 A32 A32 A32 A32 A32 A32 A32 A32 A32 "AAAAAAAAAAAAAAAAAAAA"
#define N2048 "g" A340 "Q"
#define N2047 "Q" A340 "Q"
#define EVEN "g" A340 "g"
#define ZERO_N2048 "AI" A340 "E" /* RFC 7518 6.3.1.1 */
#define N8192 "g" A340 A340 A340 A340 "AAAAQ"
#define N8200 "g" A340 A340 A340 A340 "AAAAAE"

#define RSA(n, rest) "{\"kty\":\"RSA\",\"n\":\"" n "\",\"e\":\"AQAB\"" rest "}"
#define RSA_E(e) "{\"kty\":\"RSA\",\"n\":\"" N2048 "\",\"e\":\"" e "\"}"
#define X256 "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y256 "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC(crv, x, y) "{\"kty\":\"EC\",\"crv\":\"" crv "\",\"x\":\"" x "\",\"y\":\"" y "\"}"
#define ED(crv, x) "{\"kty\":\"OKP\",\"crv\":\"" crv "\",\"x\":\"" x "\"}"
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

static const char *const good[] = {
    RSA(N2048, ""),
    RSA(N2048, ",\"use\":\"sig\""),
    RSA(N2048, ",\"key_ops\":[\"sign\",\"verify\"]"),
    RSA(ZERO_N2048, ""),
    RSA(N8192, ""),
    RSA_E("Aw"),
    EC("P-256", X256, Y256),
    ED("Ed25519", ED_X),
};

START_TEST(good_key)
{
    struct err e = {""};
    struct jwks *jwks = NULL;
    struct buf text;

    buf_init(&text, JWKS_MAX_BYTES);
    buf_addf(&text, "{\"keys\":[%s]}", good[_i]);
    ck_assert_msg(jwks_parse(buf_span(&text), &jwks, &e) == OR_OK, "%s", good[_i]);
    ck_assert_uint_eq(jwks->count, 1);
    jwks_free(jwks);
    buf_fini(&text);
}
END_TEST

static const char *const bad[] = {
    /* RFC 7518 3.3, 6.3.1 */
    RSA(N2047, ""),
    RSA(N8200, ""),
    RSA(EVEN, ""),
    RSA("AAAA", ""),
    RSA("AAAAA", ""),
    RSA("", ""),
    "{\"kty\":\"RSA\",\"n\":\"" N2048 "\"}",
    "{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}",
    RSA_E(""),
    RSA_E("AQ"),
    RSA_E("AA"),
    RSA_E("Ag"),
    RSA_E("AQAAAAAAAAAB"),
    /* RFC 7517 4.2, 4.3 */
    RSA(N2048, ",\"use\":\"enc\""),
    RSA(N2048, ",\"use\":7"),
    RSA(N2048, ",\"key_ops\":[\"encrypt\"]"),
    /* RFC 7518 6.2.1: another curve, another length, not on the curve, zero, not below p */
    EC("P-384", X256, Y256),
    EC("P-521", X256, Y256),
    EC("secp256k1", X256, Y256),
    EC("", X256, Y256),
    EC("P-256", X256, "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5Q"),
    EC("P-256", "AH_NzidwgsRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF", Y256),
    EC("P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEQ", Y256),
    EC("P-256", Y256, X256),
    EC("P-256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    EC("P-256", "__________________________________________8", Y256),
    EC("P-256", "", ""),
    EC("P-256", "=", ""),
    "{\"kty\":\"EC\",\"x\":\"" X256 "\",\"y\":\"" Y256 "\"}",
    /* RFC 8037 2 */
    ED("Ed448", ED_X),
    ED("X25519", ED_X),
    ED("Ed25519", ""),
    ED("Ed25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ"),
    ED("Ed25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURoA"),
    "{\"kty\":\"RSA\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\"}",
    /* RFC 8725 3.1 */
    "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
    "{\"kty\":7}",
    "1",
    "null",
    "[]",
    "\"x\"",
};

START_TEST(bad_key)
{
    struct err e = {""};
    struct jwks *jwks = NULL;
    struct buf text;

    buf_init(&text, JWKS_MAX_BYTES);
    buf_addf(&text, "{\"keys\":[%s]}", bad[_i]);
    ck_assert_msg(jwks_parse(buf_span(&text), &jwks, &e) == OR_MALFORMED, "%s", bad[_i]);
    ck_assert_ptr_null(jwks);
    buf_fini(&text);
}
END_TEST

/* One that is of no use spoils nothing for its neighbours. */
START_TEST(among_others)
{
    static const char text[] = "{\"keys\":[" RSA("AAAA", ",\"kid\":\"a\"") ",7," ED(
        "Ed25519", ED_X "\",\"kid\":\"b") "," EC("P-256", X256, X256) "]}";
    struct err e = {""};
    struct jwks *jwks = NULL;

    ck_assert_int_eq(jwks_parse(span_cstr(text), &jwks, &e), OR_OK);
    ck_assert_uint_eq(jwks->count, 1);
    ck_assert(jwks_has_kid(jwks, SPAN_LIT("b")));
    ck_assert(!jwks_has_kid(jwks, SPAN_LIT("a")));
    jwks_free(jwks);
}
END_TEST

START_TEST(more_than_we_keep)
{
    struct err e = {""};
    struct jwks *jwks = NULL;
    struct buf text;

    buf_init(&text, JWKS_MAX_BYTES);
    buf_add_cstr(&text, "{\"keys\":[");
    for (int i = 0; i <= JWKS_MAX_KEYS; i++)
        buf_addf(&text, "%s%s", i > 0 ? "," : "", ED("Ed25519", ED_X));
    buf_add_cstr(&text, "]}");
    ck_assert_int_eq(jwks_parse(buf_span(&text), &jwks, &e), OR_OK);
    ck_assert_uint_eq(jwks->count, JWKS_MAX_KEYS);
    jwks_free(jwks);
    buf_fini(&text);
}
END_TEST

static const char *const bad_sets[] = {"", "{}", "[]", "{\"keys\":{}}", "{\"keys\":[]}"};

START_TEST(no_set)
{
    struct err e = {""};
    struct jwks *jwks = NULL;

    ck_assert_int_eq(jwks_parse(span_cstr(bad_sets[_i]), &jwks, &e), OR_MALFORMED);
    ck_assert_ptr_null(jwks);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

static Suite *
suite(void)
{
    Suite *s = suite_create("jwks");
    TCase *t = tcase_create("keys");

    tcase_add_loop_test(t, good_key, 0, ROWS(good));
    tcase_add_loop_test(t, bad_key, 0, ROWS(bad));
    tcase_add_test(t, among_others);
    tcase_add_test(t, more_than_we_keep);
    tcase_add_loop_test(t, no_set, 0, ROWS(bad_sets));
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
