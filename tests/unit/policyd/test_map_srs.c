/*
 * The SRS tables where a running policyd does not show them: a store that is gone, a client's
 * share, and senders that come round again.
 */
#include "policyd/map_srs.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1577836860
#define LONG_SENDER "0123456789012345678901234567890123456789012345@a-rather-long.domain.example"

static char tree[TEMP_TREE_PATH_BYTES], secrets_path[96], store_address[96];
static struct policyd_settings settings;
static struct map_srs *srs;
static struct kvstore *store;
static struct recent_senders *senders;
static struct arena mem;
static struct buf value;
static struct err e;

static void
write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static void
open_store(const char *address)
{
    struct kvstore_settings s = {.address = address, .timeout_ms = 100};

    ck_assert_msg(kvstore_open(&s, &store, &e) == OR_OK, "%s", e.text);
}

static void
set_up(void)
{
    temp_tree_make(tree);
    snprintf(secrets_path, sizeof(secrets_path), "%s/secrets", tree);
    snprintf(store_address, sizeof(store_address), "sqlite:%s/state", tree);
    write_file(secrets_path, "\n  tops3cr3t \r\n\nold", 0600);
    settings = (struct policyd_settings){
        .srs_domain = (char *)(uintptr_t) "SRS.Test",
        .srs_secrets_file = secrets_path,
        .srs_tag_length = 4,
        .srs_tag_min_length = 4,
        .srs_max_age_ms = (int64_t)21 * 86400 * 1000,
        .srs_long_sender_limit = 2,
    };
    ck_assert_msg(map_srs_new(&settings, &srs, &e) == OR_OK, "%s", e.text);
    senders = recent_senders_new();
    arena_init(&mem, 1 << 20);
    buf_init(&value, 1000);
    store = NULL;
}

static void
tear_down(void)
{
    buf_fini(&value);
    arena_fini(&mem);
    kvstore_close(store);
    recent_senders_free(senders);
    map_srs_free(srs);
    temp_tree_remove(tree);
}

typedef or_status (*look_up)(const struct map_srs_query *q, struct buf *out, struct err *err);

static const char *
answer(look_up find, const char *key)
{
    struct map_srs_query q = {.srs = srs,
                              .store = store,
                              .senders = senders,
                              .key = span_cstr(key),
                              .now = NOW,
                              .mem = &mem};

    buf_reset(&value);
    or_status st = find(&q, &value, &e);
    if (st == OR_OK)
        return arena_strdup(&mem, buf_span(&value));
    return st == OR_ABSENT ? "absent" : "tempfail";
}

START_TEST(the_table)
{
    static const struct {
        look_up find;
        const char *key, *answer;
    } rows[] = {
        {map_srs_forward, "test@otherdomain.com", "SRS0=vmyz=2W=otherdomain.com=test@srs.test"},
        {map_srs_forward, "\"test\"@otherdomain.com", "SRS0=vmyz=2W=otherdomain.com=test@srs.test"},
        {map_srs_reverse, "SRS0=vmyz=2W=otherdomain.com=test@srs.test", "test@otherdomain.com"},
        {map_srs_reverse, "SRS0=vmyz=2W=otherdomain.com=test@SRS.TEST", "test@otherdomain.com"},
        {map_srs_reverse, "test@srs.test", "absent"},
        {map_srs_forward, "test@srs.test", "absent"},
        {map_srs_forward, "test@Srs.Test.", "absent"},
        {map_srs_forward, "SRS1=x@other.test", "absent"},
        /* Ours, guarded by a forwarder behind us, comes by again. */
        {map_srs_forward, "SRS1=ABCD=srs.test==vmyz=2W=otherdomain.com=test@behind.test",
         "SRS0=vmyz=2W=otherdomain.com=test@srs.test"},
        /* Without a store. */
        {map_srs_forward, LONG_SENDER, "absent"},
        {map_srs_reverse, "SRS0=AAAA=2W=1=abcdefghijklmnopqrstuvwx@srs.test", "absent"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(answer(rows[i].find, rows[i].key), rows[i].answer);
}
END_TEST

START_TEST(a_store_that_is_gone_holds_up_bounces_and_nothing_else)
{
    open_store(store_address);
    const char *made = answer(map_srs_forward, LONG_SENDER);
    ck_assert_msg(strstr(made, "=1=") != NULL, "%s", made);
    ck_assert_str_eq(answer(map_srs_reverse, made), LONG_SENDER);
    kvstore_close(store);
    open_store("redis:inet:127.0.0.1:1");
    ck_assert_str_eq(answer(map_srs_forward, LONG_SENDER), "absent");
    ck_assert_str_eq(answer(map_srs_reverse, made), "tempfail");
    ck_assert_str_eq(answer(map_srs_forward, "test@otherdomain.com"),
                     "SRS0=vmyz=2W=otherdomain.com=test@srs.test");
}
END_TEST

START_TEST(a_client_network_has_its_share)
{
    static const struct {
        const char *client;
        bool added;
    } rows[] = {
        {"192.0.2.1", true},        {"192.0.2.99", true},      {"192.0.2.200", false},
        {"192.0.3.1", true},        {"2001:db8:0:1::1", true}, {"2001:db8:0:1:ffff::2", true},
        {"2001:db8:0:1::3", false}, {"2001:db8:0:2::1", true},
    };
    char key[128];
    struct ip client;

    open_store(store_address);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(key, sizeof(key), "%zu%s", i, LONG_SENDER);
        ck_assert_int_eq(ip_parse(span_cstr(rows[i].client), &client), OR_OK);
        recent_senders_note(senders, span_cstr(key), &client);
        ck_assert_msg((strcmp(answer(map_srs_forward, key), "absent") != 0) == rows[i].added,
                      "%s: %s", rows[i].client, answer(map_srs_forward, key));
    }
}
END_TEST

START_TEST(secrets_that_cannot_be_used_are_named)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *word;
    } rows[] = {
        {"", 0600, "no secret"},
        {"\n \n", 0600, "no secret"},
        {"secret\n", 0640, "chmod 0600"},
        {"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n", 0600, "more than 16"},
    };
    struct map_srs *bad = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_file(secrets_path, rows[i].text, rows[i].mode);
        ck_assert_int_eq(map_srs_new(&settings, &bad, &e), OR_CONFIG);
        ck_assert_msg(strstr(e.text, rows[i].word) != NULL, "%s", e.text);
        ck_assert_ptr_null(bad);
    }
}
END_TEST

START_TEST(the_last_client_of_a_sender_is_known)
{
    struct ip one, two, found;

    ck_assert_int_eq(ip_parse(SPAN_LIT("192.0.2.1"), &one), OR_OK);
    ck_assert_int_eq(ip_parse(SPAN_LIT("2001:db8::1"), &two), OR_OK);
    ck_assert(!recent_senders_find(senders, SPAN_LIT("a@b"), &found));
    recent_senders_note(senders, SPAN_LIT("a@b"), &one);
    recent_senders_note(senders, SPAN_LIT("a@b"), &two);
    ck_assert(recent_senders_find(senders, SPAN_LIT("a@b"), &found));
    ck_assert(ip_equal(&found, &two));
    ck_assert(!recent_senders_find(senders, SPAN_LIT("c@b"), &found));
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("map_srs");
    TCase *t = tcase_create("map_srs");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, the_table);
    tcase_add_test(t, a_store_that_is_gone_holds_up_bounces_and_nothing_else);
    tcase_add_test(t, a_client_network_has_its_share);
    tcase_add_test(t, secrets_that_cannot_be_used_are_named);
    tcase_add_test(t, the_last_client_of_a_sender_is_known);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
