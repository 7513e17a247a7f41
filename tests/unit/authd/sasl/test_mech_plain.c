/* PLAIN (RFC 4616), and the table of mechanisms. */
#include "authd/sasl/mech.h"

#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(s) (s), sizeof(s) - 1

static const struct {
    const char *p;
    size_t n;
    enum mech_step step;
    const char *authzid, *authcid, *password;
} rows[] = {
    /* RFC 4616 section 4, both examples */
    {BYTES("\0tim\0tanstaaftanstaaf"), MECH_CHECK, "", "tim", "tanstaaftanstaaf"},
    {BYTES("Ursel\0Kurt\0xipj3plmq"), MECH_CHECK, "Ursel", "Kurt", "xipj3plmq"},
    {BYTES("\0\xc3\xbcser\0gr\xc3\xbc\xc3\x9f"
           "e"),
     MECH_CHECK, "", "\xc3\xbcser",
     "gr\xc3\xbc\xc3\x9f"
     "e"},
    {BYTES("\0bob@example.org\0 pw "), MECH_CHECK, "", "bob@example.org", " pw "},
    /* Latin-1 from an old client: only the hash decides. */
    {BYTES("\0bob\0gr\xfc\xdf"), MECH_CHECK, "", "bob", "gr\xfc\xdf"},

    {BYTES(""), MECH_FAIL, NULL, NULL, NULL},
    {BYTES("tim"), MECH_FAIL, NULL, NULL, NULL},
    {BYTES("\0"), MECH_FAIL, NULL, NULL, NULL},
    {BYTES("\0tim"), MECH_FAIL, NULL, NULL, NULL},
    {BYTES("\0\0"), MECH_FAIL, NULL, NULL, NULL},
    {BYTES("\0\0pw"), MECH_FAIL, NULL, NULL, NULL},
    {BYTES("\0tim\0"), MECH_FAIL, NULL, NULL, NULL},
    {BYTES("\0tim\0pw\0"), MECH_FAIL, NULL, NULL, NULL},
    {BYTES("a\0tim\0pw\0more"), MECH_FAIL, NULL, NULL, NULL},
    {BYTES("\0t\xfcm\0pw"), MECH_FAIL, NULL, NULL, NULL},
    {BYTES("\xff\0tim\0pw"), MECH_FAIL, NULL, NULL, NULL},
};

START_TEST(initial_response)
{
    struct mech_exchange x;
    struct err e = {""};

    mech_exchange_init(&x, mech_find(SPAN_LIT("PLAIN")));
    enum mech_step step = mech_exchange_step(&x, span_make(rows[_i].p, rows[_i].n), &e);

    ck_assert_int_eq(step, rows[_i].step);
    if (step == MECH_CHECK) {
        ck_assert_span_eq(buf_span(&x.authzid), rows[_i].authzid);
        ck_assert_span_eq(buf_span(&x.authcid), rows[_i].authcid);
        ck_assert_span_eq(buf_span(&x.password), rows[_i].password);
    } else {
        ck_assert_str_ne(e.text, "");
    }
    mech_exchange_fini(&x);
}
END_TEST

START_TEST(asked_once)
{
    const struct span nothing = {0};
    struct mech_exchange x;
    struct err e;

    mech_exchange_init(&x, mech_find(SPAN_LIT("plain")));
    ck_assert_int_eq(mech_exchange_step(&x, nothing, &e), MECH_CONTINUE);
    ck_assert_span_eq(x.challenge, "");
    ck_assert_int_eq(mech_exchange_step(&x, SPAN_LIT("\0tim\0tanstaaftanstaaf"), &e), MECH_CHECK);
    ck_assert_span_eq(buf_span(&x.authcid), "tim");
    mech_exchange_fini(&x);

    mech_exchange_init(&x, mech_find(SPAN_LIT("PLAIN")));
    ck_assert_int_eq(mech_exchange_step(&x, nothing, &e), MECH_CONTINUE);
    ck_assert_int_eq(mech_exchange_step(&x, nothing, &e), MECH_FAIL);
    mech_exchange_fini(&x);
}
END_TEST

static const struct {
    size_t authzid, authcid, password;
    enum mech_step step;
} sizes[] = {
    {MECH_MAX_NAME_BYTES, MECH_MAX_NAME_BYTES, 511, MECH_CHECK},
    {0, 1, MECH_MAX_RESPONSE_BYTES - 3, MECH_CHECK},
    {0, 1, MECH_MAX_RESPONSE_BYTES - 2, MECH_FAIL},
    {MECH_MAX_NAME_BYTES + 1, 1, 1, MECH_FAIL},
    {0, MECH_MAX_NAME_BYTES + 1, 1, MECH_FAIL},
};

START_TEST(ceilings)
{
    size_t n = sizes[_i].authzid + sizes[_i].authcid + sizes[_i].password + 2;
    char *message = malloc(n);
    struct mech_exchange x;
    struct err e;

    ck_assert_ptr_nonnull(message);
    memset(message, 'a', n);
    message[sizes[_i].authzid] = '\0';
    message[sizes[_i].authzid + 1 + sizes[_i].authcid] = '\0';
    mech_exchange_init(&x, mech_find(SPAN_LIT("PLAIN")));
    ck_assert_int_eq(mech_exchange_step(&x, span_make(message, n), &e), sizes[_i].step);
    mech_exchange_fini(&x);
    ck_assert_ptr_null(x.password.p);
    free(message);
}
END_TEST

START_TEST(table)
{
    const struct mech *const *all = mech_all();

    /* What a password or a token goes through in clear says so: require-tls and Postfix look at
     * these flags.
     */
    ck_assert_str_eq(all[0]->name, "PLAIN");
    ck_assert_str_eq(all[1]->name, "LOGIN");
    for (size_t i = 2; all[i] != NULL; i++)
        ck_assert_int_eq(strstr(all[i]->flags, "plaintext") != NULL,
                         all[i]->needs == MECH_KEYS_TOKEN);
    ck_assert_ptr_eq(mech_find(SPAN_LIT("scram-sha-256")), all[3]);
    ck_assert_str_eq(all[0]->flags, "plaintext");
    ck_assert_str_eq(all[1]->flags, "plaintext");
    ck_assert_ptr_eq(mech_find(SPAN_LIT("pLaIn")), all[0]);
    ck_assert_ptr_eq(mech_find(SPAN_LIT("LOGIN")), all[1]);
    ck_assert_ptr_null(mech_find(SPAN_LIT("PLAI")));
    ck_assert_ptr_null(mech_find(SPAN_LIT("PLAIN\0")));
    ck_assert_ptr_null(mech_find(SPAN_EMPTY));
    ck_assert_ptr_null(mech_find(SPAN_LIT("DIGEST-MD5")));
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("mech_plain");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, initial_response, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(c, asked_once);
    tcase_add_loop_test(c, ceilings, 0, sizeof(sizes) / sizeof(sizes[0]));
    tcase_add_test(c, table);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
