/* Postfix's attributes in, an action that Postfix's parser cannot misread out. */
#include "policyd/policy_request.h"
#include "tests/support/unit.h"

/* Captured from Postfix 3.7.11. */
static const char captured[] =
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
    "client_address=127.0.0.1\nclient_name=localhost\nclient_port=50586\n"
    "reverse_client_name=localhost\nserver_address=127.0.0.1\nserver_port=10025\n"
    "helo_name=client.example.org\nsender=bob@example.com\nrecipient=a b@example.com\n"
    "recipient_count=0\nqueue_id=46105A828E4\ninstance=3cba.6b03640d.443cc.0\nsize=300\n"
    "etrn_domain=\nstress=\nsasl_method=PLAIN\nsasl_username=bob@example.com\nsasl_sender=\n"
    "ccert_subject=\nencryption_protocol=\npolicy_context=\nnew_in_postfix_9=x\n\n";

START_TEST(a_captured_request_is_understood)
{
    struct policy_request r;
    struct attrs attrs;

    ck_assert(attrs_parse(span_cstr(captured), &attrs, NULL) == OR_OK);
    policy_request_parse(&attrs, &r);
    ck_assert_span_eq(r.protocol_state, "RCPT");
    ck_assert_span_eq(r.queue_id, "46105A828E4");
    ck_assert_span_eq(r.instance, "3cba.6b03640d.443cc.0");
    ck_assert_span_eq(r.client_address, "127.0.0.1");
    ck_assert_span_eq(r.client_name, "localhost");
    ck_assert_span_eq(r.helo_name, "client.example.org");
    ck_assert_span_eq(r.sender, "bob@example.com");
    ck_assert_span_eq(r.recipient, "a b@example.com");
    ck_assert_span_eq(r.sasl_username, "bob@example.com");
}
END_TEST

START_TEST(absent_attributes_are_empty)
{
    struct policy_request r;
    struct attrs attrs;

    ck_assert(attrs_parse(SPAN_LIT("request=smtpd_access_policy\n\n"), &attrs, NULL) == OR_OK);
    policy_request_parse(&attrs, &r);
    ck_assert_ptr_nonnull(r.sender.p);
    ck_assert_uint_eq(r.sender.n + r.instance.n + r.client_address.n, 0);
}
END_TEST

START_TEST(answers_are_what_postfix_can_read)
{
    static const struct {
        const char *action;
        const char *answer;
    } rows[] = {
        {"DUNNO", "action=DUNNO\n\n"},
        {"", "action=DUNNO\n\n"}, /* "action=" alone would permit */
        {" \t ", "action=DUNNO\n\n"},
        {"550 5.7.23 no\r\n\r\naction=OK\n\n", "action=550 5.7.23 no    action=OK\n\n"},
        {"550 b\xc3\xbc\xc3", "action=550 b\xc3\xbc?\n\n"},         /* cut character */
        {"550 \xff\xfe x \xed\xa0\x80", "action=550 ?? x ???\n\n"}, /* not UTF-8; a surrogate */
        {"550 a\x7f\xc2\x85z", "action=550 a  z\n\n"},              /* DEL, NEL */
        {"550 a\x1b[31mz", "action=550 a [31mz\n\n"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;

        buf_init(&out, 4096);
        policy_request_answer(&out, span_cstr(rows[i].action));
        ck_assert_span_eq(buf_span(&out), rows[i].answer);
        buf_fini(&out);
    }
}
END_TEST

START_TEST(long_answers_are_cut_between_characters)
{
    struct buf action, out;

    buf_init(&action, 8192);
    buf_init(&out, 8192);
    buf_add_char(&action, 'x');
    while (action.n < 3000)
        buf_add_cstr(&action, "\xc3\xbc");
    policy_request_answer(&out, buf_span(&action));
    ck_assert_uint_le(out.n, 7 + POLICY_ACTION_MAX_BYTES + 2);
    ck_assert_uint_ge(out.n, POLICY_ACTION_MAX_BYTES);
    ck_assert(span_has_suffix_nocase(buf_span(&out), SPAN_LIT("\xc3\xbc\n\n")));
    buf_fini(&action);
    buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("policy_request");
    TCase *tests = tcase_create("all");

    tcase_add_test(tests, a_captured_request_is_understood);
    tcase_add_test(tests, absent_attributes_are_empty);
    tcase_add_test(tests, answers_are_what_postfix_can_read);
    tcase_add_test(tests, long_answers_are_cut_between_characters);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
