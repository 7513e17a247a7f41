/* Application passwords: their form, their hash, their scopes. */
#include "authd/accounts/app_password.h"

#include "tests/support/unit.h"

#include <string.h>

START_TEST(made_ones_are_typeable_and_differ)
{
    char first[APP_PASSWORD_TEXT_BYTES], second[APP_PASSWORD_TEXT_BYTES];

    app_password_make(first);
    app_password_make(second);
    ck_assert_uint_eq(strlen(first), 24);
    ck_assert_str_ne(first, second);
    for (size_t i = 0; i < 24; i++)
        if (i % 5 == 4)
            ck_assert_int_eq(first[i], '-');
        else
            ck_assert_msg(strchr("abcdefghijkmnpqrstuvwxyz23456789", first[i]) != NULL, "%s",
                          first);
}
END_TEST

/* What is typed for "abcd-efgh-ijkm-npqr-stuv". */
static const struct {
    const char *typed;
    bool has_form, is_it;
} typings[] = {
    {"abcd-efgh-ijkm-npqr-stuv", true, true},   {"abcdefghijkmnpqrstuv", true, true},
    {"ABCD EFGH IJKM NPQR STUV ", true, true},  {"abcd-efgh-ijkm-npqr-stuw", true, false},
    {"abcdefghijkmnpqrstu", false, false},   /* one short */
    {"abcdefghijkmnpqrstuvw", false, false}, /* one long */
    {"abcdefghijklnpqrstuv", false, false},  /* l is none of them */
    {"abcd_efgh_ijkm_npqr_stuv", false, false}, {"", false, false},
    {"--------------------", false, false},
};

START_TEST(typing)
{
    char stored[APP_PASSWORD_HASH_BYTES], typed[APP_PASSWORD_HASH_BYTES] = "";
    struct span bob = SPAN_LIT("bob@example.org");

    ck_assert(app_password_hash(SPAN_LIT("abcd-efgh-ijkm-npqr-stuv"), bob, stored));
    ck_assert_uint_eq(strlen(stored), 64);
    ck_assert_int_eq(app_password_hash(span_cstr(typings[_i].typed), bob, typed),
                     typings[_i].has_form);
    ck_assert_int_eq(strcmp(stored, typed) == 0, typings[_i].is_it);
}
END_TEST

START_TEST(nul_is_no_character)
{
    char hash[APP_PASSWORD_HASH_BYTES];

    ck_assert(!app_password_hash(SPAN_LIT("abcdefghijkmnpqrst\0v"), SPAN_LIT("a@b"), hash));
}
END_TEST

/* Or a row copied from one account to another would open the other. */
START_TEST(hash_is_of_one_account)
{
    char bob[APP_PASSWORD_HASH_BYTES], eve[APP_PASSWORD_HASH_BYTES];

    ck_assert(app_password_hash(SPAN_LIT("abcdefghijkmnpqrstuv"), SPAN_LIT("bob@a.test"), bob));
    ck_assert(app_password_hash(SPAN_LIT("abcdefghijkmnpqrstuv"), SPAN_LIT("eve@a.test"), eve));
    ck_assert_str_ne(bob, eve);
}
END_TEST

static const struct {
    const char *text, *canonical; /* NULL: refused */
} scope_texts[] = {
    {"imap", "imap"},          {"SMTP,imap", "imap,smtp"},
    {"imap,imap", "imap"},     {"all", "all"},
    {"sieve,pop3,all", "all"}, {"", NULL},
    {"imap,", NULL},           {"http", NULL},
    {"imap smtp", NULL},       {"imap,smtp,pop3,sieve", "imap,pop3,smtp,sieve"},
};

START_TEST(scope_text)
{
    unsigned scope = 0;
    struct err e = {""};
    struct buf out;
    or_status st = app_password_parse_scope(span_cstr(scope_texts[_i].text), &scope, &e);

    if (scope_texts[_i].canonical == NULL) {
        ck_assert_int_eq(st, OR_MALFORMED);
        ck_assert_str_ne(e.text, "");
        return;
    }
    ck_assert_int_eq(st, OR_OK);
    buf_init(&out, 64);
    app_password_format_scope(scope, &out);
    ck_assert_span_eq(buf_span(&out), scope_texts[_i].canonical);
    buf_fini(&out);
}
END_TEST

static const struct {
    const char *service, *scope;
} services[] = {
    {"smtp", "smtp"},         {"submission", "smtp"}, {"esmtp", "smtp"}, {"SMTP", "smtp"},
    {"imap", "imap"},         {"pop3", "pop3"},       {"pop", "pop3"},   {"sieve", "sieve"},
    {"managesieve", "sieve"}, {"doveadm", "none"},    {"", "none"},      {"im", "none"},
};

START_TEST(service_needs_its_scope)
{
    static const char *const words[] = {"imap", "pop3", "smtp", "sieve"};
    struct span service = span_cstr(services[_i].service);
    unsigned scope = 0;

    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(app_password_parse_scope(span_cstr(words[i]), &scope, NULL), OR_OK);
        ck_assert_msg(app_password_serves(scope, service) ==
                          (strcmp(words[i], services[_i].scope) == 0),
                      "%s for %s", words[i], services[_i].service);
    }
    ck_assert(app_password_serves(APP_PASSWORD_ALL, service));
    ck_assert(!app_password_serves(0, service));
}
END_TEST

START_TEST(names)
{
    char longest[APP_PASSWORD_MAX_NAME_BYTES + 2];

    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    ck_assert(app_password_is_name(SPAN_LIT("B\xc3\xb6"
                                            "b's phone")));
    ck_assert(app_password_is_name(span_make(longest, APP_PASSWORD_MAX_NAME_BYTES)));
    ck_assert(!app_password_is_name(span_cstr(longest)));
    ck_assert(!app_password_is_name(SPAN_EMPTY));
    ck_assert(!app_password_is_name(SPAN_LIT("a\nb")));
    ck_assert(!app_password_is_name(SPAN_LIT("a\xff")));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("app_password");
    TCase *c = tcase_create("all");

    tcase_add_test(c, made_ones_are_typeable_and_differ);
    tcase_add_loop_test(c, typing, 0, sizeof(typings) / sizeof(typings[0]));
    tcase_add_test(c, nul_is_no_character);
    tcase_add_test(c, hash_is_of_one_account);
    tcase_add_loop_test(c, scope_text, 0, sizeof(scope_texts) / sizeof(scope_texts[0]));
    tcase_add_loop_test(c, service_needs_its_scope, 0, sizeof(services) / sizeof(services[0]));
    tcase_add_test(c, names);
    suite_add_tcase(s, c);
    return unit_main(s);
}
