/* Stored passwords in each scheme, as Dovecot 2.3.19's doveadm pw made them (SCRAM-SHA-512 by
 * hand). */
#include "authd/accounts/password_scheme.h"

#include "authd/accounts/password.h"
#include "common/base/clock.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#define GOOD "correct horse"
#define WAIT_MS 60000

static const struct {
    const char *stored;
    bool weak;
} rows[] = {
    {"{SHA256-CRYPT}$5$rounds=1000$i/tm8EFzc4eq0mIX$eTvdrU31iFpsFrYULoYX0Ttvq1rRY99KWYdaBwaS7U8",
     false},
    {"{CRYPT}$5$rounds=1000$i/tm8EFzc4eq0mIX$eTvdrU31iFpsFrYULoYX0Ttvq1rRY99KWYdaBwaS7U8", false},
    {"{BLF-CRYPT}$2y$05$tx3eNx4LAlo13b6TeHve.uI0ItgyvkBvRb0m9Mq3IjiKjTF854GxO", false},
    {"{CRYPT}$2y$05$tx3eNx4LAlo13b6TeHve.uI0ItgyvkBvRb0m9Mq3IjiKjTF854GxO", false},
    {"{MD5-CRYPT}$1$VO7iOql4$xdv0c1ioaZHrDkTW4I4My.", true},
    {"{CRYPT}$1$VO7iOql4$xdv0c1ioaZHrDkTW4I4My.", true},
    {"{ARGON2ID}$argon2id$v=19$m=262144,t=3,p=1$lLR7OE1O2/fkuH3/"
     "LLA1dw$384IzXXDI13dX2dc+55PqvBkG8AUp+/cDBVfvGTyM1E",
     false},
    {"{ARGON2I}$argon2i$v=19$m=32768,t=3,p=1$DhuaRp8Cdp26hQDo9OQOcQ$10jrhORdroXZbJBQ+Q89P9eyyOne/"
     "a0r/jBoY/uWF4E",
     false},
    {"{PBKDF2}$1$Dwq16qq/Q20k6F9.$5000$24eabd42c2c831072f9fe70efd4420c034aeab17", false},
    {"{SCRAM-SHA-1}4096,0ZrmyzXUPlVnwp/PHaOpSA==,K68Y/+pMVJh+mL9m/PmAQDiatLY=,OczhyQm1ETB/"
     "jx+iTBsH42zuRLQ=",
     false},
    {"{SCRAM-SHA-256}4096,LpCYMQ4jTLbjyGcTip9swg==,VSz1zE58WZQVS1N/"
     "S2FBJ0FO1xEkuIxfr+vdWQpvL1A=,KkcITAHs9vpmPBt7kue/JzC9YYBuRrIOGfSfUW+wEnI=",
     false},
    {"{SCRAM-SHA-512}4096,MDEyMzQ1Njc4OWFiY2RlZg==,nRsMU6tbbBvv06ltWFRFSddKpGQEVhaK+IEWSsn+"
     "jb7G1XaYtDiE2vgIKc8a8GcjjiSEDE8LvWKrHwUsns4lYg==,Dl3PjxsTjBZnfxZ8vHs5U7V4sF7YhoQhlhY2k//"
     "MdhVn5KZ7cTH5duiqRrpFqCYUAQZXPpKi2oASc4PdaLQT4Q==",
     false},
    {"{SSHA}n3azoQhWRnn//Z19Bi27bLmd6rN8CVlc", false},
    {"{SSHA256}U3iWB0HS/1n9azTC/Do3XOgJtzDLwI26pCAmOtX4wbctA6PR", false},
    {"{SSHA512}OFx85ucbDDbTpV64wozkAnwOl3Y6o/jpV1LSUp4MtVUKslrQP5Qr46wUbgLDAGi6o2kfg442tr4NCRMu0A/"
     "MQZl92Ps=",
     false},
    {"{ssha}n3azoQhWRnn//Z19Bi27bLmd6rN8CVlc", false},
    {"{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=", true},
    {"{SHA1}L55TUjtiq8FBorTWAZ0jy6g129A=", true},
    {"{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE=", true},
    {"{SHA512}VraY3v7bWkNbY0r+MyC7rz/"
     "c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew==",
     true},
    {"{SMD5}acQVL5Imqr87fcBvcLllpczdwx8=", true},
    {"{LDAP-MD5}PLTnMmMfR+brlh80VUt83g==", true},
    {"{PLAIN}correct horse", true},
    {"{CLEARTEXT}correct horse", true},
};

static or_status
check(const char *stored, const char *password, bool allow_weak, struct err *e)
{
    const struct password_question q = {span_cstr(stored), span_cstr(password),
                                        clock_mono_ms() + WAIT_MS, false, allow_weak};

    return password_check(&q, e);
}

START_TEST(test_scheme)
{
    const char *stored = rows[_i].stored;
    struct err e = {""};

    ck_assert_msg(check(stored, GOOD, true, &e) == OR_OK, "%s: %s", stored, e.text);
    ck_assert_msg(check(stored, "correct horsf", true, &e) == OR_ABSENT, "%s", stored);
    ck_assert_int_eq(check(stored, "", true, &e), OR_ABSENT);
    ck_assert(password_is_supported(span_cstr(stored)));
    or_status st = check(stored, GOOD, false, &e);
    ck_assert_int_eq(st, rows[_i].weak ? OR_MALFORMED : OR_OK);
    if (rows[_i].weak)
        ck_assert_ptr_nonnull(strstr(e.text, "allow-weak-schemes"));
}
END_TEST

/* A hash that lost its end matches nothing, and its remains are in no log. */
START_TEST(test_cut)
{
    char stored[400];
    struct err e = {""};

    snprintf(stored, sizeof(stored), "%s", rows[_i].stored);
    stored[strlen(stored) - 5] = '\0';
    or_status st = check(stored, GOOD, true, &e);
    ck_assert_msg(st == OR_MALFORMED || st == OR_ABSENT, "%s", stored);
    ck_assert_ptr_null(strstr(e.text, strchr(stored, '}') + 1));
}
END_TEST

/* Costs that would hold a thread, or take all memory. */
static const char *const dear[] = {
    "{BLF-CRYPT}$2y$31$tx3eNx4LAlo13b6TeHve.uI0ItgyvkBvRb0m9Mq3IjiKjTF854GxO",
    "{BLF-CRYPT}$2x$05$tx3eNx4LAlo13b6TeHve.uI0ItgyvkBvRb0m9Mq3IjiKjTF854GxO",
    "{SHA256-CRYPT}$5$rounds=99999999$i/tm8EFzc4eq0mIX$eTvdrU31iFpsFrYULoYX0Ttvq1rRY99KWYdaBwaS7U8",
    "{ARGON2ID}$argon2id$v=19$m=4194304,t=3,p=1$lLR7OE1O2/fkuH3/LLA1dw$384I",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=99,p=1$lLR7OE1O2/fkuH3/LLA1dw$384I",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=4$lLR7OE1O2/fkuH3/LLA1dw$384I",
    "{ARGON2ID}$argon2id$v=16$m=65536,t=3,p=1$lLR7OE1O2/fkuH3/LLA1dw$384I",
    "{ARGON2ID}$argon2id$m=65536",
    "{PBKDF2}$1$Dwq16qq/Q20k6F9.$99999999$24eabd42c2c831072f9fe70efd4420c034aeab17",
    "{PBKDF2}$1$Dwq16qq/Q20k6F9.$0$24eabd42c2c831072f9fe70efd4420c034aeab17",
    "{PBKDF2}$1$$5000$24eabd42c2c831072f9fe70efd4420c034aeab17",
    "{PBKDF2}$1$Dwq16qq/Q20k6F9.$5000$24eabd42c2c831072f9fe70efd4420c034aeabzz",
    "{SCRAM-SHA-1}99999999,0ZrmyzXUPlVnwp/PHaOpSA==,K68Y/+pMVJh+mL9m/PmAQDiatLY=,x",
    "{SCRAM-SHA-1}4096,0ZrmyzXUPlVnwp/PHaOpSA==,K68Y/+pMVJh+mL9m/PmAQDiatLY=",
    "{SCRAM-SHA-1}4096,0Zr,K68Y/+pMVJh+mL9m/PmAQDiatLY=,x",
    "{SSHA}",
    "{SSHA}L55TUjti",
    "{SSHA}not base64!",
};

START_TEST(test_refused)
{
    struct err e = {""};

    ck_assert_msg(check(dear[_i], GOOD, true, &e) == OR_MALFORMED, "%s", dear[_i]);
    ck_assert_str_ne(e.text, "");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("password_scheme");
    TCase *tcase = tcase_create("schemes");

    tcase_set_timeout(tcase, 100);
    tcase_add_loop_test(tcase, test_scheme, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_loop_test(tcase, test_cut, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_loop_test(tcase, test_refused, 0, (int)(sizeof(dear) / sizeof(dear[0])));
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
