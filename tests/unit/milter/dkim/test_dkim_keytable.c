/* The key directory: what keyfile writes keytable finds; one broken key hurts nobody else. */
#include "milter/dkim/dkim_keyfile.h"
#include "milter/dkim/dkim_keytable.h"
#include "milter/dkim/dkim_rotation_file.h"

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

static void
expect_signing(const struct dkim_keytable *table, const char *first, const char *second)
{
    size_t count;
    const struct dkim_keytable_row *rows =
        dkim_keytable_find(table, SPAN_LIT("example.org"), &count);

    ck_assert_ptr_nonnull(rows);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(rows[0].selector, first);
    ck_assert_str_eq(rows[1].selector, second);
}

/* "keep" is of neither side: it signs throughout. */
START_TEST(rotation_switches_between_old_and_next)
{
    struct dkim_rotation_plan plan = {.id = "0123456789abcdef"};
    struct dkim_rotation_plan other;
    struct err e;

    store("example.org", "anext");
    store("example.org", "keep");
    store("example.org", "zold");
    store("example.net", "s");
    ck_assert_int_eq(dkim_rotation_add(&plan.next, SPAN_LIT("anext")), OR_OK);
    ck_assert_int_eq(dkim_rotation_add(&plan.old, SPAN_LIT("zold")), OR_OK);
    ck_assert_int_eq(dkim_rotation_plan_create(folder, "example.org", &plan, &e), OR_OK);
    ck_assert_int_eq(dkim_rotation_plan_create(folder, "example.org", &plan, &e), OR_CONFIG);
    ck_assert_int_eq(dkim_rotation_plan_read(folder, "example.org", &other, &e), OR_OK);
    ck_assert_int_eq(dkim_rotation_plan_read(folder, "example.net", &other, &e), OR_ABSENT);
    struct dkim_keytable *table = load();
    struct dkim_keytable_rotation *r = dkim_keytable_rotation_at(table, 0);
    ck_assert_ptr_nonnull(r);
    expect_signing(table, "zold", "keep");
    dkim_keytable_switch(r, true);
    expect_signing(table, "keep", "anext");
    dkim_keytable_switch(r, false);
    expect_signing(table, "zold", "keep");
    dkim_keytable_free(table);
}
END_TEST

/* Switching to a key that cannot be used would leave mail unsigned. */
START_TEST(rotation_with_a_missing_next_key_never_switches)
{
    struct dkim_rotation_plan plan = {.id = "0123456789abcdef"};
    struct err e;

    store("example.org", "keep");
    store("example.org", "zold");
    ck_assert_int_eq(dkim_rotation_add(&plan.next, SPAN_LIT("anext")), OR_OK);
    ck_assert_int_eq(dkim_rotation_add(&plan.old, SPAN_LIT("zold")), OR_OK);
    ck_assert_int_eq(dkim_rotation_plan_create(folder, "example.org", &plan, &e), OR_OK);
    struct dkim_keytable *table = load();
    dkim_keytable_switch(dkim_keytable_rotation_at(table, 0), true);
    expect_signing(table, "zold", "keep");
    dkim_keytable_free(table);
    write_file("example.org/rotation", "nonsense", 0644);
    table = load();
    ck_assert_uint_eq(dkim_keytable_problem_count(table), 1);
    ck_assert_ptr_null(dkim_keytable_rotation_at(table, 0));
    expect_signing(table, "keep", "zold");
    dkim_keytable_free(table);
}
END_TEST

START_TEST(rotation_state_belongs_to_its_plan)
{
    const struct dkim_rotation_plan plan = {.id = "0123456789abcdef", .started = 7};
    const struct dkim_rotation_plan later = {.id = "fedcba9876543210", .started = 9};
    struct dkim_rotation_state s = {
        .id = "0123456789abcdef", .phase = DKIM_ROTATION_RETIRED, .since = 8};
    struct err e;

    ck_assert_int_eq(dkim_rotation_state_write(folder, "example.org", &s, &e), OR_OK);
    ck_assert_int_eq(dkim_rotation_state_write(folder, "example.org", &s, &e), OR_OK);
    ck_assert_uint_eq(temp_tree_count(folder), 1); /* no temporary file stays */
    ck_assert_int_eq(dkim_rotation_state_read(folder, "example.org", &later, &s, &e), OR_ABSENT);
    ck_assert(s.phase == DKIM_ROTATION_WAITING && s.since == 9);
    ck_assert_int_eq(dkim_rotation_state_read(folder, "example.org", &plan, &s, &e), OR_OK);
    ck_assert(s.phase == DKIM_ROTATION_RETIRED && s.since == 8);
    ck_assert_int_eq(dkim_rotation_state_write("/nowhere", "example.org", &s, &e), OR_CONFIG);
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
    tcase_add_test(tc, rotation_switches_between_old_and_next);
    tcase_add_test(tc, rotation_with_a_missing_next_key_never_switches);
    tcase_add_test(tc, rotation_state_belongs_to_its_plan);
    tcase_add_test(tc, broken_keys_are_left_out);
    tcase_add_test(tc, too_many_keys_of_one_domain);
    tcase_add_test(tc, no_directory);
    tcase_add_test(tc, file_is_private_and_never_replaced);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
