/* Mail locations as userdbs give them. */
#include "lmtp/maildir/maildir_location.h"

#include "tests/support/unit.h"

static const struct {
    const char *mail, *home;
    or_status st;
    const char *path;
} rows[] = {
    {"", "/srv/mail/bob", OR_OK, "/srv/mail/bob/Maildir"},
    {"maildir:", "/srv/mail/bob", OR_OK, "/srv/mail/bob/Maildir"},
    {"maildir:~/Maildir", "/home/bob", OR_OK, "/home/bob/Maildir"},
    {"maildir:~", "/home/bob", OR_OK, "/home/bob/"},
    {"~/Mail", "/home/bob", OR_OK, "/home/bob/Mail"},
    {"maildir:/var/mail/bob", "", OR_OK, "/var/mail/bob"},
    {"/var/mail/bob", "", OR_OK, "/var/mail/bob"},
    {"maildir:~/M:INDEX=/var/i:LAYOUT=maildir++", "/h", OR_OK, "/h/M"},
    {"maildir:~/M:LAYOUT=fs", "/h", OR_CONFIG, NULL},
    {"maildir:~/M:INBOX=/var/mail/in", "/h", OR_CONFIG, NULL},
    {"", "", OR_CONFIG, NULL},
    {"~/Maildir", "relative/home", OR_CONFIG, NULL},
    {"maildir:/var/mail/%u", "/h", OR_CONFIG, NULL},
    {"mbox:~/mail", "/h", OR_CONFIG, NULL},
    {"sdbox:~/sdbox", "/h", OR_CONFIG, NULL},
    {"relative", "/h", OR_CONFIG, NULL},
    {"~other/Maildir", "/h", OR_CONFIG, NULL},
};

START_TEST(location)
{
    struct arena mem;
    const char *path = NULL;
    struct err e = {0};

    arena_init(&mem, 16384);
    ck_assert_msg(maildir_location(span_cstr(rows[_i].mail), span_cstr(rows[_i].home), &mem, &path,
                                   &e) == rows[_i].st,
                  "\"%s\": %s", rows[_i].mail, e.text);
    if (rows[_i].st == OR_OK)
        ck_assert_str_eq(path, rows[_i].path);
    arena_fini(&mem);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("maildir_location");
    TCase *t = tcase_create("locations");

    tcase_add_loop_test(t, location, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
