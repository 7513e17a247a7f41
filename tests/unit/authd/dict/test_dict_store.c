/*
 * The dict's file: what is kept, for how long, and what a failure leaves behind.
 */
#include "authd/dict/dict_store.h"

#include "common/base/clock.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <unistd.h>

static char directory[TEMP_TREE_PATH_BYTES], path[TEMP_TREE_PATH_BYTES + 16];
static struct dict_store *store;
static const struct dict_space bobs = {SPAN_INIT("d"), SPAN_INIT("bob")};

static void
open_store(void)
{
    struct err e = {""};

    ck_assert_msg(dict_store_open(path, true, &store, &e) == OR_OK, "%s", e.text);
}

static void
set_up(void)
{
    temp_tree_make(directory);
    snprintf(path, sizeof(path), "%s/dict.sqlite", directory);
    open_store();
}

static void
tear_down(void)
{
    dict_store_close(store);
    temp_tree_remove(directory);
}

static or_status
commit(const struct dict_change *changes, size_t count)
{
    struct err e = {""};

    return dict_store_commit(store, changes, count, &e);
}

static void
expect(const char *key, const char *value)
{
    struct arena mem;
    struct span got = SPAN_EMPTY;
    struct err e = {""};

    arena_init(&mem, 65536);
    or_status st = dict_store_get(store, &bobs, span_cstr(key), &mem, &got, &e);
    if (value == NULL)
        ck_assert_int_eq(st, OR_ABSENT);
    else
        ck_assert_span_eq(got, value);
    arena_fini(&mem);
}

START_TEST(test_kept_over_a_restart)
{
    const struct dict_change set = {
        .space = bobs, .key = SPAN_INIT("k"), .value = SPAN_INIT("v\n\t\x01'\"")};

    ck_assert_int_eq(commit(&set, 1), OR_OK);
    dict_store_close(store);
    open_store();
    expect("k", "v\n\t\x01'\"");
}
END_TEST

START_TEST(test_expiry)
{
    const struct dict_change changes[] = {
        {.space = bobs, .key = SPAN_INIT("short"), .value = SPAN_INIT("1"), .ttl_s = 60},
        {.space = bobs, .key = SPAN_INIT("long"), .value = SPAN_INIT("1"), .ttl_s = 600},
        {.type = DICT_ADD, .space = bobs, .key = SPAN_INIT("short"), .by = 1, .ttl_s = 600},
    };

    ck_assert_int_eq(commit(changes, 3), OR_OK);
    expect("short", "2");
    clock_fake(clock_now() + 61);
    expect("short", NULL); /* adding made it live no longer */
    expect("long", "1");
    ck_assert_int_eq(commit(&changes[2], 1), OR_ABSENT);
    clock_fake(0);
}
END_TEST

START_TEST(test_all_or_nothing)
{
    const struct dict_change changes[] = {
        {.space = bobs, .key = SPAN_INIT("text"), .value = SPAN_INIT("9223372036854775807")},
        {.space = bobs, .key = SPAN_INIT("new"), .value = SPAN_INIT("v")},
        {.type = DICT_ADD, .space = bobs, .key = SPAN_INIT("text"), .by = 1}, /* too large */
    };

    ck_assert_int_eq(commit(changes, 1), OR_OK);
    ck_assert_int_eq(commit(changes + 1, 2), OR_MALFORMED);
    expect("new", NULL);
    expect("text", "9223372036854775807");
    /* and the store goes on */
    ck_assert_int_eq(commit(changes + 1, 1), OR_OK);
    expect("new", "v");
}
END_TEST

START_TEST(test_read_only)
{
    const struct dict_change set = {.space = bobs, .key = SPAN_INIT("k"), .value = SPAN_INIT("v")};
    struct dict_store *reader = NULL;
    struct err e = {""};

    ck_assert_int_eq(commit(&set, 1), OR_OK);
    ck_assert_int_eq(dict_store_open(path, false, &reader, &e), OR_OK);
    ck_assert_int_eq(dict_store_commit(reader, &set, 1, &e), OR_TEMPFAIL);
    dict_store_close(reader);
    ck_assert_int_eq(dict_store_open("/nowhere/dict.sqlite", true, &reader, &e), OR_CONFIG);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dict_store");
    TCase *tcase = tcase_create("file");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_kept_over_a_restart);
    tcase_add_test(tcase, test_expiry);
    tcase_add_test(tcase, test_all_or_nothing);
    tcase_add_test(tcase, test_read_only);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
