/* What is stored of a new password. */
#include "authd/accounts/password_make.h"

#include "common/base/clock.h"
#include "tests/support/unit.h"

#include <string.h>

#define GOOD "correct horse"

static or_status
check(const char *stored, struct span password, struct err *e)
{
    const struct password_question q = {.stored = span_cstr(stored),
                                        .password = password,
                                        .deadline_mono_ms = clock_mono_ms() + 60000};

    return password_check(&q, e);
}

static const struct {
    enum password_scheme scheme;
    const char *front;
} schemes[] = {
    {PASSWORD_YESCRYPT, "{CRYPT}$y$j9T$"},
    {PASSWORD_ARGON2ID, "{ARGON2ID}$argon2id$v=19$m="},
    {PASSWORD_BLF_CRYPT, "{BLF-CRYPT}$2b$12$"},
    {PASSWORD_SHA512_CRYPT, "{SHA512-CRYPT}$6$rounds=100000$"},
    {PASSWORD_SCRAM_SHA1, "{SCRAM-SHA-1}10000,"},
    {PASSWORD_SCRAM_SHA256, "{SCRAM-SHA-256}10000,"},
    {PASSWORD_SCRAM_SHA512, "{SCRAM-SHA-512}10000,"},
};

START_TEST(scheme)
{
    struct password_made made, other;
    struct err e = {""};

    ck_assert_int_eq(password_make(schemes[_i].scheme, SPAN_LIT(GOOD), &made, &e), OR_OK);
    ck_assert_int_eq(password_make(schemes[_i].scheme, SPAN_LIT(GOOD), &other, &e), OR_OK);
    ck_assert_str_ne(made.stored, other.stored);
    ck_assert_str_ne(made.scram_keys, other.scram_keys);
    ck_assert_msg(span_has_prefix(span_cstr(made.stored), span_cstr(schemes[_i].front)), "%s",
                  made.stored);
    ck_assert(password_is_supported(span_cstr(made.stored)));
    ck_assert_int_eq(check(made.stored, SPAN_LIT(GOOD), &e), OR_OK);
    ck_assert_int_eq(check(made.stored, SPAN_LIT("else"), &e), OR_ABSENT);
}
END_TEST

START_TEST(scram_keys_beside)
{
    static const enum scram_digest digests[] = {SCRAM_SHA1, SCRAM_SHA256, SCRAM_SHA512};
    struct password_made made;
    struct err e = {""};

    ck_assert_int_eq(password_make(PASSWORD_BLF_CRYPT, SPAN_LIT(GOOD), &made, &e), OR_OK);
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        struct scram_keys keys, again;

        ck_assert_int_eq(password_scram_keys(span_cstr(made.scram_keys), digests[i], &keys), OR_OK);
        ck_assert_int_eq(keys.digest, digests[i]);
        again = keys;
        ck_assert_int_eq(scram_keys_derive(&again, SPAN_LIT(GOOD)), OR_OK);
        ck_assert_mem_eq(again.stored_key, keys.stored_key, scram_digest_bytes(digests[i]));
    }
    ck_assert_int_eq(password_make(PASSWORD_BLF_CRYPT,
                                   SPAN_LIT("more than the seventy-two bytes that bcrypt looks at, "
                                            "so that the rest would not matter"),
                                   &made, &e),
                     OR_MALFORMED);
}
END_TEST

/* "ü" and a fi ligature as one system writes them, and as another does (RFC 4013 2.2). */
static const struct {
    const char *set, *typed;
} forms[] = {
    {"gr\xc3\xbc\xc3\x9f", "gru\xcc\x88\xc3\x9f"},
    {"gru\xcc\x88\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
    {"o\xef\xac\x81s", "ofis"},
    {"a\xc2\xa0z", "a z"},
    {"\x07", "\x07"},         /* what RFC 4013 prohibits is taken as it is */
    {"\xff\xfe", "\xff\xfe"}, /* so is what is not UTF-8 */
};

START_TEST(forms_of_one_password)
{
    struct password_made made;
    struct scram_keys keys, again;
    struct err e = {""};

    ck_assert_int_eq(password_make(PASSWORD_SHA512_CRYPT, span_cstr(forms[_i].set), &made, &e),
                     OR_OK);
    ck_assert_int_eq(check(made.stored, span_cstr(forms[_i].set), &e), OR_OK);
    ck_assert_int_eq(check(made.stored, span_cstr(forms[_i].typed), &e), OR_OK);
    ck_assert_int_eq(check(made.stored, SPAN_LIT("grau"), &e), OR_ABSENT);
    /* A SCRAM client prepares what was typed. */
    ck_assert_int_eq(password_scram_keys(span_cstr(made.scram_keys), SCRAM_SHA1, &keys), OR_OK);
    again = keys;
    if (_i == 2)
        ck_assert_int_eq(scram_keys_derive(&again, SPAN_LIT("ofis")), OR_OK);
    ck_assert_mem_eq(again.stored_key, keys.stored_key, 20);
}
END_TEST

static const struct {
    const char *stored;
    enum password_scheme scheme;
    bool weaker;
} ranks[] = {
    {"{PLAIN}x", PASSWORD_SHA512_CRYPT, true},
    {"{SSHA}x", PASSWORD_SHA512_CRYPT, true},
    {"{MD5-CRYPT}$1$x", PASSWORD_SHA512_CRYPT, true},
    {"{SHA256-CRYPT}$5$x", PASSWORD_SHA512_CRYPT, false},
    {"{CRYPT}$6$x", PASSWORD_YESCRYPT, true},
    {"{BLF-CRYPT}$2y$x", PASSWORD_YESCRYPT, true},
    {"{CRYPT}$y$x", PASSWORD_ARGON2ID, false},
    {"{ARGON2ID}$argon2id$x", PASSWORD_SHA512_CRYPT, false}, /* never to something weaker */
    {"{SCRAM-SHA-256}x", PASSWORD_YESCRYPT, true},
    {"{NOBODY-KNOWS}x", PASSWORD_YESCRYPT, false},
    {"", PASSWORD_YESCRYPT, false},
};

START_TEST(rank)
{
    ck_assert_int_eq(password_is_weaker(span_cstr(ranks[_i].stored), ranks[_i].scheme),
                     ranks[_i].weaker);
}
END_TEST

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int
main(void)
{
    Suite *s = suite_create("password_make");
    TCase *c = tcase_create("all");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, scheme, 0, COUNT(schemes));
    tcase_add_test(c, scram_keys_beside);
    tcase_add_loop_test(c, forms_of_one_password, 0, COUNT(forms));
    tcase_add_loop_test(c, rank, 0, COUNT(ranks));
    suite_add_tcase(s, c);
    return unit_main(s);
}
