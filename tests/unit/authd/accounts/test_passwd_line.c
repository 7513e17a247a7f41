/* Lines of a passwd-file: what they say of an account, and what is refused. */
#include "authd/accounts/passwd_line.h"

#include "tests/support/unit.h"

#include <string.h>

static struct arena mem;
static struct err e;

static void
set_up(void)
{
    arena_init(&mem, 65536);
}

static void
tear_down(void)
{
    arena_fini(&mem);
}

static const struct good {
    const char *line, *address, *password, *home;
    int64_t uid, gid;
    bool enabled;
} good[] = {
    {"Bob@Example.org:{SHA512-CRYPT}$6$x:1000:1001:Bob:/home/bob:/bin/sh:", "bob@example.org",
     "{SHA512-CRYPT}$6$x", "/home/bob", 1000, 1001, true},
    {"a@b.example:$6$x", "a@b.example", "{CRYPT}$6$x", "", -1, -1, true},
    {"a@b.example:", "a@b.example", "", "", -1, -1, true},
    {"a@b.example:!$6$x", "a@b.example", "", "", -1, -1, true},
    {"a@b.example:*", "a@b.example", "", "", -1, -1, true},
    {"a@b.example:x::::::userdb_mail=maildir:~/m  userdb_uid=7 userdb_gid=8 userdb_home=/h:1\r",
     "a@b.example", "{CRYPT}x", "/h:1", 7, 8, true},
    {"a@b.example:x:5:6::/old::userdb_home=/new nologin=y", "a@b.example", "{CRYPT}x", "/new", 5, 6,
     false},
    {"a@b.example:x:4294967293:1::/h::nologin", "a@b.example", "{CRYPT}x", "/h", 4294967293, 1,
     false},
};

START_TEST(line_is_an_account)
{
    const struct good *g = &good[_i];
    struct account_row row;

    ck_assert_msg(passwd_line_parse(span_cstr(g->line), &mem, &row, &e) == OR_OK, "%s: %s", g->line,
                  e.text);
    ck_assert_span_eq(row.address.whole, g->address);
    ck_assert_span_eq(row.password, g->password);
    ck_assert_span_eq(row.home, g->home);
    ck_assert_int_eq(row.uid, g->uid);
    ck_assert_int_eq(row.gid, g->gid);
    ck_assert_int_eq(row.enabled, g->enabled);
}
END_TEST

static const struct bad {
    struct span line;
    or_status status;
} bad[] = {
    {SPAN_INIT(""), OR_ABSENT},
    {SPAN_INIT(" \t\r"), OR_ABSENT},
    {SPAN_INIT("# a@b.example:x"), OR_ABSENT},
    {SPAN_INIT("a@b.example"), OR_MALFORMED},
    {SPAN_INIT("bob:x"), OR_MALFORMED},
    {SPAN_INIT(":x"), OR_MALFORMED},
    {SPAN_INIT("../x@b.example:x"), OR_MALFORMED},
    {SPAN_INIT("a@b.example\0:x"), OR_MALFORMED},
    {SPAN_INIT("a@b.example:x\ty"), OR_MALFORMED},
    {SPAN_INIT("a@b.example:x:0"), OR_MALFORMED}, /* root's mailbox */
    {SPAN_INIT("a@b.example:x:1:0"), OR_MALFORMED},
    {SPAN_INIT("a@b.example:x:-1"), OR_MALFORMED},
    {SPAN_INIT("a@b.example:x:4294967294"), OR_MALFORMED},
    {SPAN_INIT("a@b.example:x:vmail"), OR_MALFORMED},
    {SPAN_INIT("a@b.example:x:1:1::home"), OR_MALFORMED},
    {SPAN_INIT("a@b.example:x::::::userdb_uid=0"), OR_MALFORMED},
    {SPAN_INIT("a@b.example:x::::::userdb_home=h"), OR_MALFORMED},
};

START_TEST(line_is_refused)
{
    struct account_row row = {.uid = 77};

    ck_assert_msg(passwd_line_parse(bad[_i].line, &mem, &row, &e) == bad[_i].status, "%.*s",
                  SPAN_ARG(bad[_i].line));
    ck_assert_int_eq(row.uid, 77); /* written only on success */
}
END_TEST

START_TEST(hash_is_not_in_the_error)
{
    struct account_row row;

    ck_assert_int_eq(
        passwd_line_parse(SPAN_LIT("a@b.example:{PLAIN}secret:secret"), &mem, &row, &e),
        OR_MALFORMED);
    ck_assert_ptr_null(strstr(e.text, "secret"));
}
END_TEST

START_TEST(length_has_a_ceiling)
{
    static char line[PASSWD_LINE_MAX_BYTES + 1] = "a@b.example:";
    struct account_row row;

    memset(line + 12, 'x', sizeof(line) - 12);
    ck_assert_int_eq(passwd_line_parse(span_make(line, sizeof(line)), &mem, &row, &e), OR_LIMIT);
    ck_assert_int_eq(passwd_line_parse(span_make(line, sizeof(line) - 1), &mem, &row, &e), OR_OK);
    ck_assert_uint_eq(row.password.n, PASSWD_LINE_MAX_BYTES - 12 + 7); /* and "{CRYPT}" */
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("passwd_line");
    TCase *tc = tcase_create("passwd_line");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, line_is_an_account, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tc, line_is_refused, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tc, hash_is_not_in_the_error);
    tcase_add_test(tc, length_has_a_ceiling);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
