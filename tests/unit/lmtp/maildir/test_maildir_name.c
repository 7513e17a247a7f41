/* Names of Maildir files. */
#include "lmtp/maildir/maildir_name.h"

#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *host, *name, *sized;
} rows[] = {
    {"mx1.example.org", "1795386070.M238328P20299Q17.mx1.example.org",
     "1795386070.M238328P20299Q17.mx1.example.org,S=182,W=192"},
    /* The Maildir specification: '/' is \057, ':' is \072; ',' would begin the sizes. */
    {"a/b:c,d", "1795386070.M238328P20299Q17.a\\057b\\072c\\054d",
     "1795386070.M238328P20299Q17.a\\057b\\072c\\054d,S=182,W=192"},
    {"x y\n\xc3", "1795386070.M238328P20299Q17.x\\040y\\012\\303",
     "1795386070.M238328P20299Q17.x\\040y\\012\\303,S=182,W=192"},
    {"", "1795386070.M238328P20299Q17.", "1795386070.M238328P20299Q17.,S=182,W=192"},
};

START_TEST(formats)
{
    struct maildir_name name = {.when = {1795386070, 238328999},
                                .pid = 20299,
                                .sequence = 17,
                                .host = span_cstr(rows[_i].host)};
    char out[MAILDIR_NAME_BYTES];

    maildir_name_format(&name, out);
    ck_assert_str_eq(out, rows[_i].name);
    maildir_name_format_sizes(&name, 182, 192, out);
    ck_assert_str_eq(out, rows[_i].sized);
}
END_TEST

START_TEST(longest_name_keeps_its_sizes)
{
    char host[1000], out[MAILDIR_NAME_BYTES];

    memset(host, '/', sizeof(host));
    struct maildir_name name = {.when = {INT64_MAX, 999999999},
                                .pid = INT32_MAX,
                                .sequence = UINT64_MAX,
                                .host = span_make(host, sizeof(host))};
    maildir_name_format_sizes(&name, UINT64_MAX, UINT64_MAX, out);
    ck_assert_ptr_nonnull(strstr(out, "\\057,S=18446744073709551615,W=18446744073709551615"));
    ck_assert_uint_le(strlen(out), 255);
    name.flags = "DFRSTabcdefghijklmnopqrstuvwxyz";
    maildir_name_format_sizes(&name, UINT64_MAX, UINT64_MAX, out);
    ck_assert_ptr_nonnull(
        strstr(out, "\\057,S=18446744073709551615,W=18446744073709551615:2,DFRST"));
    ck_assert_str_eq(out + strlen(out) - 3, "xyz");
    ck_assert_uint_le(strlen(out), 255);
    ck_assert_str_eq(maildir_name_directory(out), "cur");
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("maildir_name");
    TCase *t = tcase_create("names");

    tcase_add_loop_test(t, formats, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(t, longest_name_keeps_its_sizes);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
