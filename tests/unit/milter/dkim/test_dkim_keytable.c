/* The key directory: what keyfile writes keytable finds; one broken key hurts nobody else. */
#include "milter/dkim/dkim_keyfile.h"
#include "milter/dkim/dkim_keytable.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[TEMP_TREE_PATH_BYTES];
static struct dkim_private *key;

static void
set_up(void)
{
    temp_tree_make(folder);
    ck_assert_int_eq(dkim_private_generate(DKIM_KEY_ED25519, 0, &key, NULL), OR_OK);
}

static void
tear_down(void)
{
    dkim_private_free(key);
    temp_tree_remove(folder);
}

static void
store(const char *domain, const char *selector)
{
    char path[PATH_MAX];
    struct err e = {.text = ""};

    ck_assert_int_eq(dkim_keyfile_path(folder, domain, selector, path, &e), OR_OK);
    ck_assert_msg(dkim_keyfile_create(path, key, DKIM_KEYFILE_KEEP_OWNER, 0, &e) == OR_OK, "%s",
                  e.text);
}

static void
write_file(const char *name, const char *text, mode_t mode)
{
    char path[PATH_MAX];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static struct dkim_keytable *
load(void)
{
    struct dkim_keytable *table = NULL;
    struct err e = {.text = ""};

    ck_assert_msg(dkim_keytable_load(folder, &table, &e) == OR_OK, "%s", e.text);
    return table;
}

START_TEST(find)
{
    size_t count;

    store("example.org", "s2");
    store("example.org", "s1");
    store("sub.example.org", "x");
    store("Example.NET", "Y");
    store("b\xc3\xbc"
          "cher.example",
          "z");
    struct dkim_keytable *table = load();
    ck_assert_uint_eq(dkim_keytable_key_count(table), 5);
    ck_assert_uint_eq(dkim_keytable_problem_count(table), 0);
    const struct dkim_keytable_row *rows =
        dkim_keytable_find(table, SPAN_LIT("example.org"), &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(rows[0].selector, "s1");
    ck_assert_str_eq(rows[1].selector, "s2");
    rows = dkim_keytable_find(table, SPAN_LIT("example.net"), &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(rows[0].selector, "y");
    ck_assert_ptr_nonnull(dkim_keytable_find(table, SPAN_LIT("xn--bcher-kva.example"), &count));
    /* exact match: neither parents nor children sign */
    ck_assert_ptr_null(dkim_keytable_find(table, SPAN_LIT("org"), &count));
    ck_assert_ptr_null(dkim_keytable_find(table, SPAN_LIT("a.example.org"), &count));
    ck_assert_ptr_null(dkim_keytable_find(table, SPAN_LIT("zzz"), &count));
    ck_assert_uint_eq(count, 0);
    dkim_keytable_free(table);
}
END_TEST

START_TEST(broken_keys_are_left_out)
{
    size_t count;

    store("good.example", "s");
    store("bad.example", "good");
    write_file("bad.example/garbage.pem", "no key", 0600);
    write_file("bad.example/open.pem", "x", 0644);
    write_file("bad.example/.hidden.pem", "x", 0600);
    write_file("bad.example/README", "x", 0644);
    write_file("bad.example/a b.pem", "x", 0600);
    write_file("plain-file", "x", 0644);
    struct dkim_keytable *table = load();
    ck_assert_uint_eq(dkim_keytable_key_count(table), 2);
    ck_assert_uint_eq(dkim_keytable_problem_count(table), 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_msg(strstr(dkim_keytable_problem(table, i), "bad.example/") != NULL, "%s",
                      dkim_keytable_problem(table, i));
    ck_assert_ptr_null(dkim_keytable_problem(table, 3));
    ck_assert_ptr_nonnull(dkim_keytable_find(table, SPAN_LIT("good.example"), &count));
    ck_assert_ptr_nonnull(dkim_keytable_find(table, SPAN_LIT("bad.example"), &count));
    dkim_keytable_free(table);
}
END_TEST

START_TEST(too_many_keys_of_one_domain)
{
    char selector[16];

    for (int i = 0; i <= DKIM_KEYTABLE_MAX_PER_DOMAIN; i++) {
        snprintf(selector, sizeof(selector), "s%d", i);
        store("example.org", selector);
    }
    struct dkim_keytable *table = load();
    ck_assert_uint_eq(dkim_keytable_key_count(table), DKIM_KEYTABLE_MAX_PER_DOMAIN);
    ck_assert_uint_eq(dkim_keytable_problem_count(table), 1);
    dkim_keytable_free(table);
}
END_TEST

START_TEST(no_directory)
{
    struct dkim_keytable *table = NULL;
    struct err e;

    ck_assert_int_eq(dkim_keytable_load("/nonexistent/dkim", &table, &e), OR_ABSENT);
    write_file("file", "x", 0600);
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/file", folder);
    ck_assert_int_eq(dkim_keytable_load(path, &table, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, path));
    dkim_keytable_free(NULL);
}
END_TEST

START_TEST(file_is_private_and_never_replaced)
{
    char path[PATH_MAX], domain[PATH_MAX];
    struct stat info;
    struct err e = {.text = ""};

    store("example.org", "s");
    ck_assert_int_eq(dkim_keyfile_path(folder, "example.org", "s", path, &e), OR_OK);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 07777, 0600);
    ck_assert_int_eq(dkim_keyfile_create(path, key, DKIM_KEYFILE_KEEP_OWNER, 0, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "exists"));
    snprintf(domain, sizeof(domain), "%s/example.org", folder);
    ck_assert_uint_eq(temp_tree_count(domain), 1); /* no temporary file stays */
    /* a plain file where a folder is needed */
    snprintf(path, sizeof(path), "%s/example.org/s.pem/x/y.pem", folder);
    ck_assert_int_eq(dkim_keyfile_create(path, key, DKIM_KEYFILE_KEEP_OWNER, 0, &e), OR_CONFIG);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dkim_keytable");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, find);
    tcase_add_test(tc, broken_keys_are_left_out);
    tcase_add_test(tc, too_many_keys_of_one_domain);
    tcase_add_test(tc, no_directory);
    tcase_add_test(tc, file_is_private_and_never_replaced);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
