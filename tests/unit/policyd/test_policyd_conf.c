/* The table as a file sees it: defaults that need no file, mistakes with file, line and cure. */
#include "policyd/policyd_conf.h"
#include "tests/support/policyd_conf_text.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(an_empty_file_is_a_safe_configuration)
{
    struct policyd_settings *s;
    struct ip local, outside;
    struct err e;

    ck_assert_msg(policyd_conf_text("", &s, &e) == OR_OK, "%s", e.text);
    ck_assert_uint_eq(s->checks.count, 3);
    ck_assert_str_eq(s->checks.items[2], "spf");
    ck_assert(s->spf_header && s->spf_on[SPF_FAIL] == POLICYD_SPF_ACCEPT);
    ck_assert_int_eq(s->spf_max_voids, 2);
    ck_assert_int_eq(s->dmarc, POLICYD_DMARC_ENFORCE);
    ck_assert_int_eq(s->dmarc_reject, POLICYD_DMARC_REJECT_CORROBORATED);
    ck_assert_int_eq(s->dmarc_temperror, POLICYD_TEMPERROR_TEMPFAIL);
    ck_assert_int_eq(s->from_invalid, POLICYD_FROM_INVALID_REJECT);
    ck_assert_int_eq(s->request_timeout_ms, 20000);
    ck_assert_uint_eq(s->common.listener_count, 2);
    ck_assert_str_eq(s->common.listeners[0].addresses[0],
                     "unix:/var/spool/postfix/outrider/policy");
    ck_assert(ip_parse(SPAN_LIT("127.0.0.1"), &local) == OR_OK);
    ck_assert(ip_parse(SPAN_LIT("192.0.2.1"), &outside) == OR_OK);
    ck_assert(policyd_conf_is_internal(s, &local));
    ck_assert(!policyd_conf_is_internal(s, &outside));
    conf_free(&policyd_conf_schema, s);
}
END_TEST

START_TEST(options_arrive_in_their_fields)
{
    struct policyd_settings *s;
    struct err e;

    ck_assert_msg(
        policyd_conf_text("hostname = \"mx.home.example\"\n"
                          "internal-networks = {\"10.0.0.0/8\"}\n"
                          "request-timeout = 5s\n"
                          "checks = {}\nspf-header = no\nspf-on-fail = reject\n"
                          "spf-helo-on-none = tempfail\nspf-max-voids = 4\n"
                          "dmarc = observe\ndmarc-reject = never\ndmarc-reject-threshold = 70\n"
                          "dmarc-weight-spf-fail = 1\ndmarc-weight-spf-softfail = 2\n"
                          "dmarc-weight-from-spf-fail = 3\ndmarc-weight-no-ptr = 4\n"
                          "dmarc-weight-no-signature = 5\n"
                          "dmarc-temperror = accept\nfrom-invalid = quarantine\n",
                          &s, &e) == OR_OK,
        "%s", e.text);
    ck_assert_str_eq(s->hostname, "mx.home.example");
    ck_assert_uint_eq(s->internal_networks.count, 1);
    ck_assert_int_eq(s->request_timeout_ms, 5000);
    ck_assert_uint_eq(s->checks.count, 0);
    ck_assert(!s->spf_header && s->spf_on[SPF_FAIL] == POLICYD_SPF_REJECT &&
              s->spf_helo_on[SPF_NONE] == POLICYD_SPF_TEMPFAIL);
    ck_assert_int_eq(s->spf_max_voids, 4);
    ck_assert_int_eq(s->dmarc, POLICYD_DMARC_OBSERVE);
    ck_assert_int_eq(s->dmarc_reject, POLICYD_DMARC_REJECT_NEVER);
    ck_assert_int_eq(s->reject_threshold, 70);
    ck_assert_int_eq(s->weights.spf_fail, 1);
    ck_assert_int_eq(s->weights.spf_softfail, 2);
    ck_assert_int_eq(s->weights.from_spf_fail, 3);
    ck_assert_int_eq(s->weights.no_ptr, 4);
    ck_assert_int_eq(s->weights.no_signature, 5);
    ck_assert_int_eq(s->dmarc_temperror, POLICYD_TEMPERROR_ACCEPT);
    ck_assert_int_eq(s->from_invalid, POLICYD_FROM_INVALID_QUARANTINE);
    conf_free(&policyd_conf_schema, s);
}
END_TEST

/* Lists only count towards the threshold where there are any. */
START_TEST(sections_of_lists)
{
    struct policyd_settings *s;
    struct err e;

    ck_assert_msg(
        policyd_conf_text("dnslist \"zen.example\" { }\n"
                          "dnslist \"allow.example\" { weight = -5  codes = {\"127.0.0.2=1\"} }\n"
                          "dmarc-reject-threshold = 300\n",
                          &s, &e) == OR_OK,
        "%s", e.text);
    ck_assert_uint_eq(s->dnslists.count, 2);
    ck_assert_str_eq(policyd_conf_dnslist(s, 0)->head.title, "zen.example");
    ck_assert_str_eq(policyd_conf_dnslist(s, 0)->kinds.items[0], "client");
    ck_assert_int_eq(policyd_conf_dnslist(s, 1)->weight, -5);
    ck_assert_uint_eq(policyd_conf_dnslist(s, 1)->codes.count, 1);
    ck_assert_int_eq(s->helo_on.our_name, POLICYD_REJECT);
    ck_assert_int_eq(s->helo_on.invalid, POLICYD_ACCEPT);
    ck_assert(s->greylist_skip_allowlisted);
    conf_free(&policyd_conf_schema, s);
    ck_assert_int_eq(policyd_conf_text("dmarc-reject-threshold = 300\n", &s, &e), OR_CONFIG);
}
END_TEST

START_TEST(mistakes_name_the_option)
{
    static const struct {
        const char *text;
        const char *named;
    } rows[] = {
        {"spf-header = perhaps\n", "spf-header"},
        {"greylist-delay = 2h\ngreylist-window = 1h\n", "nobody would ever pass"},
        {"rate \"a\" { limits = {\"1/1h\"} }\n", "by: not set"},
        {"dmarc-reject = sometimes\n", "corroborated"},
        {"request-timeout = 200s\n", "request-timeout"},
        {"spf-void-limit = 2\n", "spf-void-limit"},
        {"internal-networks = {\"10.0.0.0/40\"}\n", "internal-networks"},
        {"dmarc-reject-threshold = 500\n", "dmarc-weight"}, /* could never be reached */
        {"dnslist-defer-score = 5\n", "nothing would ever be deferred"},
        {"dnslist \"a.example\" { weight = -1001 }\n", "-1000 to 1000"},
        {"dnslist \"a.example\" { weight = - }\n", "no whole number"},
        {"dnslist-reject-score = -5\n", "no whole number"},
        {"helo-none = refuse\n", "accept, reject, defer"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policyd_settings *s;
        struct err e = {.text = ""};

        ck_assert_msg(policyd_conf_text(rows[i].text, &s, &e) == OR_CONFIG, "%s", rows[i].text);
        ck_assert_msg(strstr(e.text, rows[i].named) != NULL, "%s", e.text);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("policyd_conf");
    TCase *tests = tcase_create("all");

    tcase_add_test(tests, an_empty_file_is_a_safe_configuration);
    tcase_add_test(tests, options_arrive_in_their_fields);
    tcase_add_test(tests, sections_of_lists);
    tcase_add_test(tests, mistakes_name_the_option);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
