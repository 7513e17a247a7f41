/* lmtpd.conf: defaults, and what the check refuses. */
#include "lmtp/lmtp_conf.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static char root[TEMP_TREE_PATH_BYTES], path[128];

static void
setup(void)
{
    temp_tree_make(root);
    snprintf(path, sizeof(path), "%s/lmtpd.conf", root);
}

static void
teardown(void)
{
    temp_tree_remove(root);
}

static or_status
load(const char *text, struct lmtp_settings **settings_out, struct err *e)
{
    FILE *f = fopen(path, "w");
    void *settings = NULL;

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    or_status st = conf_load(&lmtp_schema, path, &settings, e);
    *settings_out = settings;
    return st;
}

START_TEST(empty_file_is_enough)
{
    struct lmtp_settings *s;
    struct err e = {0};

    ck_assert_msg(load("", &s, &e) == OR_OK, "%s", e.text);
    ck_assert_str_eq(s->userdb, "unix:/run/outrider/dovecot-master");
    ck_assert_int_eq(s->max_message_bytes, 100 << 20);
    ck_assert_int_eq(s->first_valid_uid, 500);
    ck_assert_str_eq(s->recipient_delimiter, "+");
    ck_assert_str_eq(s->junk_folder, "Junk");
    ck_assert(!s->subaddress_create);
    ck_assert_uint_gt(strlen(s->hostname), 0);
    ck_assert_uint_eq(s->common.listener_count, 1);
    conf_free(&lmtp_schema, s);
}
END_TEST

START_TEST(values_arrive)
{
    struct lmtp_settings *s;
    struct err e = {0};

    ck_assert_msg(load("hostname = \"mx.example.org\"\nrecipient-delimiter = \"\"\n"
                       "subaddress-create = true\njunk-folder = \"Unerw\xc3\xbcnscht\"\n",
                       &s, &e) == OR_OK,
                  "%s", e.text);
    ck_assert_str_eq(s->hostname, "mx.example.org");
    ck_assert_str_eq(s->recipient_delimiter, "");
    ck_assert(s->subaddress_create);
    ck_assert_str_eq(s->junk_folder, "Unerw\xc3\xbcnscht");
    conf_free(&lmtp_schema, s);
}
END_TEST

static const struct {
    const char *text, *names;
} refused[] = {
    {"userdb = \"/run/socket\"\n", "userdb"},
    {"recipient-delimiter = \"+-\"\n", "recipient-delimiter"},
    {"junk-folder = \"a/b\"\n", "junk-folder"},
    {"junk-folder = \"\"\n", "junk-folder"},
    {"quarantine-header = \"X Mark\"\n", "quarantine-header"},
    {"quarantine-header = \"X:\"\n", "quarantine-header"},
    {"hostname = \"a b\"\n", "hostname"},
    {"hostname = \"a(b\"\n", "hostname"},
    {"first-valid-uid = 0\n", "first-valid-uid"},
    {"no-such-option = 1\n", "no-such-option"},
};

START_TEST(refuses)
{
    struct lmtp_settings *s;
    struct err e = {0};

    ck_assert_msg(load(refused[_i].text, &s, &e) == OR_CONFIG, "%s", refused[_i].text);
    ck_assert_msg(strstr(e.text, refused[_i].names) != NULL, "%s", e.text);
    ck_assert_ptr_nonnull(strstr(e.text, path));
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("lmtp_conf");
    TCase *t = tcase_create("options");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, empty_file_is_enough);
    tcase_add_test(t, values_arrive);
    tcase_add_loop_test(t, refuses, 0, sizeof(refused) / sizeof(refused[0]));
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
