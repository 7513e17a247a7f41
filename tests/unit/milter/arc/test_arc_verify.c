/* Verifying chains of two sets with one thing changed at a time (RFC 8617 5.2). */
#include "milter/arc/arc_verify.h"

#include "tests/support/arc_mail.h"
#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#include <string.h>

static struct arc_mail mail;

static void
set_up(void)
{
    arc_mail_init(&mail);
    ck_assert_int_eq(arc_mail_seal(&mail, NULL), OR_OK);
    ck_assert_int_eq(arc_mail_seal(&mail, NULL), OR_OK);
}

static void
tear_down(void)
{
    arc_mail_fini(&mail);
}

static const struct {
    const char *name;
    const char *from, *to;
    const char *verdict; /* begins with */
} rows[] = {
    {"nothing", "", "", "pass: the chain is valid"},
    {"a field that nobody signs", "From: ann", "X: y\r\nFrom: ann", "pass: the chain is valid"},
    {"the body", "and more", "and less",
     "fail: set 2: the message signature is not valid: the body"},
    {"the subject", "Subject: hello", "Subject: bye", "fail: set 2: the message signature is not"},
    {"the DKIM signature", "stand-in", "forged", "fail: set 2: the message signature is not"},
    {"the newest results", "i=2; forward.test;\r\n\tspf=pass", "i=2; forward.test; spf=fail",
     "fail: set 2: the seal is not valid: the signature does not match"},
    {"the older results", "i=1; forward.test;\r\n\tspf=pass", "i=1; forward.test; spf=fail",
     "fail: set 2: the seal is not valid: the signature does not match"},
    {"white space that relaxed ignores", "i=1; forward.test;\r\n\tspf", "i=1;  forward.test;\tspf",
     "pass: the chain is valid"},
    {"cv= of a seal", "cv=pass", "cv=fail", "fail: set 2: the sealer found the chain broken"},
    {"h= in a seal", "cv=pass;", "cv=pass; h=from;",
     "fail: set 2: the seal is not valid: the signature field holds what must not be in it (h=)"},
    {"an unknown tag in a seal", "cv=pass;", "cv=pass; z=1;",
     "fail: set 2: the seal is not valid: the signature does not match"},
    {"another domain", "cv=pass; d=forward.test", "cv=pass; d=nobody.test",
     "fail: set 2: the seal is not valid: there is no key record"},
    {"rsa-sha1", "a=ed25519-sha256; cv=pass", "a=rsa-sha1; cv=pass",
     "fail: set 2: the seal is not valid: rsa-sha1"},
    {"ARC-Seal in h=", "h=From", "h=ARC-Seal:From",
     "fail: set 2: the message signature is not valid: the signature field holds"},
    {"no From in h=", "h=From:From", "h=To",
     "fail: set 2: the message signature is not valid: the From field is not"},
    {"a message signature from the future", "t=1700000000", "t=1800000000", "fail: set 2: "},
    {"a set taken off", "ARC-Seal: i=1;", "X-Was: i=1;", "fail: set 1: the set has no ARC-Seal"},
    {"a set twice", "ARC-Seal: i=1;", "ARC-Seal: i=2;", "fail: set 2: a field of the set stands"},
};

START_TEST(change_is_found)
{
    arc_mail_replace(&mail, rows[_i].from, rows[_i].to);
    for (int everything = 0; everything < 2; everything++) {
        arc_mail_verify(&mail, everything != 0);
        ck_assert_msg(
            strncmp(arc_mail_verdict(&mail), rows[_i].verdict, strlen(rows[_i].verdict)) == 0,
            "%s: %s", rows[_i].name, arc_mail_verdict(&mail));
    }
}
END_TEST

/* RFC 8617 5.2: an older message signature does not count. */
START_TEST(a_forwarder_may_change_the_message)
{
    struct arc_mail list;

    arc_mail_init(&list);
    ck_assert_int_eq(arc_mail_seal(&list, NULL), OR_OK);
    /* The list validates first, then adds its footer and seals what it sends. */
    arc_mail_verify(&list, false);
    ck_assert_int_eq(list.verify.result, ARC_PASS);
    arc_mail_seal_changed(&list, "and more", "footer");
    arc_mail_verify(&list, true);
    ck_assert_str_eq(arc_mail_verdict(&list), "pass: the chain is valid");
    ck_assert_int_eq(list.verify.sets[0].message->result, DKIM_FAIL);
    ck_assert_int_eq(list.verify.sets[1].message->result, DKIM_PASS);
    arc_mail_fini(&list);
}
END_TEST

START_TEST(everything_tells_of_older_message_signatures)
{
    arc_mail_verify(&mail, false);
    ck_assert_ptr_null(mail.verify.sets[0].message);
    arc_mail_verify(&mail, true);
    ck_assert_int_eq(mail.verify.sets[0].message->result, DKIM_PASS);
    ck_assert_int_eq(mail.verify.sets[0].seal->result, DKIM_PASS);
}
END_TEST

/* Whoever writes a long chain must not get a look-up out of us for each set. */
START_TEST(look_ups_end_with_the_first_bad_seal)
{
    arc_mail_replace(&mail, "i=2; forward.test;\r\n\tspf=pass", "i=2; forward.test; spf=fail");
    unsigned before = fake_dns_queries(mail.dns);
    arc_mail_verify(&mail, false);
    ck_assert_uint_eq(fake_dns_queries(mail.dns) - before, 2);
    ck_assert_ptr_null(mail.verify.sets[0].seal);
    arc_mail_replace(&mail, "Subject: hello", "Subject: bye");
    before = fake_dns_queries(mail.dns);
    arc_mail_verify(&mail, false);
    ck_assert_uint_eq(fake_dns_queries(mail.dns) - before, 1);
}
END_TEST

/* RFC 8617 5.2.1: DNS failures are permanent, too. */
START_TEST(dns_failure_is_a_failure)
{
    dns_free(mail.dns);
    mail.dns = fake_dns_new("s._domainkey.forward.test SERVFAIL\n");
    arc_mail_verify(&mail, false);
    ck_assert_int_eq(mail.verify.result, ARC_FAIL);
    ck_assert_int_eq(mail.verify.sets[1].message->result, DKIM_TEMPERROR);
}
END_TEST

START_TEST(message_without_sets_is_none)
{
    struct arc_mail plain;

    arc_mail_init(&plain);
    arc_mail_verify(&plain, false);
    ck_assert_str_eq(arc_mail_verdict(&plain), "none: the message has no ARC set");
    ck_assert_uint_eq(fake_dns_queries(plain.dns), 0);
    arc_mail_fini(&plain);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("arc_verify");
    TCase *c = tcase_create("chains");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, change_is_found, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(c, a_forwarder_may_change_the_message);
    tcase_add_test(c, everything_tells_of_older_message_signatures);
    tcase_add_test(c, look_ups_end_with_the_first_bad_seal);
    tcase_add_test(c, dns_failure_is_a_failure);
    tcase_add_test(c, message_without_sets_is_none);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
