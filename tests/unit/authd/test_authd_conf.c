/* The table as a file sees it: defaults, values, mistakes that name the option. */
#include "authd/authd_conf.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWNER "mail-uid = 5000\nmail-gid = 5001\n"

static or_status
load(const char *text, struct authd_settings **settings, struct err *e)
{
    char path[] = "/tmp/outrider-authd-conf-XXXXXX";
    int fd = mkstemp(path);
    void *loaded = NULL;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    or_status st = conf_load(&authd_schema, path, &loaded, e);
    unlink(path);
    *settings = loaded;
    return st;
}

START_TEST(test_defaults_are_safe)
{
    struct authd_settings *s;
    struct err e = {""};

    ck_assert_msg(load(OWNER, &s, &e) == OR_OK, "%s", e.text);
    ck_assert_str_eq(s->database, "/var/lib/outrider/authd/accounts.sqlite");
    ck_assert_int_eq(s->mail_uid, 5000);
    ck_assert_int_eq(s->mail_gid, 5001);
    ck_assert_str_eq(s->mail_home, "/var/mail/outrider/%d/%n");
    ck_assert_str_eq(s->recipient_delimiter, "+");
    ck_assert_int_eq(s->failure_delay_ms, 2000);
    ck_assert_int_eq(s->hash_timeout_ms, 5000);
    ck_assert(s->require_tls);
    ck_assert_uint_eq(s->plaintext_networks.count, 2);
    ck_assert_str_eq(s->common.user, "outrider-authd");
    conf_free(&authd_schema, s);
}
END_TEST

static const struct {
    const char *service, *address, *group;
    mode_t mode;
} sockets[] = {
    {"sasl", "unix:/var/spool/postfix/outrider/sasl", "postfix", 0660},
    {"maps", "unix:/var/spool/postfix/outrider/maps", "postfix", 0660},
    {"dovecot-login", "unix:/run/outrider/dovecot-login", "dovenull", 0660},
    {"dovecot-master", "unix:/run/outrider/dovecot-master", "outrider-lmtpd", 0660},
};

START_TEST(test_sockets)
{
    struct authd_settings *s;
    struct err e = {""};

    ck_assert_msg(load(OWNER, &s, &e) == OR_OK, "%s", e.text);
    ck_assert_uint_eq(s->common.listener_count, sizeof(sockets) / sizeof(sockets[0]));
    for (size_t i = 0; i < s->common.listener_count; i++) {
        const struct conf_listener *listener = &s->common.listeners[i];

        ck_assert_str_eq(listener->service, sockets[i].service);
        ck_assert_str_eq(listener->addresses[0], sockets[i].address);
        ck_assert_str_eq(listener->group, sockets[i].group);
        ck_assert_uint_eq(listener->mode, sockets[i].mode);
    }
    conf_free(&authd_schema, s);
}
END_TEST

START_TEST(test_options_arrive_in_their_fields)
{
    struct authd_settings *s;
    struct err e = {""};

    ck_assert_msg(load(OWNER "database = \"/srv/a.sqlite\"\nmail-home = \"/srv/%u\"\n"
                             "recipient-delimiter = \"\"\nfailure-delay = 0s\n"
                             "hash-timeout = 500ms\nrequire-tls = yes\n",
                       &s, &e) == OR_OK,
                  "%s", e.text);
    ck_assert_str_eq(s->database, "/srv/a.sqlite");
    ck_assert_str_eq(s->mail_home, "/srv/%u");
    ck_assert_str_eq(s->recipient_delimiter, "");
    ck_assert_int_eq(s->failure_delay_ms, 0);
    ck_assert_int_eq(s->hash_timeout_ms, 500);
    ck_assert(s->require_tls);
    conf_free(&authd_schema, s);
}
END_TEST

START_TEST(test_mistakes_name_the_option)
{
    static const struct {
        const char *text;
        const char *named;
    } rows[] = {
        {"mail-gid = 5001\n", "mail-uid"},
        {"mail-uid = 5000\n", "mail-gid"},
        {"mail-uid = 0\nmail-gid = 5001\n", "mail-uid"}, /* nobody's mailbox is root's */
        {OWNER "mail-home = \"mail/%d/%n\"\n", "mail-home"},
        {OWNER "mail-home = \"/srv/mail/%n\"\n", "mail-home"}, /* one home for two domains */
        {OWNER "mail-home = \"/srv/%x/%u\"\n", "mail-home"},
        {OWNER "recipient-delimiter = \"+-\"\n", "recipient-delimiter"},
        {OWNER "failure-delay = 9s\n", "failure-delay"}, /* Postfix waits 10 s in all */
        {OWNER "hash-timeout = 9s\n", "hash-timeout"},
        {OWNER "require-tls = maybe\n", "require-tls"},
        {OWNER "mechanisms = {\"ANONYMOUS\"}\n", "anonymous-user"},
        {OWNER "anonymous-user = \"public\"\n", "anonymous-user"},
        {OWNER "anonymous-user = \"ann*root@home.test\"\n", "anonymous-user"},
        {OWNER "nonsense = 1\n", "nonsense"},
        {OWNER "listen control { address = {\"inet:127.0.0.1:9\"} }\n", "listen control"},
        {OWNER "listen nonsense { mode = \"0600\" }\n", "nonsense"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct authd_settings *s;
        struct err e = {""};

        ck_assert_msg(load(rows[i].text, &s, &e) == OR_CONFIG, "%s", rows[i].text);
        ck_assert_msg(strstr(e.text, rows[i].named) != NULL, "%s", e.text);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("authd_conf");
    TCase *tcase = tcase_create("file");

    tcase_add_test(tcase, test_defaults_are_safe);
    tcase_add_test(tcase, test_sockets);
    tcase_add_test(tcase, test_options_arrive_in_their_fields);
    tcase_add_test(tcase, test_mistakes_name_the_option);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
