/* OAUTHBEARER (RFC 7628) and XOAUTH2: what is said, and what is answered. */
#include "authd/sasl/mech.h"

#include "tests/support/unit.h"

#include <string.h>

#define TOKEN "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="

static const struct {
    const char *mech;
    struct span message;
    enum mech_step step;
    const char *authzid, *token;
} rows[] = {
    /* RFC 7628 3.1 and 4.1 */
    {"OAUTHBEARER",
     SPAN_INIT("n,a=user@example.com,\1host=server.example.com\1port=143\1auth=Bearer " TOKEN
               "\1\1"),
     MECH_NEED_KEYS, "user@example.com", TOKEN},
    {"OAUTHBEARER", SPAN_INIT("n,,\1auth=Bearer " TOKEN "\1\1"), MECH_NEED_KEYS, "", TOKEN},
    {"OAUTHBEARER", SPAN_INIT("y,,\1auth=bearer " TOKEN "\1\1"), MECH_NEED_KEYS, "", TOKEN},
    {"OAUTHBEARER", SPAN_INIT("n,a=a=2Cb=3Dc,\1auth=Bearer x\1\1"), MECH_NEED_KEYS, "a,b=c", "x"},
    /* 4.3: asks where tokens come from */
    {"OAUTHBEARER", SPAN_INIT("n,a=user@example.com,\1host=h\1port=1\1auth=\1\1"), MECH_NEED_KEYS,
     "user@example.com", ""},
    {"OAUTHBEARER", SPAN_INIT("n,,\1\1"), MECH_NEED_KEYS, "", ""},
    {"OAUTHBEARER", SPAN_INIT("p=tls-exporter,,\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,b=x,\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,a=,\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,a=x=,\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,a=x=2c,\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,a=x\0y,\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,a=x,z\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,a=x\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,,auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,,\1auth=Bearer x\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,,\1auth=Bearer x"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,,\1auth\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,,\1=x\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,,\1auth=Basic eDp5\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,,\1auth=Bearer\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,,\1auth=Bearer a b\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,,\1auth=Bearer a&token=b\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT("n,,\1auth=Bearer x\1auth=Bearer y\1\1"), MECH_FAIL, NULL, NULL},
    {"OAUTHBEARER", SPAN_INIT(""), MECH_FAIL, NULL, NULL},
    /* Google's example */
    {"XOAUTH2", SPAN_INIT("user=someuser@example.com\1auth=Bearer ya29." TOKEN "\1\1"),
     MECH_NEED_KEYS, "someuser@example.com", "ya29." TOKEN},
    {"XOAUTH2", SPAN_INIT("user=a@b\1\1"), MECH_NEED_KEYS, "a@b", ""},
    {"XOAUTH2", SPAN_INIT("auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"XOAUTH2", SPAN_INIT("user=\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"XOAUTH2", SPAN_INIT("user=a@b\1user=c@d\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"XOAUTH2", SPAN_INIT("user=\xff\1auth=Bearer x\1\1"), MECH_FAIL, NULL, NULL},
    {"XOAUTH2", SPAN_INIT("\1"), MECH_FAIL, NULL, NULL},
};

START_TEST(message)
{
    struct mech_exchange x;
    struct err e = {""};

    mech_exchange_init(&x, mech_find(span_cstr(rows[_i].mech)));
    enum mech_step step = mech_exchange_step(&x, rows[_i].message, &e);
    ck_assert_msg(step == rows[_i].step, "row %d: %s", _i, e.text);
    if (step == MECH_NEED_KEYS) {
        ck_assert_span_eq(buf_span(&x.authzid), rows[_i].authzid);
        ck_assert_span_eq(buf_span(&x.password), rows[_i].token);
    }
    mech_exchange_fini(&x);
}
END_TEST

static const struct {
    const char *mech, *message, *user, *authzid;
} good[] = {
    {"OAUTHBEARER", "n,,\1auth=Bearer x\1\1", "alice@home.test", "alice@home.test"},
    {"OAUTHBEARER", "n,a=bob@home.test,\1auth=Bearer x\1\1", "alice@home.test", "bob@home.test"},
    {"XOAUTH2", "user=alice@home.test\1auth=Bearer x\1\1", "alice@home.test", "alice@home.test"},
    /* never taken apart: there is an authorization identity in any case */
    {"OAUTHBEARER", "n,,\1auth=Bearer x\1\1", "bob@home.test*admin", "bob@home.test*admin"},
};

/* First asked for, as without SASL-IR. Who it is says the token. */
START_TEST(good_token)
{
    struct mech_exchange x;
    struct err e = {""};
    const struct mech_keys keys = {.token = {.user = span_cstr(good[_i].user)}};

    mech_exchange_init(&x, mech_find(span_cstr(good[_i].mech)));
    ck_assert_int_eq(mech_exchange_step(&x, (struct span){NULL, 0}, &e), MECH_CONTINUE);
    ck_assert_uint_eq(x.challenge.n, 0);
    ck_assert_int_eq(mech_exchange_step(&x, span_cstr(good[_i].message), &e), MECH_NEED_KEYS);
    ck_assert_int_eq(mech_exchange_keys(&x, &keys, &e), MECH_CHECK);
    ck_assert_int_eq(x.proof, MECH_PROOF_RIGHT);
    ck_assert_span_eq(buf_span(&x.authcid), good[_i].user);
    ck_assert_span_eq(buf_span(&x.authzid), good[_i].authzid);
    ck_assert_ptr_null(x.challenge.p);
    mech_exchange_fini(&x);
}
END_TEST

static const struct {
    const char *mech, *message, *dummy, *failure, *authcid;
} wrong[] = {
    /* RFC 7628 4.2 and 4.3 */
    {"OAUTHBEARER", "n,a=user@example.com,\1auth=Bearer x\1\1", "\1",
     "{\"status\":\"invalid_token\",\"scope\":\"mail\",\"openid-configuration\":\"https://idp.test/"
     "c\"}",
     "user@example.com"},
    {"OAUTHBEARER", "n,,\1auth=\1\1", "\1",
     "{\"status\":\"invalid_token\",\"scope\":\"mail\",\"openid-configuration\":\"https://idp.test/"
     "c\"}",
     ""},
    {"XOAUTH2", "user=a@b\1auth=Bearer x\1\1", "",
     "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\",\"openid-configuration\":"
     "\"https://idp.test/c\"}",
     "a@b"},
};

/* Whatever the client says to it, it ends as a wrong password does. */
START_TEST(wrong_token)
{
    struct mech_exchange x;
    struct err e = {""};
    const struct mech_keys keys = {
        .token = {.scope = SPAN_LIT("mail"), .discovery = SPAN_LIT("https://idp.test/c")}};

    mech_exchange_init(&x, mech_find(span_cstr(wrong[_i].mech)));
    ck_assert_int_eq(mech_exchange_step(&x, span_cstr(wrong[_i].message), &e), MECH_NEED_KEYS);
    ck_assert_int_eq(mech_exchange_keys(&x, &keys, &e), MECH_CONTINUE);
    ck_assert_span_eq(x.challenge, wrong[_i].failure);
    ck_assert_int_eq(x.proof, MECH_PROOF_NONE);
    ck_assert_int_eq(mech_exchange_step(&x, span_cstr(wrong[_i].dummy), &e), MECH_CHECK);
    ck_assert_int_eq(x.proof, MECH_PROOF_WRONG);
    ck_assert_span_eq(buf_span(&x.authcid), wrong[_i].authcid);
    mech_exchange_fini(&x);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

static Suite *
suite(void)
{
    Suite *s = suite_create("mech_oauth");
    TCase *t = tcase_create("exchanges");

    tcase_add_loop_test(t, message, 0, ROWS(rows));
    tcase_add_loop_test(t, good_token, 0, ROWS(good));
    tcase_add_loop_test(t, wrong_token, 0, ROWS(wrong));
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
