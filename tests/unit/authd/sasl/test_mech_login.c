/* LOGIN: every way through its dialogue. */
#include "authd/sasl/mech.h"

#include "tests/support/unit.h"

#define NOTHING                                                                                    \
    {                                                                                              \
        0                                                                                          \
    }

static const struct {
    const char *name;
    struct span says[3]; /* NOTHING first: no initial response */
    enum mech_step ends[3];
    size_t count;
} rows[] = {
    {"asked for both",
     {NOTHING, SPAN_INIT("bob@example.org"), SPAN_INIT("s3cret")},
     {MECH_CONTINUE, MECH_CONTINUE, MECH_CHECK},
     3},
    {"user name as initial response",
     {SPAN_INIT("bob@example.org"), SPAN_INIT("s3cret")},
     {MECH_CONTINUE, MECH_CHECK},
     2},
    {"empty initial response", {SPAN_INIT("")}, {MECH_FAIL}, 1},
    {"empty user name", {NOTHING, SPAN_INIT("")}, {MECH_CONTINUE, MECH_FAIL}, 2},
    {"no user name", {NOTHING, NOTHING}, {MECH_CONTINUE, MECH_FAIL}, 2},
    {"empty password",
     {NOTHING, SPAN_INIT("bob@example.org"), SPAN_INIT("")},
     {MECH_CONTINUE, MECH_CONTINUE, MECH_FAIL},
     3},
    {"NUL in the name", {NOTHING, SPAN_INIT("bob\0x")}, {MECH_CONTINUE, MECH_FAIL}, 2},
    {"Latin-1 in the name", {NOTHING, SPAN_INIT("b\xf6")}, {MECH_CONTINUE, MECH_FAIL}, 2},
    {"NUL in the password",
     {SPAN_INIT("bob@example.org"), SPAN_INIT("s3cret\0x")},
     {MECH_CONTINUE, MECH_FAIL},
     2},
};

START_TEST(dialogue)
{
    static const char *const challenges[] = {"Username:", "Password:"};
    struct mech_exchange x;
    struct err e = {""};
    size_t asked = rows[_i].says[0].p == NULL ? 0 : 1;

    mech_exchange_init(&x, mech_find(SPAN_LIT("LOGIN")));
    for (size_t i = 0; i < rows[_i].count; i++) {
        enum mech_step step = mech_exchange_step(&x, rows[_i].says[i], &e);

        ck_assert_msg(step == rows[_i].ends[i], "%s, step %zu: %d", rows[_i].name, i, (int)step);
        if (step == MECH_CONTINUE) {
            ck_assert_uint_lt(asked, 2);
            ck_assert_span_eq(x.challenge, challenges[asked]);
            asked++;
        }
        if (step == MECH_FAIL)
            ck_assert_str_ne(e.text, "");
        if (step == MECH_CHECK) {
            ck_assert_span_eq(buf_span(&x.authcid), "bob@example.org");
            ck_assert_span_eq(buf_span(&x.password), "s3cret");
            ck_assert_uint_eq(x.authzid.n, 0);
        }
    }
    mech_exchange_fini(&x);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("mech_login");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, dialogue, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
