/* A passwd-file as a source: what is found, what is left out, what a change brings. */
#include "authd/accounts/passwd_file.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char directory[TEMP_TREE_PATH_BYTES], path[TEMP_TREE_PATH_BYTES + 16];
static struct account_source source;
static struct arena mem;

static void
write_text(const char *text)
{
    char next[sizeof(path) + 8];

    snprintf(next, sizeof(next), "%s.new", path);
    FILE *f = fopen(next, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    ck_assert_int_eq(rename(next, path), 0);
}

static void
set_up(void)
{
    struct err e = {""};

    temp_tree_make(directory);
    snprintf(path, sizeof(path), "%s/users", directory);
    arena_init(&mem, 1 << 20);
    write_text("# comment\n\n"
               "eve@home.test:{SHA512-CRYPT}$6$x\n"
               "bob@home.test:{CRYPT}$6$first:1000:1001::/home/bob\n"
               "bob@home.test:{CRYPT}$6$second\n"
               "no domain:x\n"
               "root@home.test:x:0:0\n"
               "Anna@Other.TEST:$6$y::::/x:/bin/sh:userdb_quota_rule=*:storage=5M:messages=9\n");
    ck_assert_msg(passwd_file_open(path, "files", &source, &e) == OR_OK, "%s", e.text);
}

static void
tear_down(void)
{
    source.type->close(source.self);
    arena_fini(&mem);
    temp_tree_remove(directory);
}

static or_status
find(const char *name, struct account_row *row)
{
    struct account_address address;

    ck_assert_int_eq(account_address_parse(span_cstr(name), false, &mem, &address, NULL), OR_OK);
    return source.type->find(source.self, &address, &mem, row, NULL);
}

START_TEST(test_found)
{
    struct account_row row;

    ck_assert_int_eq(find("bob@home.test", &row), OR_OK);
    ck_assert_span_eq(row.password, "{CRYPT}$6$first"); /* the first line counts */
    ck_assert(row.uid == 1000 && row.gid == 1001 && row.enabled);
    ck_assert_span_eq(row.home, "/home/bob");
    ck_assert_span_eq(row.address.local, "bob");
    ck_assert_span_eq(row.address.domain, "home.test");
    ck_assert_int_eq(find("anna@other.test", &row), OR_OK);
    ck_assert_span_eq(row.password, "{CRYPT}$6$y");
    ck_assert(row.quota.bytes == 5 << 20 && row.quota.messages == 9 && row.uid == -1);
    ck_assert_int_eq(find("root@home.test", &row), OR_ABSENT);
    ck_assert_int_eq(find("nobody@home.test", &row), OR_ABSENT);
    ck_assert_int_eq(source.type->find_domain(source.self, SPAN_LIT("home.test"), NULL), OR_OK);
    ck_assert_int_eq(source.type->find_domain(source.self, SPAN_LIT("other.test"), NULL), OR_OK);
    ck_assert_int_eq(source.type->find_domain(source.self, SPAN_LIT("test"), NULL), OR_ABSENT);
}
END_TEST

static bool
gather(void *context, const struct account_row *row)
{
    char *names = context;

    snprintf(names + strlen(names), 200 - strlen(names), "%.*s ", SPAN_ARG(row->address.whole));
    return true;
}

START_TEST(test_listed_in_order)
{
    char names[200] = "";

    ck_assert_int_eq(source.type->each(source.self, gather, names, NULL), OR_OK);
    ck_assert_str_eq(names, "anna@other.test bob@home.test eve@home.test ");
}
END_TEST

static void
wait_for_a_look(void)
{
    const struct timespec wait = {.tv_sec = 1, .tv_nsec = 50000000};

    nanosleep(&wait, NULL);
}

START_TEST(test_changes)
{
    struct account_row row;

    write_text("new@home.test:x\n");
    wait_for_a_look();
    ck_assert_int_eq(find("new@home.test", &row), OR_OK);
    ck_assert_int_eq(find("bob@home.test", &row), OR_ABSENT);
    /* gone for a moment, as editors do it */
    ck_assert_int_eq(unlink(path), 0);
    wait_for_a_look();
    ck_assert_int_eq(find("new@home.test", &row), OR_OK);
}
END_TEST

START_TEST(test_cannot_be_read)
{
    struct account_source other;
    struct err e = {""};

    ck_assert_int_eq(passwd_file_open("/nowhere/users", "x", &other, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "/nowhere/users"));
    ck_assert_int_eq(passwd_file_open(directory, "x", &other, &e), OR_CONFIG);
}
END_TEST

#define MANY 100000

/* A hundred thousand lines in any order. */
START_TEST(test_many)
{
    struct buf text;
    struct account_row row;
    char name[40];

    buf_init(&text, 16u << 20);
    for (int i = 0; i < MANY; i++)
        buf_addf(&text, "u%d@d%d.test:{CRYPT}$6$salt$hash%d\n", i * 7919 % MANY, i % 10, i);
    struct passwd_table *table = passwd_table_parse(buf_span(&text), "many");
    ck_assert_uint_eq(passwd_table_count(table), MANY);
    for (int i = 0; i < MANY; i += 997) {
        snprintf(name, sizeof(name), "u%d@d%d.test", i * 7919 % MANY, i % 10);
        ck_assert_int_eq(passwd_table_find(table, span_cstr(name), &row), OR_OK);
    }
    passwd_table_free(table);
    buf_fini(&text);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("passwd_file");
    TCase *tcase = tcase_create("file");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_found);
    tcase_add_test(tcase, test_listed_in_order);
    tcase_add_test(tcase, test_changes);
    tcase_add_test(tcase, test_cannot_be_read);
    tcase_add_test(tcase, test_many);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
