/* What lists say, what it adds up to, and what is answered. */
#include "policyd/check_dnsbl.h"

#include "common/base/clock.h"
#include "tests/support/fake_dns.h"
#include "tests/support/policy_ask.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static const char conf[] =
    "dnslist \"zen.example\" { codes = {\"127.0.0.2-9=5\", \"127.0.0.10-11=3\"} }\n"
    "dnslist \"weak.example\" { weight = 2 }\n"
    "dnslist \"dbl.example\" { kinds = {\"sender-domain\", \"helo\", \"client-name\"}  weight = 4 "
    "}\n"
    "dnslist \"allow.example\" { weight = -3 }\n"
    "dnslist \"dead.example\" { }\n"
    "dnslist \"wild.example\" { }\n"
    "dnslist-reject-score = 5\n"
    "dnslist-defer-score = 3\n";

#define DEAD ",dead.example=unknown,wild.example=unknown"

static const char zone[] =
    "9.2.0.192.zen.example      A   127.0.0.4\n"
    "9.2.0.192.zen.example      A   127.0.0.10\n"
    "9.2.0.192.zen.example      TXT \"https://check.example/?ip=192.0.2.9\"\n"
    "10.2.0.192.zen.example     A   127.0.0.10\n"
    "11.2.0.192.zen.example     A   127.0.0.11\n"
    "11.2.0.192.weak.example    A   127.0.0.2\n"
    "12.2.0.192.zen.example     A   127.0.0.77\n" /* a code that we did not name */
    "9.2.0.192.allow.example    A   127.0.5.3\n"
    "13.2.0.192.weak.example    A   127.255.255.254\n"
    "14.2.0.192.weak.example    A   127.0.0.1\n"
    "15.2.0.192.weak.example    A   127.255.255.7\n"
    "b.a.9.8.7.6.5.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.example A 127.0.0.2\n"
    "spam.example.dbl.example   A   127.0.1.2\n"
    "mail.spam.example.dbl.example A 127.0.1.2\n"
    "9.2.0.192.dead.example     SERVFAIL\n"
    "10.2.0.192.dead.example    TIMEOUT\n"
    "9.2.0.192.wild.example     A   203.0.113.80\n"
    "9.2.0.192.wild.example     A   127.0.0.2\n"
    "17.2.0.192.wild.example    A   127.0.0.2\n"
    "17.2.0.192.wild.example    A   203.0.113.80\n"
    "10.2.0.192.wild.example    A   203.0.113.80\n"
    "16.2.0.192.wild.example    A   203.0.113.80\n";

static const struct row {
    const char *client, *sender, *helo, *name;
    const char *answer; /* beginning; NULL: none */
    const char *word;
} rows[] = {
    /* the strongest of a list's answers counts; an allow list takes away */
    {"192.0.2.9", "x@far.example", "h.far.example", "unknown", NULL,
     "2:zen.example=127.0.0.4,allow.example=127.0.5.3" DEAD},
    {"192.0.2.10", "x@far.example", "h.far.example", "unknown",
     "450 4.7.1 192.0.2.10 is listed by zen.example (look up 10.2.0.192.zen.example)",
     "3:zen.example=127.0.0.10" DEAD},
    {"192.0.2.11", "x@far.example", "h.far.example", "unknown",
     "550 5.7.1 192.0.2.11 is listed by zen.example (look up 11.2.0.192.zen.example); "
     "192.0.2.11 by weak.example",
     "5:zen.example=127.0.0.11,weak.example=127.0.0.2"},
    {"192.0.2.12", "x@far.example", "h.far.example", "unknown", NULL, "none"},
    /* refusals to answer (RFC 5782 5 for 127.0.0.1) and what is no list's answer */
    {"192.0.2.13", "x@far.example", "h.far.example", "unknown", NULL, "0:weak.example=unknown"},
    {"192.0.2.14", "x@far.example", "h.far.example", "unknown", NULL, "0:weak.example=unknown"},
    {"192.0.2.15", "x@far.example", "h.far.example", "unknown", NULL, "0:weak.example=unknown"},
    {"192.0.2.17", "x@far.example", "h.far.example", "unknown", NULL, "0:wild.example=unknown"},
    {"192.0.2.16", "x@far.example", "h.far.example", "unknown", NULL, "0:wild.example=unknown"},
    /* RFC 5782 2.4: nibbles */
    {"2001:db8::4567:89ab", "x@far.example", "h.far.example", "unknown",
     "550 5.7.1 2001:db8::4567:89ab is listed by zen.example", "5:zen.example=127.0.0.2"},
    /* domains; a list counts once, whatever of it is asked */
    {"192.0.2.20", "x@Spam.Example", "h.far.example", "unknown",
     "450 4.7.1 spam.example is listed by dbl.example (look up spam.example.dbl.example)",
     "4:dbl.example=127.0.1.2"},
    {"192.0.2.20", "x@spam.example", "mail.spam.example", "unknown",
     "450 4.7.1 spam.example is listed by dbl.example",
     "4:dbl.example=127.0.1.2,dbl.example=127.0.1.2"},
    {"192.0.2.20", "", "192.0.2.20", "mail.spam.example",
     "450 4.7.1 mail.spam.example is listed by dbl.example", "4:dbl.example=127.0.1.2"},
    {"192.0.2.20", "x@spam..example", "[192.0.2.20]", "unknown", NULL, "none"},
};

START_TEST(lists_add_up)
{
    const struct row *row = &rows[_i];
    struct policy_ask a;

    policy_ask_init(&a, conf, zone);
    a.request.client_address = span_cstr(row->client);
    a.request.sender = span_cstr(row->sender);
    a.request.helo_name = span_cstr(row->helo);
    a.request.client_name = span_cstr(row->name);
    struct span answer = policy_ask(&a, check_dnsbl);
    ck_assert_str_eq(policy_ask_word(&a, "dnsbl"), row->word);
    ck_assert_msg((answer.n > 0) == (row->answer != NULL), "%.*s", SPAN_ARG(answer));
    ck_assert_msg(row->answer == NULL || span_has_prefix(answer, span_cstr(row->answer)), "%.*s",
                  SPAN_ARG(answer));
    policy_ask_fini(&a);
}
END_TEST

START_TEST(the_lists_own_words_are_passed_on)
{
    struct policy_ask a;

    policy_ask_init(&a, "dnslist \"zen.example\" { }\n", zone);
    ck_assert_span_eq(policy_ask(&a, check_dnsbl), "550 5.7.1 192.0.2.9 is listed by zen.example "
                                                   "(https://check.example/?ip=192.0.2.9)");
    policy_ask_fini(&a);
}
END_TEST

START_TEST(whom_it_is_not_about)
{
    struct policy_ask a;

    policy_ask_init(&a, "dnslist \"zen.example\" { }\ninternal-networks = {\"192.0.2.8/29\"}\n",
                    zone);
    ck_assert_span_eq(policy_ask(&a, check_dnsbl), "");
    a.request.client_address = SPAN_LIT("unknown");
    ck_assert_span_eq(policy_ask(&a, check_dnsbl), "");
    policy_ask_fini(&a);
    policy_ask_init(&a, "dnslist \"zen.example\" { }\n", zone);
    a.request.sasl_username = SPAN_LIT("alice");
    ck_assert_span_eq(policy_ask(&a, check_dnsbl), "");
    a.request.sasl_username = SPAN_EMPTY;
    a.request.protocol_state = SPAN_LIT("DATA");
    ck_assert_span_eq(policy_ask(&a, check_dnsbl), "");
    ck_assert_uint_eq(fake_dns_queries(a.view.dns), 0);
    policy_ask_fini(&a);
}
END_TEST

START_TEST(without_lists_there_is_nothing_to_say)
{
    struct policy_ask a;

    policy_ask_init(&a, "", zone);
    ck_assert_span_eq(policy_ask(&a, check_dnsbl), "");
    a.view.lists = NULL;
    ck_assert_span_eq(policy_ask(&a, check_dnsbl), "");
    ck_assert(!check_dnsbl_outcome(&a.question)->vouched);
    policy_ask_fini(&a);
}
END_TEST

/* A dead list must not be waited for with every mail. */
START_TEST(a_dead_list_is_left_alone_for_a_while)
{
    struct policy_ask a;

    policy_ask_init(&a, "dnslist \"dead.example\" { }\ndnslist \"weak.example\" { weight = 9 }\n",
                    "9.2.0.192.dead.example SERVFAIL\n9.2.0.192.weak.example A 127.0.0.2\n");
    for (int i = 0; i < DNSLIST_MAX_FAILURES; i++) {
        a.lists.lists[0].failed_mono_ms = 0;
        ck_assert_uint_gt(policy_ask(&a, check_dnsbl).n, 0);
        ck_assert_str_eq(policy_ask_word(&a, "dnsbl"),
                         "9:dead.example=unknown,weak.example=127.0.0.2");
    }
    unsigned before = fake_dns_queries(a.view.dns);
    ck_assert_uint_gt(policy_ask(&a, check_dnsbl).n, 0);
    ck_assert_str_eq(policy_ask_word(&a, "dnsbl"), "9:dead.example=paused,weak.example=127.0.0.2");
    ck_assert_uint_eq(fake_dns_queries(a.view.dns), before + 2); /* weak.example's A and TXT */

    /* one more failure is enough then; an answer makes it well */
    a.lists.lists[0].paused_until_mono_ms = 0;
    a.lists.lists[0].failed_mono_ms = 0;
    (void)policy_ask(&a, check_dnsbl);
    ck_assert(a.lists.lists[0].paused_until_mono_ms > 0);
    a.lists.lists[0].paused_until_mono_ms = 0;
    a.request.client_address = SPAN_LIT("192.0.2.77");
    (void)policy_ask(&a, check_dnsbl);
    ck_assert_str_eq(policy_ask_word(&a, "dnsbl"), "none");
    ck_assert_uint_eq(a.lists.lists[0].failures, 0);
    policy_ask_fini(&a);
}
END_TEST

/* The recipients of one message ask the same; the cache says "no answer" to all of them. */
START_TEST(failures_at_one_time_count_once)
{
    struct policy_ask a;

    policy_ask_init(&a, "dnslist \"dead.example\" { }\n", "9.2.0.192.dead.example SERVFAIL\n");
    for (int i = 0; i < 3 * DNSLIST_MAX_FAILURES; i++)
        ck_assert_span_eq(policy_ask(&a, check_dnsbl), "");
    ck_assert_uint_le(a.lists.lists[0].failures, 2); /* on a slow machine */
    ck_assert_str_eq(policy_ask_word(&a, "dnsbl"), "0:dead.example=unknown");
    policy_ask_fini(&a);
}
END_TEST

START_TEST(lists_are_asked_once_for_each_question)
{
    struct policy_ask a;

    policy_ask_init(&a, "dnslist \"allow.example\" { weight = -3 }\n", zone);
    ck_assert_span_eq(policy_ask(&a, check_dnsbl), "");
    ck_assert(check_dnsbl_outcome(&a.question)->vouched);
    ck_assert_int_eq(check_dnsbl_outcome(&a.question)->score, -3);
    ck_assert_uint_eq(fake_dns_queries(a.view.dns), 1);
    policy_ask_fini(&a);
}
END_TEST

/* A reply has 512 octets (RFC 5321 4.5.3.1.5); what lists and senders make of it stays below. */
START_TEST(replies_stay_short)
{
    struct policy_ask a;
    char big[600], table[1200];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    snprintf(table, sizeof(table),
             "9.2.0.192.zen.example A 127.0.0.2\n9.2.0.192.zen.example TXT \"%.250s\" \"%.250s\"\n",
             big, big);
    policy_ask_init(&a, "dnslist \"zen.example\" { }\n", table);
    struct span answer = policy_ask(&a, check_dnsbl);
    ck_assert_uint_gt(answer.n, 200);
    ck_assert_uint_lt(answer.n, 460);
    policy_ask_fini(&a);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("check_dnsbl");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, lists_add_up, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tests, the_lists_own_words_are_passed_on);
    tcase_add_test(tests, whom_it_is_not_about);
    tcase_add_test(tests, without_lists_there_is_nothing_to_say);
    tcase_add_test(tests, a_dead_list_is_left_alone_for_a_while);
    tcase_add_test(tests, failures_at_one_time_count_once);
    tcase_add_test(tests, lists_are_asked_once_for_each_question);
    tcase_add_test(tests, replies_stay_short);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
