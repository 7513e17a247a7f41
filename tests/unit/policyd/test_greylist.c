/* Greylisting over a SQLite store, with the time passed in. */
#include "policyd/greylist.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>

#define NOW 1700000000
#define MINUTE 60
#define DAY 86400

static char tree[TEMP_TREE_PATH_BYTES];
static struct kvstore *store;
static struct greylist_settings settings;
static struct err e;

static void
set_up(void)
{
    char address[96];
    struct kvstore_settings s = {.address = address, .timeout_ms = 100};

    temp_tree_make(tree);
    snprintf(address, sizeof(address), "sqlite:%s/state", tree);
    ck_assert_msg(kvstore_open(&s, &store, &e) == OR_OK, "%s", e.text);
    settings = (struct greylist_settings){
        .delay_s = 5 * MINUTE, .window_s = 2 * DAY, .lifetime_s = 35 * DAY, .auto_allow = 3};
}

static void
tear_down(void)
{
    kvstore_close(store);
    temp_tree_remove(tree);
}

static struct greylist_outcome
try(const char *identity, const char *sender, const char *recipient, time_t now)
{
    struct greylist_triplet t = {.identity = span_cstr(identity),
                                 .sender = span_cstr(sender),
                                 .recipient = span_cstr(recipient),
                                 .now = now};
    struct greylist_outcome o;

    ck_assert_msg(greylist_check(store, &settings, &t, &o, &e) == OR_OK, "%s", e.text);
    return o;
}

START_TEST(the_life_of_a_triplet)
{
    static const struct {
        time_t after;
        enum greylist_verdict verdict;
        int64_t wait_s, waited_s;
    } rows[] = {
        {0, GREYLIST_NEW, 300, 0},        {1, GREYLIST_EARLY, 299, 0},
        {299, GREYLIST_EARLY, 1, 0},      {300, GREYLIST_WAITED, 0, 300},
        {301, GREYLIST_KNOWN, 0, 0},      {20 * DAY, GREYLIST_KNOWN, 0, 0},
        {50 * DAY, GREYLIST_KNOWN, 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct greylist_outcome o =
            try("net:192.0.2.0", "a@b.test", "c@d.test", NOW + rows[i].after);

        ck_assert_msg(o.verdict == rows[i].verdict, "row %zu: %s", i,
                      greylist_verdict_name(o.verdict));
        ck_assert_int_eq(o.wait_s, rows[i].wait_s);
        ck_assert_int_eq(o.waited_s, rows[i].waited_s);
    }
}
END_TEST

START_TEST(a_clock_set_back_starts_anew)
{
    ck_assert_int_eq(try("net:1", "a@b", "c@d", NOW).verdict, GREYLIST_NEW);
    ck_assert_int_eq(try("net:1", "a@b", "c@d", NOW - DAY).verdict, GREYLIST_NEW);
    ck_assert_int_eq(try("net:1", "a@b", "c@d", NOW - DAY + 300).verdict, GREYLIST_WAITED);
    ck_assert_int_eq(try("net:1", "a@b", "c@d", NOW - 9 * DAY).verdict, GREYLIST_KNOWN);
}
END_TEST

/* What counts as the same sender and recipient. */
START_TEST(mail_of_one_kind)
{
    static const struct {
        const char *identity, *sender, *recipient;
        bool same;
    } rows[] = {
        {"spf:b.test", "bounce-1234-77@b.test", "c@d.test", true},
        {"spf:b.test", "Bounce-9-1@b.test", "C@D.test", true},
        {"spf:b.test", "bounce-9-1+detail@b.test", "c@d.test", true},
        {"SPF:B.test", "bounce-1-1@b.test", "c@d.test", true},
        {"spf:b.test", "bounce-9-x@b.test", "c@d.test", false},
        {"spf:b.test", "bounce-1-1@other.test", "c@d.test", false},
        {"spf:b.test", "bounce-1-1@b.test", "c+x@d.test", false},
        {"spf:other.test", "bounce-1-1@b.test", "c@d.test", false},
        {"spf:b.test", "", "c@d.test", false},
    };

    (void)try("spf:b.test", "bounce-1-1@b.test", "c@d.test", NOW);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct greylist_outcome o =
            try(rows[i].identity, rows[i].sender, rows[i].recipient, NOW + 10);

        ck_assert_msg((o.verdict == GREYLIST_EARLY) == rows[i].same, "row %zu: %s", i,
                      greylist_verdict_name(o.verdict));
    }
}
END_TEST

START_TEST(who_comes_back_often_need_not_wait)
{
    char sender[32];

    for (int i = 0; i < 3; i++) {
        snprintf(sender, sizeof(sender), "%c@b.test", 'a' + i);
        ck_assert_int_eq(try("spf:b.test", sender, "c@d.test", NOW).verdict, GREYLIST_NEW);
        ck_assert_int_eq(try("spf:b.test", sender, "c@d.test", NOW + 300).verdict, GREYLIST_WAITED);
    }
    ck_assert_int_eq(try("spf:b.test", "new@b.test", "c@d.test", NOW).verdict, GREYLIST_ALLOWED);
    ck_assert_int_eq(try("spf:x.test", "new@b.test", "c@d.test", NOW).verdict, GREYLIST_NEW);
    settings.auto_allow = 0;
    ck_assert_int_eq(try("spf:b.test", "new@b.test", "c@d.test", NOW).verdict, GREYLIST_NEW);
}
END_TEST

START_TEST(a_store_that_is_gone_says_so)
{
    struct kvstore_settings s = {.address = "redis:inet:127.0.0.1:1", .timeout_ms = 100};
    struct greylist_triplet t = {.identity = SPAN_LIT("net:1"),
                                 .sender = SPAN_LIT("a@b"),
                                 .recipient = SPAN_LIT("c@d"),
                                 .now = NOW};
    struct greylist_outcome o;
    struct kvstore *gone;

    ck_assert_int_eq(kvstore_open(&s, &gone, &e), OR_OK);
    ck_assert_int_eq(greylist_check(gone, &settings, &t, &o, &e), OR_TEMPFAIL);
    kvstore_close(gone);
}
END_TEST

static bool
import(const char *sender, time_t first, time_t last)
{
    const struct greylist_triplet t = {.identity = SPAN_LIT("net:192.0.2.0"),
                                       .sender = span_cstr(sender),
                                       .recipient = SPAN_LIT("bob@home.example"),
                                       .now = NOW};
    const struct greylist_past past = {.first = first, .last = last};
    bool taken;

    ck_assert_msg(greylist_import(store, &settings, &t, &past, &taken, &e) == OR_OK, "%s", e.text);
    return taken;
}

START_TEST(what_another_greylist_knew_is_taken_over)
{
    static const char *const from = "net:192.0.2.0", *const to = "bob@home.example";

    ck_assert(import("a@far.example", NOW - 9 * DAY, NOW - 8 * DAY));
    ck_assert_msg(!import("a@far.example", NOW - 9 * DAY, NOW - 8 * DAY), "once");
    ck_assert_msg(!import("b@far.example", NOW - 90 * DAY, NOW - 80 * DAY), "too old");
    ck_assert(import("c@far.example", NOW - 4 * MINUTE, NOW - 3 * MINUTE));
    ck_assert_msg(!import("d@far.example", NOW - 3 * DAY, NOW - 3 * DAY + MINUTE), "gave up");
    ck_assert_int_eq(try(from, "a@far.example", to, NOW).verdict, GREYLIST_KNOWN);
    ck_assert_int_eq(try(from, "b@far.example", to, NOW).verdict, GREYLIST_NEW);
    ck_assert_int_eq(try(from, "c@far.example", to, NOW).verdict, GREYLIST_EARLY);
    ck_assert_int_eq(try(from, "c@far.example", to, NOW + MINUTE).verdict, GREYLIST_WAITED);
}
END_TEST

START_TEST(an_identity_is_known_by_its_network)
{
    struct greylist_triplet t = {.identity = SPAN_LIT("spf:far.example"),
                                 .network = SPAN_LIT("net:192.0.2.0"),
                                 .sender = SPAN_LIT("a@far.example"),
                                 .recipient = SPAN_LIT("bob@home.example"),
                                 .now = NOW};
    const struct greylist_triplet net = {.identity = SPAN_LIT("net:192.0.3.0"), .now = NOW};
    const struct greylist_past past = {.last = NOW - DAY, .times = 3};
    struct greylist_outcome o;
    bool taken;

    ck_assert(import("a@far.example", NOW - 9 * DAY, NOW - 8 * DAY));
    ck_assert_int_eq(greylist_check(store, &settings, &t, &o, &e), OR_OK);
    ck_assert_int_eq(o.verdict, GREYLIST_KNOWN);
    t.network = SPAN_LIT("net:198.51.100.0"); /* by itself from now on */
    ck_assert_int_eq(greylist_check(store, &settings, &t, &o, &e), OR_OK);
    ck_assert_int_eq(o.verdict, GREYLIST_KNOWN);
    t.sender = SPAN_LIT("z@far.example");
    ck_assert_int_eq(greylist_check(store, &settings, &t, &o, &e), OR_OK);
    ck_assert_int_eq(o.verdict, GREYLIST_NEW);
    /* a network that came back often */
    ck_assert_int_eq(greylist_import_identity(store, &settings, &net, &past, &taken, &e), OR_OK);
    ck_assert(taken);
    ck_assert_int_eq(try("net:192.0.3.0", "q@x.example", "w@home.example", NOW).verdict,
                     GREYLIST_ALLOWED);
    t.sender = SPAN_LIT("y@far.example");
    t.network = SPAN_LIT("net:192.0.3.0");
    ck_assert_int_eq(greylist_check(store, &settings, &t, &o, &e), OR_OK);
    ck_assert_int_eq(o.verdict, GREYLIST_KNOWN);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("greylist");
    TCase *t = tcase_create("greylist");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, the_life_of_a_triplet);
    tcase_add_test(t, a_clock_set_back_starts_anew);
    tcase_add_test(t, mail_of_one_kind);
    tcase_add_test(t, who_comes_back_often_need_not_wait);
    tcase_add_test(t, a_store_that_is_gone_says_so);
    tcase_add_test(t, what_another_greylist_knew_is_taken_over);
    tcase_add_test(t, an_identity_is_known_by_its_network);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
