/* The examples of RFC 7515 A.2 to A.4 and RFC 8037 A.4, as they stand and with something changed.
 */
#include "authd/oauth/jws.h"

#include "authd/oauth/oauth_json.h"
#include "tests/support/unit.h"

#include <string.h>

#define RSA_A2                                                                                     \
    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W2" \
    "6mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47"  \
    "soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMT"  \
    "BQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDT"  \
    "W9gb54h4FRWyuXpoQ\"}"
#define EC_A3                                                                                      \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","     \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define EC_A4                                                                                      \
    "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5" \
    "EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\",\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l"  \
    "2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}"
#define ED_A4                                                                                      \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"

#define JOE                                                                                        \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"

static const struct {
    const char *alg, *key, *message, *signature;
} examples[] = {
    {"RS256", RSA_A2, "eyJhbGciOiJSUzI1NiJ9." JOE,
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
     "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
     "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
     "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
    {"ES256", EC_A3, "eyJhbGciOiJFUzI1NiJ9." JOE,
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
    {"ES512", EC_A4, "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
     "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8G"
     "aSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"},
    {"EdDSA", ED_A4, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
};

/* Of the example that is being tested. */
static struct jwk key;
static struct buf signature;

static const struct jws_algorithm *
open_example(int i)
{
    struct err e;
    json_t *json = NULL;

    ck_assert_int_eq(oauth_json_parse(span_cstr(examples[i].key), &json, &e), OR_OK);
    ck_assert_int_eq(jwk_parse(json, &key), OR_OK);
    json_decref(json);
    buf_init(&signature, 2048);
    ck_assert_int_eq(oauth_base64url_decode(span_cstr(examples[i].signature), &signature), OR_OK);
    return jws_find_algorithm(span_cstr(examples[i].alg));
}

static void
close_example(void)
{
    jwk_fini(&key);
    buf_fini(&signature);
}

START_TEST(example)
{
    const struct jws_algorithm *algorithm = open_example(_i);

    ck_assert_ptr_nonnull(algorithm);
    ck_assert(
        jws_is_signed_by(algorithm, &key, span_cstr(examples[_i].message), buf_span(&signature)));
    close_example();
}
END_TEST

/* One bit of it, and one byte of what was signed. */
START_TEST(tampered)
{
    const struct jws_algorithm *algorithm = open_example(_i);
    struct span message = span_cstr(examples[_i].message);

    for (size_t i = 0; i < signature.n; i++) {
        signature.p[i] = (char)(signature.p[i] ^ 0x10);
        ck_assert_msg(!jws_is_signed_by(algorithm, &key, message, buf_span(&signature)), "byte %zu",
                      i);
        signature.p[i] = (char)(signature.p[i] ^ 0x10);
    }
    message.n--;
    ck_assert(!jws_is_signed_by(algorithm, &key, message, buf_span(&signature)));
    close_example();
}
END_TEST

/* RFC 7518 3.4: neither shorter nor longer. */
START_TEST(other_length)
{
    const struct jws_algorithm *algorithm = open_example(_i);
    struct span message = span_cstr(examples[_i].message);

    for (size_t n = 0; n < signature.n; n++)
        ck_assert_msg(!jws_is_signed_by(algorithm, &key, message, span_make(signature.p, n)),
                      "%zu bytes", n);
    buf_add_char(&signature, '\0');
    ck_assert(!jws_is_signed_by(algorithm, &key, message, buf_span(&signature)));
    close_example();
}
END_TEST

/* CVE-2022-21449: zeros are everybody's signature where nobody looks. */
START_TEST(zeros)
{
    const struct jws_algorithm *algorithm = open_example(_i);

    memset(signature.p, 0, signature.n);
    ck_assert(
        !jws_is_signed_by(algorithm, &key, span_cstr(examples[_i].message), buf_span(&signature)));
    close_example();
}
END_TEST

/* RFC 8725 3.1: the key says what it is for. */
START_TEST(other_algorithm)
{
    static const char *const names[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                        "PS512", "ES256", "ES384", "ES512", "EdDSA"};
    struct span message = span_cstr(examples[_i].message);

    (void)open_example(_i);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct jws_algorithm *algorithm = jws_find_algorithm(span_cstr(names[i]));
        bool same = strcmp(names[i], examples[_i].alg) == 0;

        ck_assert_ptr_nonnull(algorithm);
        ck_assert_msg(jws_is_signed_by(algorithm, &key, message, buf_span(&signature)) == same,
                      "%s", names[i]);
    }
    key.alg = strdup("RSA-OAEP");
    ck_assert(!jws_is_signed_by(jws_find_algorithm(span_cstr(examples[_i].alg)), &key, message,
                                buf_span(&signature)));
    close_example();
}
END_TEST

/* RFC 8725 2.1, RFC 7518 3.1: names are case-sensitive. */
START_TEST(no_algorithm)
{
    static const char *const names[] = {"none",  "None",   "",       "HS256", "HS384", "HS512",
                                        "es256", "ES256K", "ES2566", "Ed448", "RS1"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_msg(jws_find_algorithm(span_cstr(names[i])) == NULL, "%s", names[i]);
    ck_assert_ptr_null(jws_find_algorithm(SPAN_LIT("RS256\0")));
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("jws");
    TCase *t = tcase_create("signatures");
    const int rows = (int)(sizeof(examples) / sizeof(examples[0]));

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, example, 0, rows);
    tcase_add_loop_test(t, tampered, 0, rows);
    tcase_add_loop_test(t, other_length, 0, rows);
    tcase_add_loop_test(t, zeros, 0, rows);
    tcase_add_loop_test(t, other_algorithm, 0, rows);
    tcase_add_test(t, no_algorithm);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
