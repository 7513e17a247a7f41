/* What each result of SPF leads to, with a DNS from a table. */
#include "policyd/check_spf.h"

#include "common/base/clock.h"
#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#include <string.h>

static const char zone[] = "bank.example          TXT v=spf1 ip4:192.0.2.1 -all\n"
                           "shop.example          TXT v=spf1 ip4:192.0.2.1 ~all\n"
                           "list.example          TXT v=spf1 ip4:192.0.2.20 -all\n"
                           "mx.helo.example       TXT v=spf1 ip4:192.0.2.1 -all\n"
                           "unsure.example        TXT v=spf1 ?all\n"
                           "broken.example        TXT v=spf1 ip4:nonsense -all\n"
                           "plain.example         A   192.0.2.30\n"
                           "dead.example          SERVFAIL\n";

static const struct {
    const char *client, *sender;
    enum spf_result result; /* which gets `action` */
    bool helo;
    int action;
    const char *reply; /* beginning */
} rows[] = {
    {"192.0.2.9", "x@shop.example", SPF_SOFTFAIL, false, POLICYD_SPF_REJECT,
     "550 5.7.23 SPF: shop.example doubts that 192.0.2.9 may send its mail; see RFC 7208"},
    {"192.0.2.9", "x@shop.example", SPF_SOFTFAIL, false, POLICYD_SPF_TEMPFAIL,
     "451 4.7.23 SPF: shop.example doubts that 192.0.2.9 may send its mail; try again"},
    {"192.0.2.9", "x@plain.example", SPF_NONE, false, POLICYD_SPF_REJECT,
     "550 5.7.23 SPF: no SPF record at plain.example; see"},
    {"192.0.2.9", "x@broken.example", SPF_PERMERROR, false, POLICYD_SPF_REJECT,
     "550 5.7.24 SPF: the SPF record of broken.example: "},
    {"192.0.2.9", "x@unsure.example", SPF_NEUTRAL, false, POLICYD_SPF_REJECT,
     "550 5.7.23 SPF: unsure.example does not say whether 192.0.2.9 may send its mail"},
    {"192.0.2.9", "x@bank.example", SPF_SOFTFAIL, false, POLICYD_SPF_REJECT,
     "PREPEND Received-SPF: fail"},
    /* the HELO name by itself, whatever MAIL FROM says; and once for the null sender */
    {"192.0.2.30", "x@plain.example", SPF_FAIL, true, POLICYD_SPF_REJECT,
     "550 5.7.23 SPF of the HELO name: mx.helo.example does not let 192.0.2.30 send"},
    {"192.0.2.1", "x@plain.example", SPF_FAIL, true, POLICYD_SPF_REJECT,
     "PREPEND Received-SPF: none"},
    {"192.0.2.9", "", SPF_FAIL, true, POLICYD_SPF_TEMPFAIL,
     "451 4.7.23 SPF of the HELO name: mx.helo.example does not let 192.0.2.9 send"},
    {"192.0.2.9", "", SPF_FAIL, false, POLICYD_SPF_REJECT,
     "550 5.7.23 SPF of the HELO name: mx.helo.example does not let"},
    /* who forwards for a domain that we trust is not refused */
    {"192.0.2.20", "x@bank.example", SPF_FAIL, false, POLICYD_SPF_REJECT,
     "PREPEND Received-SPF: fail"},
    {"192.0.2.20", "x@plain.example", SPF_FAIL, true, POLICYD_SPF_REJECT,
     "PREPEND Received-SPF: none"},
};

START_TEST(each_result_has_its_action)
{
    static char dead[] = "dead.example", list[] = "list.example";
    static char *forwarders[] = {dead, list};
    struct policyd_settings settings = {
        .spf_header = true,
        .spf_max_voids = 2,
        .trusted_forwarders = {.items = forwarders, .count = 2},
    };
    struct policyd_view view = {.settings = &settings, .hostname = "mx.home.example"};
    struct arena mem;
    struct policyd_work work = {
        .view = &view, .mem = &mem, .deadline_mono_ms = clock_mono_ms() + 2000};
    struct policy_request request = {
        .protocol_state = SPAN_LIT("RCPT"),
        .helo_name = SPAN_LIT("mx.helo.example"),
        .sender = span_cstr(rows[_i].sender),
        .client_address = span_cstr(rows[_i].client),
    };
    struct policy_memory memory = {.prepended_bytes = 0};
    struct policy_question question = {.work = &work, .request = &request, .memory = &memory};
    struct policy_action action;

    arena_init(&mem, POLICYD_REQUEST_MAX_BYTES);
    view.dns = fake_dns_new(zone);
    (rows[_i].helo ? settings.spf_helo_on : settings.spf_on)[rows[_i].result] = rows[_i].action;
    policy_checks_prepare(&question);
    ck_assert_int_ne(check_spf(&question, &action), POLICY_NONE);
    ck_assert_msg(span_has_prefix(action.value, span_cstr(rows[_i].reply)), "%.*s",
                  SPAN_ARG(action.value));
    dns_free(view.dns);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("check_spf");
    TCase *tcase = tcase_create("actions");

    tcase_add_loop_test(tcase, each_result_has_its_action, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
