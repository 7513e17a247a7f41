/* What a connection's words decide: -PLUS, EXTERNAL, ANONYMOUS, CRAM-MD5, master users, storing
 * anew. */
#include "authd/auth_session.h"

#include "authd/accounts/password_make.h"
#include "common/base/crypto.h"
#include "common/text/base64.h"
#include "tests/support/authd_talk.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#define HELLO(minor_) "VERSION\t1\t" minor_ "\nCPID\t10655\n"
#define BOB_PLAIN "AGJvYkBob21lLnRlc3QAcHcgd29yZA=="

static struct authd_talk talk;

static void
postfix_session(struct stream *stream, struct daemon *d)
{
    auth_session_run(stream, d, AUTH_PEER_POSTFIX);
}

static void
dovecot_session(struct stream *stream, struct daemon *d)
{
    auth_session_run(stream, d, AUTH_PEER_DOVECOT);
}

static void
say(const char *text)
{
    authd_talk_say(&talk, span_cstr(text));
}

static void
expect(const char *want)
{
    const char *got = authd_talk_line(&talk);

    ck_assert_msg(strcmp(got, want) == 0, "\"%s\" is not \"%s\"", got, want);
}

static void
skip_greeting(void)
{
    const char *line;

    while (strcmp(line = authd_talk_line(&talk), "DONE") != 0)
        ck_assert_str_ne(line, "");
}

static void
begin(const char *hello)
{
    authd_talk_start(&talk, dovecot_session);
    say(hello);
    skip_greeting();
}

/* AUTH with an initial response of these bytes. */
static void
auth(unsigned id, const char *mech, const char *parameters, struct span response)
{
    struct buf line;

    buf_init(&line, 4096);
    buf_addf(&line, "AUTH\t%u\t%s\tservice=imap\t%sresp=", id, mech, parameters);
    base64_encode(&line, response);
    buf_add_char(&line, '\n');
    authd_talk_say(&talk, buf_span(&line));
    buf_fini(&line);
}

static void
set_password(const char *address, const char *stored, const char *scram_keys)
{
    struct account_address parsed;
    struct arena mem;
    struct err e = {""};

    arena_init(&mem, 4096);
    ck_assert_int_eq(account_address_parse(span_cstr(address), false, &mem, &parsed, &e), OR_OK);
    ck_assert_int_eq(account_db_set_password(talk.accounts, &parsed, span_cstr(stored),
                                             span_cstr(scram_keys), &e),
                     OR_OK);
    arena_fini(&mem);
}

static void
find(const char *address, struct arena *mem, struct account_row *row_out)
{
    struct account_address parsed;
    struct err e = {""};

    ck_assert_int_eq(account_address_parse(span_cstr(address), false, mem, &parsed, &e), OR_OK);
    ck_assert_int_eq(account_db_find(talk.accounts, &parsed, mem, row_out, &e), OR_OK);
}

static void
tear_down(void)
{
    authd_talk_fini(&talk);
}

/* ---- channel binding, CANCELLED */

static void
set_up_binding(void)
{
    authd_talk_init(&talk, "mechanisms = {\"PLAIN\", \"SCRAM-SHA-256\", \"SCRAM-SHA-256-PLUS\"}");
}

#define LINE_PLUS "MECH\tSCRAM-SHA-256-PLUS\tmutual-auth\tchannel-binding"

/* Who is told of mechanisms that bind; "": greeted without having said a word. */
static const struct {
    authd_talk_session session;
    const char *hello;
    bool plus;
} greetings[] = {
    {dovecot_session, HELLO("2"), false}, /* Dovecot 2.3 */
    {dovecot_session, HELLO("3"), true},  /* 2.4.1 */
    {dovecot_session, HELLO("4"), true},  {postfix_session, HELLO("0"), false},
    {postfix_session, HELLO("4"), false}, {dovecot_session, "", false}, /* Exim */
};

START_TEST(binding_is_offered_to_who_can)
{
    const char *line;
    bool plus = false;

    authd_talk_start(&talk, greetings[_i].session);
    say(greetings[_i].hello);
    expect("VERSION\t1\t4");
    expect("MECH\tPLAIN\tplaintext");
    expect("MECH\tSCRAM-SHA-256\tmutual-auth");
    while (strcmp(line = authd_talk_line(&talk), "DONE") != 0)
        plus |= strcmp(line, LINE_PLUS) == 0;
    ck_assert_int_eq(plus, greetings[_i].plus);
    if (greetings[_i].hello[0] == '\0')
        say(HELLO("0"));
    say("AUTH\t1\tPLAIN\tservice=imap\tresp=" BOB_PLAIN "\n");
    expect("OK\t1\tuser=bob@home.test");
}
END_TEST

START_TEST(binding_is_asked_for_and_taken)
{
    const char *got;

    begin(HELLO("3"));
    auth(1, "SCRAM-SHA-256-PLUS", "secured=tls\t",
         SPAN_LIT("p=tls-exporter,,n=bob@home.test,r=abc"));
    got = authd_talk_line(&talk);
    ck_assert_msg(strncmp(got, "CONT\t1\tcj", 9) == 0 &&
                      strstr(got, "\tchannel_binding=tls-exporter") != NULL,
                  "%s", got);
    /* Without it nothing is proven. */
    say("CONT\t1\tYz1jRDEwYkhNdFpYaHdiM0owWlhJc0xBPT0scj1hYmMscD1BQUFB\n");
    expect("FAIL\t1\tuser=bob@home.test");
    auth(2, "SCRAM-SHA-256-PLUS", "secured=tls\t",
         SPAN_LIT("p=tls-exporter,,n=bob@home.test,r=abc"));
    got = authd_talk_line(&talk);
    ck_assert_ptr_nonnull(strstr(got, "\tchannel_binding=tls-exporter"));
    say("CONT\t2\tYz1iaXdz\tchannel_binding=!\n"); /* a peer that does not speak the protocol */
    expect("");
}
END_TEST

START_TEST(a_taken_away_offer_is_noticed)
{
    begin(HELLO("3"));
    auth(1, "SCRAM-SHA-256", "secured=tls\t", SPAN_LIT("y,,n=bob@home.test,r=abc"));
    expect("FAIL\t1");
    /* Without TLS there was no such offer, nor is there for older clients. */
    auth(2, "SCRAM-SHA-256", "", SPAN_LIT("y,,n=bob@home.test,r=abc"));
    ck_assert_int_eq(strncmp(authd_talk_line(&talk), "CONT\t2\t", 7), 0);
    authd_talk_end(&talk);
    begin(HELLO("2"));
    auth(1, "SCRAM-SHA-256", "secured=tls\t", SPAN_LIT("y,,n=bob@home.test,r=abc"));
    ck_assert_int_eq(strncmp(authd_talk_line(&talk), "CONT\t1\t", 7), 0);
}
END_TEST

START_TEST(cancel_is_answered_to_who_waits)
{
    begin(HELLO("4"));
    say("AUTH\t1\tSCRAM-SHA-256\tservice=imap\n");
    expect("CONT\t1\t");
    say("CANCEL\t1\nCANCEL\t9\n");
    expect("CANCELLED\t1");
    expect("CANCELLED\t9");
    authd_talk_end(&talk);
    begin(HELLO("3"));
    say("CANCEL\t1\nAUTH\t2\tPLAIN\tservice=imap\tresp=" BOB_PLAIN "\n");
    expect("OK\t2\tuser=bob@home.test");
}
END_TEST

/* ---- EXTERNAL */

static void
set_up_external(void)
{
    authd_talk_init(&talk, "mechanisms = {\"EXTERNAL\", \"PLAIN\"}");
}

static const struct {
    const char *parameters;
    struct span response;
    const char *answer;
} externals[] = {
    {"valid-client-cert\tcert_username=bob@home.test\t", SPAN_INIT(""),
     "OK\t1\tuser=bob@home.test"},
    {"valid-client-cert\tcert_username=BOB@Home.test\t", SPAN_INIT("bob@home.test"),
     "OK\t1\tuser=bob@home.test"},
    {"valid-client-cert\tcert_username=bob@home.test\t", SPAN_INIT("eve@home.test"),
     "FAIL\t1\tuser=bob@home.test\tcode=authz_fail"},
    {"valid-client-cert\tcert_username=nobody@home.test\t", SPAN_INIT(""),
     "FAIL\t1\tuser=nobody@home.test"},
    {"valid-client-cert\tcert_username=off@home.test\t", SPAN_INIT(""),
     "FAIL\t1\tuser=off@home.test\tcode=user_disabled"},
    /* A name in a certificate that nobody has checked is only a word. */
    {"cert_username=bob@home.test\t", SPAN_INIT(""), "FAIL\t1"},
    {"valid-client-cert\t", SPAN_INIT("bob@home.test"), "FAIL\t1"},
    {"", SPAN_INIT("bob@home.test"), "FAIL\t1"},
};

START_TEST(external)
{
    begin(HELLO("2"));
    auth(1, "EXTERNAL", externals[_i].parameters, externals[_i].response);
    expect(externals[_i].answer);
}
END_TEST

/* ---- ANONYMOUS */

static void
set_up_anonymous(void)
{
    authd_talk_init(&talk, "mechanisms = {\"PLAIN\", \"ANONYMOUS\"}\n"
                           "anonymous-user = \"Eve@HOME.test\"\n"
                           "master-users = {\"eve@home.test\"}");
}

static const struct {
    const char *said, *answer;
} anonymous[] = {
    {"service=imap\tresp=c2lyaGM=\n", "OK\t1\tuser=eve@home.test\tanonymous"}, /* RFC 4505 4 */
    {"service=pop3\tresp=\n", "OK\t1\tuser=eve@home.test\tanonymous"},
    /* 2.4's word for it */
    {"protocol=imap\tresp=\n", "OK\t1\tuser=eve@home.test\tanonymous"},
    /* nobody sends, or writes scripts, without a name */
    {"service=smtp\tresp=\n", "FAIL\t1"},
    {"service=submission\tresp=\n", "FAIL\t1"},
    {"service=sieve\tresp=\n", "FAIL\t1"},
    {"service=\tresp=\n", "FAIL\t1"},
    {"resp=\n", "FAIL\t1"},
    /* a trace with NUL, and one that is not UTF-8 */
    {"service=imap\tresp=YQBi\n", "FAIL\t1"},
    {"service=imap\tresp=/w==\n", "FAIL\t1"},
};

START_TEST(anonymous_reads)
{
    authd_talk_start(&talk, dovecot_session);
    say(HELLO("2"));
    expect("VERSION\t1\t4");
    expect("MECH\tPLAIN\tplaintext");
    expect("MECH\tANONYMOUS\tanonymous"); /* Postfix drops it for its noanonymous */
    skip_greeting();
    say("AUTH\t1\tANONYMOUS\t");
    say(anonymous[_i].said);
    expect(anonymous[_i].answer);
}
END_TEST

START_TEST(anonymous_is_asked)
{
    begin(HELLO("2"));
    say("AUTH\t1\tANONYMOUS\tservice=imap\n");
    expect("CONT\t1\t");
    say("CONT\t1\tc2lyaGM=\n");
    expect("OK\t1\tuser=eve@home.test\tanonymous");
}
END_TEST

static const struct {
    const char *options, *answer;
} no_anonymous[] = {
    {"", "FAIL\t1\treason=Unsupported authentication mechanism"},
    {"anonymous-user = \"eve@home.test\"", "FAIL\t1\treason=Unsupported authentication mechanism"},
    {"mechanisms = {\"ANONYMOUS\"}\nanonymous-user = \"off@home.test\"",
     "FAIL\t1\tuser=off@home.test\tcode=user_disabled"},
    {"mechanisms = {\"ANONYMOUS\"}\nanonymous-user = \"nobody@home.test\"",
     "FAIL\t1\tuser=nobody@home.test"},
};

START_TEST(anonymous_is_off)
{
    authd_talk_init(&talk, no_anonymous[_i].options);
    begin(HELLO("2"));
    auth(1, "ANONYMOUS", "", SPAN_EMPTY);
    expect(no_anonymous[_i].answer);
}
END_TEST

/* ---- CRAM-MD5 */

static void
set_up_cram(void)
{
    authd_talk_init(&talk, "mechanisms = {\"CRAM-MD5\", \"PLAIN\"}\nallow-weak-schemes = yes\n"
                           "rehash = yes");
    set_password("eve@home.test", "{PLAIN}tanstaaf", "");
}

/* What a client answers to the challenge in `line` ("CONT<TAB>id<TAB>base64"). */
static void
answer_cram(unsigned id, const char *user, const char *password)
{
    const char *line = authd_talk_line(&talk), *base64 = strrchr(line, '\t') + 1;
    unsigned char mac[CRYPTO_MD5_BYTES];
    struct buf challenge, text, reply;

    buf_init(&challenge, 512);
    buf_init(&text, 512);
    buf_init(&reply, 1024);
    ck_assert_int_eq(base64_decode(span_cstr(base64), BASE64_STRICT, &challenge), OR_OK);
    ck_assert(crypto_hmac_md5(span_cstr(password), buf_span(&challenge), mac));
    buf_addf(&text, "%s ", user);
    for (size_t i = 0; i < sizeof(mac); i++)
        buf_addf(&text, "%02x", mac[i]);
    buf_addf(&reply, "CONT\t%u\t", id);
    base64_encode(&reply, buf_span(&text));
    buf_add_char(&reply, '\n');
    authd_talk_say(&talk, buf_span(&reply));
    buf_fini(&challenge);
    buf_fini(&text);
    buf_fini(&reply);
}

START_TEST(cram_md5)
{
    begin(HELLO("2"));
    say("AUTH\t1\tCRAM-MD5\tservice=imap\n");
    answer_cram(1, "eve@home.test", "tanstaaf");
    expect("OK\t1\tuser=eve@home.test");
    say("AUTH\t2\tCRAM-MD5\tservice=imap\n");
    answer_cram(2, "eve@home.test", "else");
    expect("FAIL\t2\tuser=eve@home.test");
    say("AUTH\t3\tCRAM-MD5\tservice=imap\n");
    answer_cram(3, "bob@home.test", "pw word"); /* stored as a hash */
    expect("FAIL\t3\tuser=bob@home.test");
    say("AUTH\t4\tCRAM-MD5\tservice=imap\n");
    answer_cram(4, "nobody@home.test", "");
    expect("FAIL\t4\tuser=nobody@home.test");
    /* By PLAIN, too; and it stays stored in plain text, or CRAM-MD5 could not go on. */
    auth(5, "PLAIN", "", SPAN_LIT("\0eve@home.test\0tanstaaf"));
    expect("OK\t5\tuser=eve@home.test");
    say("AUTH\t6\tCRAM-MD5\tservice=imap\n");
    answer_cram(6, "eve@home.test", "tanstaaf");
    expect("OK\t6\tuser=eve@home.test");
}
END_TEST

/* ---- master users */

static void
set_up_masters(void)
{
    authd_talk_init(&talk, "mechanisms = {\"PLAIN\", \"SCRAM-SHA-256\"}\n"
                           "master-users = {\"Eve@HOME.test\", \"off@home.test\"}");
}

static const struct {
    struct span response;
    const char *answer;
} masters[] = {
    {SPAN_INIT("\0bob@home.test*eve@home.test\0other"), "OK\t1\tuser=bob@home.test"},
    {SPAN_INIT("bob@home.test\0eve@home.test\0other"), "OK\t1\tuser=bob@home.test"},
    {SPAN_INIT("\0eve@home.test\0other"), "OK\t1\tuser=eve@home.test"},
    /* his own password does not open it this way, nor does the master's his account */
    {SPAN_INIT("\0bob@home.test*eve@home.test\0pw word"),
     "FAIL\t1\tuser=bob@home.test*eve@home.test"},
    {SPAN_INIT("\0bob@home.test\0other"), "FAIL\t1\tuser=bob@home.test"},
    /* no masters */
    {SPAN_INIT("\0eve@home.test*bob@home.test\0pw word"),
     "FAIL\t1\tuser=eve@home.test*bob@home.test\tcode=authz_fail"},
    {SPAN_INIT("eve@home.test\0bob@home.test\0pw word"),
     "FAIL\t1\tuser=bob@home.test\tcode=authz_fail"},
    /* a master who may not log in himself; an account that nobody may; one that is not there */
    {SPAN_INIT("\0bob@home.test*off@home.test\0pw word"),
     "FAIL\t1\tuser=bob@home.test*off@home.test\tcode=user_disabled"},
    {SPAN_INIT("\0off@home.test*eve@home.test\0other"),
     "FAIL\t1\tuser=off@home.test*eve@home.test\tcode=user_disabled"},
    {SPAN_INIT("\0nobody@home.test*eve@home.test\0other"),
     "FAIL\t1\tuser=nobody@home.test*eve@home.test\tcode=authz_fail"},
    {SPAN_INIT("\0*eve@home.test\0other"), "OK\t1\tuser=eve@home.test"},
    {SPAN_INIT("\0bob@home.test*\0other"), "FAIL\t1\tuser=bob@home.test*"},
    {SPAN_INIT("own@home.test\0bob@home.test*eve@home.test\0other"),
     "FAIL\t1\tuser=bob@home.test*eve@home.test"},
};

START_TEST(master)
{
    begin(HELLO("2"));
    auth(1, "PLAIN", "", masters[_i].response);
    expect(masters[_i].answer);
}
END_TEST

/* Without master users a star is a letter like others. */
START_TEST(no_master)
{
    begin(HELLO("2"));
    auth(1, "PLAIN", "", SPAN_LIT("\0bob@home.test*eve@home.test\0other"));
    expect("FAIL\t1\tuser=bob@home.test*eve@home.test");
}
END_TEST

/* ---- storing anew */

static void
set_up_rehash(void)
{
    authd_talk_init(&talk, "mechanisms = {\"PLAIN\", \"SCRAM-SHA-256\"}\nrehash = yes\n"
                           "password-scheme = ARGON2ID");
}

START_TEST(a_weaker_password_is_stored_anew)
{
    struct account_row row;
    struct arena mem;

    arena_init(&mem, 65536);
    begin(HELLO("2"));
    auth(1, "PLAIN", "", SPAN_LIT("\0bob@home.test\0wrong"));
    expect("FAIL\t1\tuser=bob@home.test");
    find("bob@home.test", &mem, &row);
    ck_assert(span_has_prefix(row.password, SPAN_LIT("{SHA512-CRYPT}")));
    auth(2, "PLAIN", "", SPAN_LIT("\0bob@home.test\0pw word"));
    expect("OK\t2\tuser=bob@home.test");
    find("bob@home.test", &mem, &row);
    ck_assert_msg(span_has_prefix(row.password, SPAN_LIT("{ARGON2ID}")), "%.*s",
                  SPAN_ARG(row.password));
    ck_assert(span_has_prefix(row.scram_keys, SPAN_LIT("{SCRAM-SHA-1}")));
    auth(3, "PLAIN", "", SPAN_LIT("\0bob@home.test\0pw word"));
    expect("OK\t3\tuser=bob@home.test");
    auth(4, "PLAIN", "", SPAN_LIT("\0bob@home.test\0wrong"));
    expect("FAIL\t4\tuser=bob@home.test");
    arena_fini(&mem);
}
END_TEST

/* Strong enough, but SCRAM is offered and could not be done with it. Once is enough. */
START_TEST(scram_keys_are_added)
{
    struct account_row row, again;
    struct password_made made;
    struct arena mem;
    struct err e = {""};

    arena_init(&mem, 65536);
    ck_assert_int_eq(password_make(PASSWORD_YESCRYPT, SPAN_LIT("other"), &made, &e), OR_OK);
    set_password("eve@home.test", made.stored, "");
    begin(HELLO("2"));
    auth(1, "PLAIN", "", SPAN_LIT("\0eve@home.test\0other"));
    expect("OK\t1\tuser=eve@home.test");
    find("eve@home.test", &mem, &row);
    ck_assert(span_has_prefix(row.scram_keys, SPAN_LIT("{SCRAM-SHA-1}")));
    auth(2, "PLAIN", "", SPAN_LIT("\0eve@home.test\0other"));
    expect("OK\t2\tuser=eve@home.test");
    find("eve@home.test", &mem, &again);
    ck_assert(span_equal(row.password, again.password));
    arena_fini(&mem);
}
END_TEST

/* A password changed by somebody else meanwhile is not overwritten. */
START_TEST(only_what_is_still_stored_is_replaced)
{
    struct account_row row, now;
    struct arena mem;
    struct err e = {""};

    arena_init(&mem, 65536);
    find("bob@home.test", &mem, &row);
    set_password("bob@home.test", "{CRYPT}new", "");
    ck_assert_int_eq(account_db_replace_password(talk.accounts, &row, SPAN_LIT("{CRYPT}late"),
                                                 SPAN_LIT("keys"), &e),
                     OR_ABSENT);
    find("bob@home.test", &mem, &now);
    ck_assert_span_eq(now.password, "{CRYPT}new");
    arena_fini(&mem);
}
END_TEST

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static TCase *
add_case(Suite *s, const char *name, void (*set_up)(void))
{
    TCase *c = tcase_create(name);

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_set_timeout(c, 60);
    suite_add_tcase(s, c);
    return c;
}

int
main(void)
{
    Suite *s = suite_create("auth_session_mechs");
    TCase *binding = add_case(s, "binding", set_up_binding);

    tcase_add_loop_test(binding, binding_is_offered_to_who_can, 0, COUNT(greetings));
    tcase_add_test(binding, binding_is_asked_for_and_taken);
    tcase_add_test(binding, a_taken_away_offer_is_noticed);
    tcase_add_test(binding, cancel_is_answered_to_who_waits);
    tcase_add_loop_test(add_case(s, "external", set_up_external), external, 0, COUNT(externals));
    TCase *nobody = add_case(s, "anonymous", set_up_anonymous);
    tcase_add_loop_test(nobody, anonymous_reads, 0, COUNT(anonymous));
    tcase_add_test(nobody, anonymous_is_asked);
    tcase_add_loop_test(add_case(s, "no anonymous", NULL), anonymous_is_off, 0,
                        COUNT(no_anonymous));
    tcase_add_test(add_case(s, "cram", set_up_cram), cram_md5);
    tcase_add_loop_test(add_case(s, "masters", set_up_masters), master, 0, COUNT(masters));
    tcase_add_test(add_case(s, "no masters", set_up_external), no_master);
    TCase *rehash = add_case(s, "rehash", set_up_rehash);
    tcase_add_test(rehash, a_weaker_password_is_stored_anew);
    tcase_add_test(rehash, scram_keys_are_added);
    tcase_add_test(rehash, only_what_is_still_stored_is_replaced);
    return unit_main(s);
}
