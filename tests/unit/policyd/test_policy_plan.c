/* What the configuration makes of the table of checks. */
#include "policyd/policy_plan.h"

#include "policyd/policy_checks.h"
#include "policyd/ratelimit.h"
#include "tests/support/policyd_conf_text.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct policyd_settings *settings;
static struct policy_plan plan;
static struct ratelimit limits;
static struct err e;

static or_status
load(const char *text)
{
    ck_assert_msg(policyd_conf_text(text, &settings, &e) == OR_OK, "%s", e.text);
    or_status st = policy_plan_init(&plan, settings, &e);
    or_status limits_st = ratelimit_init(&limits, settings, st == OR_OK ? &e : NULL);
    return st != OR_OK ? st : limits_st;
}

static void
unload(void)
{
    ratelimit_fini(&limits);
    policy_plan_fini(&plan);
    conf_free(&policyd_conf_schema, settings);
}

START_TEST(checks_stand_in_the_order_of_the_file)
{
    ck_assert_msg(load("checks = {\"greylist\", \"spf\"}\n"
                       "check \"greylist\" { mode = shadow }\n"
                       "check \"rate\" { mode = shadow }\n") == OR_OK,
                  "%s", e.text);
    ck_assert_uint_eq(plan.count, 2);
    ck_assert_int_eq(plan.steps[0].check, policy_checks_find("greylist"));
    ck_assert_int_eq(plan.steps[1].check, policy_checks_find("spf"));
    ck_assert(plan.steps[0].shadow && !plan.steps[1].shadow);
    unload();
}
END_TEST

START_TEST(mistakes_are_named)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"checks = {\"spam\"}\n", "checks: there is no check \"spam\"; allowed: access, rate"},
        {"checks = {\"spf\", \"spf\"}\n", "checks: \"spf\" is named twice"},
        {"\ncheck \"spam\" { mode = shadow }\n", "check \"spam\" (line 2): there is no check"},
        {"check \"greylist\" { skip-senders = {\"@example.org\"} }\n", "names nobody before the @"},
        {"check \"greylist\" { skip-senders = {\"a..b\"} }\n", "is no address, domain or .domain"},
        {"rate \"x\" { by = {\"colour\"} limits = {\"1/1h\"} }\n",
         "rate \"x\" (line 1): by: \"colour\" is not known; allowed: sasl-user, client"},
        {"rate \"x\" { by = {} limits = {\"1/1h\"} }\n", "by: 1 to 6 names"},
        {"rate \"x\" { by = {\"client\"} limits = {} }\n", "limits: 1 to 8"},
        {"rate \"x\" { by = {\"client\"} limits = {\"many\"} }\n", "\"many\" is no limit"},
        {"rate \"x\" { by = {\"client\"} limits = {\"0/1h\"} }\n", "\"0/1h\" is no limit"},
        {"rate \"x\" { by = {\"client\"} limits = {\"5/32d\"} }\n", "\"5/32d\" is no limit"},
        {"rate \"x\" { by = {\"client\"} limits = {\"5/\"} }\n", "\"5/\" is no limit"},
        {"rate \"x\" { by = {\"recipient-domain\"} limits = {\"1/1h\"} }\n", "needs stage = rcpt"},
        {"rate \"x\" { by = {\"client\"} limits = {\"1/1h\"} stage = rcpt }\n",
         "say count = recipients"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(load(rows[i].text) == OR_CONFIG, "%s", rows[i].text);
        ck_assert_msg(strstr(e.text, rows[i].said) != NULL, "%s", e.text);
        unload();
    }
}
END_TEST

START_TEST(limits_are_read)
{
    ck_assert_msg(load("rate \"x\" { by = {\"sasl-user\", \"client-net\"}\n"
                       " limits = {\"10/s\", \"100/5m\", \"1000/31d\"} }\n") == OR_OK,
                  "%s", e.text);
    ck_assert_uint_eq(limits.count, 1);
    ck_assert_uint_eq(limits.rules[0].by_count, 2);
    ck_assert_int_eq(limits.rules[0].by[1], RATELIMIT_CLIENT_NET);
    ck_assert_uint_eq(limits.rules[0].window_count, 3);
    ck_assert_int_eq(limits.rules[0].windows[0].window_ms, 1000);
    ck_assert_int_eq(limits.rules[0].windows[1].limit, 100);
    ck_assert_int_eq(limits.rules[0].windows[1].window_ms, 300000);
    ck_assert_int_eq(limits.rules[0].windows[2].window_ms, (int64_t)31 * 86400000);
    unload();
}
END_TEST

START_TEST(scopes_let_people_be)
{
    static const struct {
        const char *client, *sender, *recipient;
        bool skipped;
    } rows[] = {
        {"192.0.2.77", "a@b.test", "bob@home.test", true}, /* the client */
        {"198.51.100.1", "a@b.test", "bob@home.test", false},
        {"198.51.100.1", "x@friend.test", "bob@home.test", true},
        {"198.51.100.1", "X@FRIEND.test", "bob@home.test", true},
        {"198.51.100.1", "x@sub.friend.test", "bob@home.test", false},
        {"198.51.100.1", "x@sub.wide.test", "bob@home.test", true},
        {"198.51.100.1", "x@wide.test", "bob@home.test", false},
        {"198.51.100.1", "", "bob@home.test", false},
        {"198.51.100.1", "a@b.test", "postmaster@any.test", true},
        {"198.51.100.1", "a@b.test", "postmasters@any.test", false},
        {"198.51.100.1", "a@b.test", "al@home.test", true},
        {"198.51.100.1", "a@b.test", "al@other.test", false},
        {"198.51.100.1", "y@xn--exmple-cua.test", "bob@home.test", true},
    };

    ck_assert_msg(load("checks = {\"greylist\"}\ncheck \"greylist\" {\n"
                       " skip-clients = {\"192.0.2.0/24\"}\n"
                       " skip-senders = {\"friend.test\", \".wide.test\", \"exämple.test\"}\n"
                       " skip-recipients = {\"postmaster@\", \"al@home.test\"}\n}\n") == OR_OK,
                  "%s", e.text);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policyd_view view = {.settings = settings};
        struct arena mem;
        struct policyd_work work = {.view = &view, .mem = &mem};
        struct policy_request request = {.client_address = span_cstr(rows[i].client),
                                         .sender = span_cstr(rows[i].sender),
                                         .recipient = span_cstr(rows[i].recipient)};
        struct policy_question q = {.work = &work, .request = &request};

        arena_init(&mem, 1 << 16);
        policy_checks_prepare(&q);
        const struct policy_parties parties = {q.client, q.sender_local, q.sender_domain,
                                               q.recipient_local, q.recipient_domain};
        const char *skips = policy_plan_skips(&plan.steps[0], &parties);
        ck_assert_msg((skips != NULL) == rows[i].skipped, "row %zu", i);
        arena_fini(&mem);
    }
    unload();
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("policy_plan");
    TCase *t = tcase_create("policy_plan");

    tcase_add_test(t, checks_stand_in_the_order_of_the_file);
    tcase_add_test(t, mistakes_are_named);
    tcase_add_test(t, limits_are_read);
    tcase_add_test(t, scopes_let_people_be);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
