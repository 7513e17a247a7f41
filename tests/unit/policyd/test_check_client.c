/* Why a client has no name, and what that leads to. */
#include "policyd/check_client.h"

#include "tests/support/fake_dns.h"
#include "tests/support/policy_ask.h"
#include "tests/support/unit.h"

#define V6(last) last ".0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"

static const char zone[] = "1.2.0.192.in-addr.arpa PTR wrong.example\n"
                           "1.2.0.192.in-addr.arpa PTR mail.far.example\n"
                           "mail.far.example       A   192.0.2.1\n"
                           "mail.far.example       A   192.0.2.200\n"
                           "wrong.example          A   192.0.2.201\n"
                           "2.2.0.192.in-addr.arpa PTR wrong.example\n"
                           "3.2.0.192.in-addr.arpa PTR nowhere.example\n"
                           "4.2.0.192.in-addr.arpa SERVFAIL\n"
                           "5.2.0.192.in-addr.arpa PTR wrong.example\n"
                           "5.2.0.192.in-addr.arpa PTR ill.example\n"
                           "ill.example            TIMEOUT\n"
                           "6.2.0.192.in-addr.arpa TXT no name but something\n" V6(
                               "6") " PTR six.example\n"
                                    "six.example            AAAA 2001:db8::6\n";

#define BOTH "client-no-ptr = reject\nclient-no-name = defer\n"
#define NAME "client-no-name = reject\n"
#define PTR "client-no-ptr = reject\n"

static const struct {
    const char *client, *name, *conf;
    const char *answer, *word;
} rows[] = {
    {"192.0.2.1", "mail.far.example", BOTH, "", ""},
    /* Postfix looks at the first PTR record only */
    {"192.0.2.1", "unknown", BOTH, "", "confirmed"},
    {"2001:db8::6", "unknown", BOTH, "", "confirmed"},
    {"192.0.2.2", "unknown", BOTH,
     "450 4.7.25 client 192.0.2.2 is called wrong.example by its PTR record, but that name has no "
     "A record with this address; try again later",
     "unconfirmed:wrong.example"},
    {"192.0.2.3", "unknown", NAME,
     "550 5.7.25 client 192.0.2.3 is called nowhere.example by its PTR record, but that name has "
     "no A record with this address",
     "unconfirmed:nowhere.example"},
    {"192.0.2.2", "unknown", PTR, "", "unconfirmed:wrong.example"},
    {"192.0.2.6", "unknown", BOTH,
     "550 5.7.25 client 192.0.2.6 has no name: there is no PTR record", "no-ptr"},
    {"192.0.2.7", "unknown", NAME,
     "550 5.7.25 client 192.0.2.7 has no name: there is no PTR record", "no-ptr"},
    {"192.0.2.7", "unknown", "", "", "no-ptr"},
    {"2001:db8::7", "unknown", PTR,
     "550 5.7.25 client 2001:db8::7 has no name: there is no PTR record", "no-ptr"},
    /* DNS that does not answer refuses nobody, whichever step it is */
    {"192.0.2.4", "unknown", BOTH, "", "temperror"},
    {"192.0.2.5", "unknown", BOTH, "", "temperror"},
    /* ours */
    {"127.0.0.1", "unknown", BOTH, "", ""},
};

START_TEST(each_step_has_its_answer)
{
    struct policy_ask a;

    policy_ask_init(&a, rows[_i].conf, zone);
    a.request.client_address = span_cstr(rows[_i].client);
    a.request.client_name = span_cstr(rows[_i].name);
    ck_assert_span_eq(policy_ask(&a, check_client), rows[_i].answer);
    ck_assert_str_eq(policy_ask_word(&a, "client-name"), rows[_i].word);
    policy_ask_fini(&a);
}
END_TEST

START_TEST(who_has_a_name_costs_nothing)
{
    struct policy_ask a;

    policy_ask_init(&a, BOTH, zone);
    a.request.client_name = SPAN_LIT("mail.far.example");
    ck_assert_span_eq(policy_ask(&a, check_client), "");
    a.request.client_name = SPAN_LIT("unknown");
    a.request.sasl_username = SPAN_LIT("alice");
    ck_assert_span_eq(policy_ask(&a, check_client), "");
    ck_assert_uint_eq(fake_dns_queries(a.view.dns), 0);
    policy_ask_fini(&a);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("check_client");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, each_step_has_its_answer, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tests, who_has_a_name_costs_nothing);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
