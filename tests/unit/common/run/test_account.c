/* The userdb client against a scripted server, and the reply line by itself. */
#include "common/run/account.h"

#include "tests/support/fake_userdb.h"
#include "tests/support/unit.h"

#include <string.h>

static struct arena mem;

static void
setup(void)
{
    arena_init(&mem, 65536);
}

static void
teardown(void)
{
    arena_fini(&mem);
}

static const struct reply_row {
    const char *why;
    const char *line;
    or_status st;
    const char *name, *home, *mail;
} reply_rows[] = {
    {"protocols.md 4.2", "USER\t7\tbob@example.com\tuid=5000\tgid=5001\thome=/srv/mail/bob", OR_OK,
     "bob@example.com", "/srv/mail/bob", ""},
    {"2.3 mail location", "USER\t7\tbob\tuid=5000\tgid=5001\tmail=maildir:~/Maildir\thome=/h",
     OR_OK, "bob", "/h", "maildir:~/Maildir"},
    {"2.4 mail path", "USER\t7\tbob\tmail_driver=maildir\tmail_path=~/M\tuid=5000\tgid=5001", OR_OK,
     "bob", "", "~/M"},
    {"2.4, not a Maildir", "USER\t7\tbob\tmail_driver=sdbox\tmail_path=~/s\tuid=5000\tgid=5001",
     OR_OK, "bob", "", "sdbox:~/s"},
    {"escaped TAB in home", "USER\t7\tbob\tuid=5000\tgid=5001\thome=/a\001tb", OR_OK, "bob",
     "/a\tb", ""},
    {"unknown keys", "USER\t7\tbob\tuid=5000\tgid=5001\tquota_rule=*:storage=1M\tanonymous", OR_OK,
     "bob", "", ""},
    {"proxy without a host", "USER\t7\tbob\tproxy\tuid=1\tgid=1", OR_TEMPFAIL, NULL, NULL, NULL},
    {"proxy to a name", "USER\t7\tbob\tproxy\thost=mail.example.org", OR_TEMPFAIL, NULL, NULL,
     NULL},
    {"no port", "USER\t7\tbob\tproxy\thost=192.0.2.1\tport=0", OR_TEMPFAIL, NULL, NULL, NULL},
    {"proxy_maybe", "USER\t7\tbob\tproxy_maybe\thost=192.0.2.1\tuid=1\tgid=1", OR_TEMPFAIL, NULL,
     NULL, NULL},
    {"no such user", "NOTFOUND\t7", OR_ABSENT, NULL, NULL, NULL},
    {"temporary", "FAIL\t7\treason=backend down", OR_TEMPFAIL, NULL, NULL, NULL},
    {"temporary, no reason", "FAIL\t7", OR_TEMPFAIL, NULL, NULL, NULL},
    {"no uid", "USER\t7\tbob\tgid=5001\thome=/h", OR_TEMPFAIL, NULL, NULL, NULL},
    {"no gid", "USER\t7\tbob\tuid=5001\thome=/h", OR_TEMPFAIL, NULL, NULL, NULL},
    {"uid -1 is 'no change' to setfsuid", "USER\t7\tbob\tuid=4294967295\tgid=1", OR_MALFORMED, NULL,
     NULL, NULL},
    {"uid not a number", "USER\t7\tbob\tuid=+5\tgid=1", OR_MALFORMED, NULL, NULL, NULL},
    {"chroot", "USER\t7\tbob\tuid=5000\tgid=5001\tchroot=/jail\thome=/h", OR_TEMPFAIL, NULL, NULL,
     NULL},
    {"another question's id", "USER\t8\tbob\tuid=5000\tgid=5001", OR_MALFORMED, NULL, NULL, NULL},
    {"no name", "USER\t7", OR_MALFORMED, NULL, NULL, NULL},
    {"empty name", "USER\t7\t\tuid=1\tgid=1", OR_MALFORMED, NULL, NULL, NULL},
    {"empty line", "", OR_MALFORMED, NULL, NULL, NULL},
    {"unknown verb", "PASS\t7\tuser=bob", OR_MALFORMED, NULL, NULL, NULL},
    {"broken escape", "USER\t7\tbob\001x\tuid=1\tgid=1", OR_MALFORMED, NULL, NULL, NULL},
};

/* quota fields of 2.3 and 2.4 */
START_TEST(quota_rules)
{
    static const char *const expected[] = {"*:storage=5G", "Trash:storage=+10%", "*:bytes=12M",
                                           "*:bytes=1000", "*:messages=7"};
    struct account a = {.quota_rule_count = 0};

    ck_assert_int_eq(
        account_parse_reply(
            SPAN_LIT("USER\t7\tbob\tuid=1\tgid=1\tquota_rule=*:storage=5G\tquota=maildir\t"
                     "quota_rule2=Trash:storage=+10%\tquota/User quota/quota_storage_size=12M\t"
                     "quota_storage_size=1000\tquota_message_count=7\tquota_rulex=no\t"
                     "quota_rule\tquota_rule999=no"),
            7, &mem, &a, NULL),
        OR_OK);
    ck_assert_uint_eq(a.quota_rule_count, 5);
    for (size_t i = 0; i < a.quota_rule_count; i++)
        ck_assert_span_eq(a.quota_rules[i], expected[i]);
}
END_TEST

START_TEST(reply_line)
{
    const struct reply_row *row = &reply_rows[_i];
    struct account a;
    struct err e = {0};

    ck_assert_msg(account_parse_reply(span_cstr(row->line), 7, &mem, &a, &e) == row->st, "%s: %s",
                  row->why, e.text);
    if (row->st != OR_OK)
        return;
    ck_assert_span_eq(a.name, row->name);
    ck_assert_span_eq(a.home, row->home);
    ck_assert_span_eq(a.mail, row->mail);
    ck_assert_uint_eq(a.gid, 5001);
    ck_assert_uint_eq(a.uid, 5000);
}
END_TEST

static const struct fake_userdb_row users[] = {
    {"bob@example.com", "USER", "bob@example.com\tuid=5000\tgid=5000\thome=/srv/bob"},
    {"slow@example.com", "", NULL},
    {"down@example.com", "FAIL", "reason=backend down"},
    {"gone@example.com", NULL, NULL},
    {"alien@example.com", "HELLO", NULL},
    {NULL, "NOTFOUND", NULL},
};

static or_status
look_up(struct account_client *c, const char *user, struct account *a, struct err *e)
{
    return account_lookup(c, span_cstr(user), &mem, a, e);
}

START_TEST(one_connection_serves_many_questions)
{
    struct fake_userdb *f = fake_userdb_start(users, NULL);
    struct account_client *c = account_client_new(fake_userdb_address(f), 5000);
    struct account a;
    struct err e;

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(look_up(c, "bob@example.com", &a, &e), OR_OK);
        ck_assert_span_eq(a.home, "/srv/bob");
        ck_assert_int_eq(look_up(c, "nobody@example.com", &a, &e), OR_ABSENT);
        ck_assert_int_eq(look_up(c, "down@example.com", &a, &e), OR_TEMPFAIL);
        ck_assert_ptr_nonnull(strstr(e.text, "backend down"));
    }
    ck_assert_uint_eq(fake_userdb_connections(f), 1);
    account_client_free(c);
    fake_userdb_stop(f);
}
END_TEST

START_TEST(kept_connection_that_died_is_made_again)
{
    struct fake_userdb *f = fake_userdb_start(users, NULL);
    struct account_client *c = account_client_new(fake_userdb_address(f), 5000);
    struct account a;
    struct err e;

    ck_assert_int_eq(look_up(c, "bob@example.com", &a, &e), OR_OK);
    /* Hangs up on both tries, on the kept connection and on the new one. */
    ck_assert_int_eq(look_up(c, "gone@example.com", &a, &e), OR_TEMPFAIL);
    ck_assert_uint_eq(fake_userdb_connections(f), 2);
    ck_assert_int_eq(look_up(c, "bob@example.com", &a, &e), OR_OK);
    account_client_free(c);
    fake_userdb_stop(f);
}
END_TEST

START_TEST(no_answer_is_a_temporary_failure)
{
    struct fake_userdb *f = fake_userdb_start(users, NULL);
    struct account_client *c = account_client_new(fake_userdb_address(f), 200);
    struct account a;
    struct err e;

    ck_assert_int_eq(look_up(c, "slow@example.com", &a, &e), OR_TEMPFAIL);
    /* Its late answer could not be mistaken for this one's: the connection is new. */
    ck_assert_int_eq(look_up(c, "bob@example.com", &a, &e), OR_OK);
    ck_assert_uint_eq(fake_userdb_connections(f), 2);
    ck_assert_int_eq(look_up(c, "alien@example.com", &a, &e), OR_TEMPFAIL);
    account_client_free(c);
    fake_userdb_stop(f);
}
END_TEST

START_TEST(server_that_is_not_there)
{
    struct account_client *c = account_client_new("unix:/nonexistent/userdb", 200);
    struct account a;
    struct err e;

    ck_assert_int_eq(look_up(c, "bob@example.com", &a, &e), OR_TEMPFAIL);
    ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/userdb"));
    account_client_free(c);
}
END_TEST

static const struct {
    const char *why, *handshake;
} bad_handshakes[] = {
    {"Dovecot's login socket", "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nDONE\n"},
    {"auth-client of 2.4", "VERSION\t1\t3\nCUID\t1\nSPID\t1\n"},
    {"another major version", "VERSION\t2\t0\nSPID\t1\n"},
    {"never ends",
     "A\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA\nA"
     "\nA\nA\nA\nA\nA\nSPID\t1\n"},
};

START_TEST(handshake_of_something_else)
{
    struct fake_userdb *f = fake_userdb_start(users, bad_handshakes[_i].handshake);
    struct account_client *c = account_client_new(fake_userdb_address(f), 2000);
    struct account a;
    struct err e;

    ck_assert_msg(look_up(c, "bob@example.com", &a, &e) == OR_TEMPFAIL, "%s",
                  bad_handshakes[_i].why);
    account_client_free(c);
    fake_userdb_stop(f);
}
END_TEST

/* Dovecot would read what follows a LF as a command of its own. */
static const struct span unaskable[] = {
    {"", 0}, {"a\tb", 3}, {"a\nb", 3}, {"a\rb", 3}, {"a\0b", 3},
};

START_TEST(names_that_are_never_sent)
{
    struct account_client *c = account_client_new("unix:/nonexistent/userdb", 200);
    struct account a;
    struct err e;

    ck_assert_int_eq(account_lookup(c, unaskable[_i], &mem, &a, &e), OR_MALFORMED);
    account_client_free(c);
}
END_TEST

START_TEST(name_longer_than_dovecot_reads)
{
    struct account_client *c = account_client_new("unix:/nonexistent/userdb", 200);
    char name[1000];
    struct account a;
    struct err e;

    memset(name, 'a', sizeof(name));
    ck_assert_int_eq(account_lookup(c, span_make(name, sizeof(name)), &mem, &a, &e), OR_MALFORMED);
    account_client_free(c);
}
END_TEST

static const struct {
    const char *line, *proxy;
} proxies[] = {
    {"USER\t7\tbob\tproxy\thost=192.0.2.1", "inet:192.0.2.1:24"},
    {"USER\t7\tbob\tproxy=y\thost=2001:db8::1\tport=2424", "inet:[2001:db8::1]:2424"},
    {"USER\t7\tbob\tuid=1\tgid=1\thost=192.0.2.1", ""},
};

START_TEST(where_the_mailbox_is)
{
    struct account a;
    struct err e;

    ck_assert_int_eq(account_parse_reply(span_cstr(proxies[_i].line), 7, &mem, &a, &e), OR_OK);
    ck_assert_span_eq(a.proxy, proxies[_i].proxy);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("account");
    TCase *t = tcase_create("userdb");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, reply_line, 0, sizeof(reply_rows) / sizeof(reply_rows[0]));
    tcase_add_test(t, quota_rules);
    tcase_add_test(t, one_connection_serves_many_questions);
    tcase_add_loop_test(t, where_the_mailbox_is, 0, sizeof(proxies) / sizeof(proxies[0]));
    tcase_add_test(t, kept_connection_that_died_is_made_again);
    tcase_add_test(t, no_answer_is_a_temporary_failure);
    tcase_add_test(t, server_that_is_not_there);
    tcase_add_loop_test(t, handshake_of_something_else, 0,
                        sizeof(bad_handshakes) / sizeof(bad_handshakes[0]));
    tcase_add_loop_test(t, names_that_are_never_sent, 0, sizeof(unaskable) / sizeof(unaskable[0]));
    tcase_add_test(t, name_longer_than_dovecot_reads);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
