/* SCRAM over the auth protocol: a client of SCRAM-SHA-256 against the session. */
#include "authd/auth_session.h"

#include "authd/accounts/password_make.h"
#include "common/text/base64.h"
#include "tests/support/authd_talk.h"
#include "tests/support/unit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELLO "VERSION\t1\t0\nCPID\t10655\n"
#define BOB "AGJvYkBob21lLnRlc3QAcHcgd29yZA=="

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

/* Starts a conversation and reads the greeting. */
static void
begin(authd_talk_session session)
{
    const char *line;

    authd_talk_start(&talk, session);
    while (strcmp(line = authd_talk_line(&talk), "DONE") != 0)
        ck_assert_str_ne(line, "");
}

static void
say(const char *text)
{
    authd_talk_say(&talk, span_cstr(text));
}

/* `lines` with LF between them; "" is a hang-up. */
static void
expect(const char *lines, size_t row)
{
    const char *rest = lines;

    do {
        size_t n = strcspn(rest, "\n");
        const char *got = authd_talk_line(&talk);

        ck_assert_msg(strlen(got) == n && memcmp(got, rest, n) == 0,
                      "row %zu: \"%s\" is not \"%s\"", row, got, lines);
        rest += n + (rest[n] != '\0');
    } while (*rest != '\0');
}

static void
tear_down(void)
{
    authd_talk_fini(&talk);
}

#define SCRAM_HELLO HELLO "AUTH\t1\tSCRAM-SHA-256\tservice=imap\t"
#define SCRAM_PASSWORD SPAN_LIT("pw word")

static void
set_up_scram(void)
{
    struct account_address bob;
    struct password_made made;
    struct arena mem;
    struct err e = {""};

    authd_talk_init(&talk, "mechanisms = {\"SCRAM-SHA-256\", \"PLAIN\"}\nrequire-tls = yes");
    arena_init(&mem, 4096);
    /* A password that was set once serves both. */
    ck_assert_int_eq(password_make(PASSWORD_SHA512_CRYPT, SCRAM_PASSWORD, &made, &e), OR_OK);
    ck_assert_int_eq(account_address_parse(SPAN_LIT("bob@home.test"), false, &mem, &bob, &e),
                     OR_OK);
    ck_assert_int_eq(account_db_set_password(talk.accounts, &bob, span_cstr(made.stored),
                                             span_cstr(made.scram_keys), &e),
                     OR_OK);
    arena_fini(&mem);
}

/* base64 decoded, with a NUL behind. */
static void
decode(const char *base64, char *out, size_t size)
{
    struct buf bytes;

    buf_init(&bytes, size - 1);
    ck_assert_int_eq(base64_decode(span_cstr(base64), BASE64_STRICT, &bytes), OR_OK);
    memcpy(out, bytes.p, bytes.n);
    out[bytes.n] = '\0';
    buf_fini(&bytes);
}

static void
add_base64(struct buf *out, struct span bytes)
{
    base64_encode(out, bytes);
    ck_assert_int_eq(buf_finish(out), OR_OK);
}

/* The proof for `messages` (RFC 5802 3), with keys derived from the server's salt and iterations.
 */
static void
add_proof(struct buf *out, const char *server_first, struct span password, struct span messages)
{
    struct scram_keys keys = {.digest = SCRAM_SHA256};
    unsigned char salted[32], client[64], signature[64];
    const char *salt = strstr(server_first, ",s=") + 3, *count = strstr(salt, ",i=") + 3;
    char text[64], raw[64];

    snprintf(text, sizeof(text), "%.*s", (int)(count - 3 - salt), salt);
    decode(text, raw, sizeof(raw));
    keys.salt_bytes = 16;
    memcpy(keys.salt, raw, 16);
    keys.iterations = (uint32_t)strtoul(count, NULL, 10);
    ck_assert_int_eq(scram_keys_derive(&keys, password), OR_OK);
    ck_assert_int_eq(PKCS5_PBKDF2_HMAC(password.p, (int)password.n, (const unsigned char *)raw, 16,
                                       (int)keys.iterations, EVP_sha256(), 32, salted),
                     1);
    ck_assert_int_eq(scram_hmac(SCRAM_SHA256, span_make((const char *)salted, 32),
                                SPAN_LIT("Client Key"), client),
                     OR_OK);
    ck_assert_int_eq(
        scram_hmac(SCRAM_SHA256, span_make((const char *)keys.stored_key, 32), messages, signature),
        OR_OK);
    for (size_t i = 0; i < 32; i++)
        client[i] ^= signature[i];
    add_base64(out, span_make((const char *)client, 32));
}

/* One exchange as far as the client's last message; `salt` gets "s=...,i=...". */
static void
scram(const char *user, struct span password, const char *parameters, char salt[64])
{
    char bare[128], first[256], reply[512], unproven[256], messages[1024];
    struct buf line, last;

    snprintf(bare, sizeof(bare), "n=%s,r=client", user);
    snprintf(first, sizeof(first), "n,,%s", bare);
    buf_init(&line, 1024);
    buf_addf(&line, SCRAM_HELLO "%sresp=", parameters);
    add_base64(&line, span_cstr(first));
    buf_add_char(&line, '\n');
    authd_talk_say(&talk, buf_span(&line));
    const char *got = authd_talk_line(&talk);
    ck_assert_msg(strncmp(got, "CONT\t1\t", 7) == 0, "%s", got);
    decode(got + 7, reply, sizeof(reply));
    snprintf(salt, 64, "%s", strstr(reply, ",s="));
    snprintf(unproven, sizeof(unproven), "c=biws,%.*s", (int)strcspn(reply, ","), reply);
    snprintf(messages, sizeof(messages), "%s,%s,%s", bare, reply, unproven);
    buf_init(&last, 1024);
    buf_addf(&last, "%s,p=", unproven);
    add_proof(&last, reply, password, span_cstr(messages));
    buf_fini(&line);
    buf_init(&line, 1024);
    buf_add_cstr(&line, "CONT\t1\t");
    add_base64(&line, buf_span(&last));
    buf_add_char(&line, '\n');
    authd_talk_say(&talk, buf_span(&line));
    buf_fini(&line);
    buf_fini(&last);
}

START_TEST(test_scram_ends_with_cont_and_an_empty_answer)
{
    char salt[64];

    begin(postfix_session);
    scram("bob@home.test", SCRAM_PASSWORD, "", salt);
    const char *got = authd_talk_line(&talk);
    ck_assert_msg(strncmp(got, "CONT\t1\tdj", 9) == 0, "%s", got); /* "v=" */
    say("CONT\t1\t\n");
    expect("OK\t1\tuser=bob@home.test", 0);
}
END_TEST

START_TEST(test_scram_says_its_last_word_with_ok_where_that_is_taken)
{
    char salt[64];

    begin(dovecot_session);
    scram("bob@home.test", SCRAM_PASSWORD, "final-resp-ok\t", salt);
    const char *got = authd_talk_line(&talk), *front = "OK\t1\tuser=bob@home.test\tresp=dj";
    ck_assert_msg(strncmp(got, front, strlen(front)) == 0, "%s", got);
}
END_TEST

START_TEST(test_scram_wrong_password_and_unknown_user_look_the_same)
{
    static const char *const users[] = {"bob@home.test", "nobody@home.test", "NOBODY@home.test",
                                        "eve@home.test", "not an address"};
    char salt[5][64], again[64], line[128];

    for (size_t i = 0; i < 5; i++) {
        begin(dovecot_session);
        scram(users[i], SPAN_LIT("wrong"), "", salt[i]);
        snprintf(line, sizeof(line), "FAIL\t1\tuser=%s", users[i]);
        expect(line, i);
        authd_talk_end(&talk);
        /* A salt that changed would say that the user is unknown; so would one of another shape. */
        begin(dovecot_session);
        scram(users[i], SPAN_LIT("wrong"), "", again);
        ck_assert_str_eq(salt[i], again);
        ck_assert_uint_eq(strlen(salt[i]), strlen(salt[0]));
        expect(line, i);
        authd_talk_end(&talk);
    }
    ck_assert_str_eq(salt[1], salt[2]);
    ck_assert_str_ne(salt[1], salt[3]);
    begin(dovecot_session);
}
END_TEST

START_TEST(test_what_is_not_offered_is_not_there)
{
    authd_talk_start(&talk, dovecot_session);
    expect("VERSION\t1\t4\nMECH\tSCRAM-SHA-256\tmutual-auth\nMECH\tPLAIN\tplaintext", 0);
    while (strcmp(authd_talk_line(&talk), "DONE") != 0)
        continue;
    say(HELLO "AUTH\t1\tLOGIN\tservice=imap\tsecured\n");
    expect("FAIL\t1\treason=Unsupported authentication mechanism", 0);
    say("AUTH\t2\tSCRAM-SHA-1\tservice=imap\tsecured\n");
    expect("FAIL\t2\treason=Unsupported authentication mechanism", 0);
    /* The same account by PLAIN. */
    say("AUTH\t3\tPLAIN\tservice=imap\tsecured\tresp=" BOB "\n");
    expect("OK\t3\tuser=bob@home.test", 0);
}
END_TEST

static TCase *
scram_case(void)
{
    TCase *c = tcase_create("scram");

    tcase_add_checked_fixture(c, set_up_scram, tear_down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, test_scram_ends_with_cont_and_an_empty_answer);
    tcase_add_test(c, test_scram_says_its_last_word_with_ok_where_that_is_taken);
    tcase_add_test(c, test_scram_wrong_password_and_unknown_user_look_the_same);
    tcase_add_test(c, test_what_is_not_offered_is_not_there);
    return c;
}

int
main(void)
{
    Suite *suite = suite_create("auth_session_scram");

    suite_add_tcase(suite, scram_case());
    return unit_main(suite);
}
