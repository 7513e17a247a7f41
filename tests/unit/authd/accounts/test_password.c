/* Password hashes: which are taken, what they match, how they are made, turns at hashing. */
#include "authd/accounts/password_make.h"

#include "common/base/clock.h"
#include "tests/support/unit.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 60000 /* sanitizers on a busy machine */

#define YESCRYPT "$y$j9T$abcdefghijklmnopqrstu.$pk06PwnbQa631foWNYhw6N.E9wx6lICleH/SnT.xzi0"
#define YESCRYPT_SMALL "$y$j75$saltsaltsalt$zQziiNee/3jd.PJJvsNgy7GH5uO3HbsUNcQ3Jsopj2B"
#define SHA512_HASH                                                                                \
    "hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0"
#define SHA512 "$6$saltsalt$" SHA512_HASH
#define SHA512_ROUNDS                                                                              \
    "$6$rounds=1000$saltsalt$4GMtaIz3E1AdDi2SmCokEW0ehi.HdxNDcL3fGE1XXuzvo6kbx7UOloZKONqEk5H3JrQA" \
    "4NOfU8BmqFPrpGqwA1"

#define BCRYPT_SHA256_REST "$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2"
#define BCRYPT_SHA256 "$bcrypt-sha256$v=2,t=2b,r=12" BCRYPT_SHA256_REST

#define GOOD "correct horse"

/* Made with libxcrypt's crypt(3). */
static const struct {
    const char *stored;
    const char *password;
    or_status st;
} checks[] = {
    {"{CRYPT}" YESCRYPT, GOOD, OR_OK},
    {"{CRYPT}" YESCRYPT_SMALL, GOOD, OR_OK},
    {"{CRYPT}" SHA512, GOOD, OR_OK},
    {"{SHA512-CRYPT}" SHA512, GOOD, OR_OK},
    {"{sha512-crypt}" SHA512_ROUNDS, GOOD, OR_OK},
    {"{SHA512-CRYPT}$6$rounds=1000$saltsalt$swycZeqLhYjKESoAA5g."
     "z7jTxnH.NFggINiDSozPnLPnPXIic7wNyti718xAykEmmwB4QP0KssH9i1ov8bujR/",
     "gr\xc3\xbc\xc3\x9f"
     "e",
     OR_OK},

    {"{CRYPT}" YESCRYPT_SMALL, "correct horsf", OR_ABSENT},
    {"{CRYPT}" YESCRYPT_SMALL, "correct hors", OR_ABSENT},
    {"{CRYPT}" YESCRYPT_SMALL, "correct horse ", OR_ABSENT},
    {"{SHA512-CRYPT}" SHA512, "Correct horse", OR_ABSENT},
    {"{SHA512-CRYPT}" SHA512, "", OR_ABSENT},
    {"{SHA512-CRYPT}" SHA512, SHA512, OR_ABSENT},

    {"", GOOD, OR_MALFORMED},
    {GOOD, GOOD, OR_MALFORMED},
    {"{CRYPT}", GOOD, OR_MALFORMED},
    {"{CRYPT}correct horse", GOOD, OR_MALFORMED},
    {"{CRYPT}!" SHA512, GOOD, OR_MALFORMED}, /* locked by usermod */
    {YESCRYPT, GOOD, OR_MALFORMED},          /* no scheme */
    {"{SHA512-CRYPT}" YESCRYPT, GOOD, OR_MALFORMED},
    {"{CRYPT}*0", GOOD, OR_MALFORMED},
    {"{SHA512-CRYPT", GOOD, OR_MALFORMED},

    /* the example of passlib's manual */
    {"{CRYPT}" BCRYPT_SHA256, "password", OR_OK},
    {"{CRYPT}" BCRYPT_SHA256, "passwore", OR_ABSENT},
    {"{CRYPT}" BCRYPT_SHA256, "", OR_ABSENT},
    {"{CRYPT}" BCRYPT_SHA256 "x", "password", OR_MALFORMED},
    {"{CRYPT}$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku", "password", OR_MALFORMED},
    {"{CRYPT}$bcrypt-sha256$v=2,t=2b,r=31" BCRYPT_SHA256_REST, "password", OR_MALFORMED},
    {"{CRYPT}$bcrypt-sha256$v=2,t=2b,r=" BCRYPT_SHA256_REST, "password", OR_MALFORMED},
    {"{CRYPT}$bcrypt-sha256$2b,12" BCRYPT_SHA256_REST, "password", OR_MALFORMED},

    /* incomplete, too much, or with other bytes */
    {"{SHA512-CRYPT}$6$saltsalt", GOOD, OR_MALFORMED},
    {"{SHA512-CRYPT}$6$saltsalt$", GOOD, OR_MALFORMED},
    {"{SHA512-CRYPT}$6$$" SHA512_HASH, GOOD, OR_MALFORMED},
    {"{SHA512-CRYPT}$6$saltsaltsaltsalts$" SHA512_HASH, GOOD, OR_MALFORMED},
    {"{SHA512-CRYPT}" SHA512 "x", GOOD, OR_MALFORMED},
    {"{SHA512-CRYPT}$6$salt:alt$" SHA512_HASH, GOOD, OR_MALFORMED},
    {"{CRYPT}$y$j75$saltsaltsalt$", GOOD, OR_MALFORMED},
    {"{CRYPT}$y$j75$saltsaltsalt", GOOD, OR_MALFORMED},
    {"{CRYPT}$y$", GOOD, OR_MALFORMED},

    /* costs that would hold a thread for minutes, or that libcrypt refuses */
    {"{CRYPT}$6$rounds=1000001$saltsalt$" SHA512_HASH, GOOD, OR_MALFORMED},
    {"{CRYPT}$6$rounds=999999999$saltsalt$" SHA512_HASH, GOOD, OR_MALFORMED},
    {"{CRYPT}$6$rounds=99999999999999999999999$saltsalt$" SHA512_HASH, GOOD, OR_MALFORMED},
    {"{CRYPT}$6$rounds=999$saltsalt$" SHA512_HASH, GOOD, OR_MALFORMED},
    {"{CRYPT}$6$rounds=01000$saltsalt$" SHA512_HASH, GOOD, OR_MALFORMED},
    {"{CRYPT}$6$rounds=$saltsalt$" SHA512_HASH, GOOD, OR_MALFORMED},
    {"{CRYPT}$6$rounds=-1$saltsalt$" SHA512_HASH, GOOD, OR_MALFORMED},
    {"{CRYPT}$6$rounds=5000", GOOD, OR_MALFORMED},
    {"{CRYPT}$y$jGT$saltsaltsalt$zQziiNee/3jd.PJJvsNgy7GH5uO3HbsUNcQ3Jsopj2B", GOOD, OR_MALFORMED},
    {"{CRYPT}$y$jFU$saltsaltsalt$zQziiNee/3jd.PJJvsNgy7GH5uO3HbsUNcQ3Jsopj2B", GOOD, OR_MALFORMED},
    {"{CRYPT}$y$jzz$saltsaltsalt$zQziiNee/3jd.PJJvsNgy7GH5uO3HbsUNcQ3Jsopj2B", GOOD, OR_MALFORMED},
    {"{CRYPT}$y$j75.1$saltsaltsalt$zQziiNee/3jd.PJJvsNgy7GH5uO3HbsUNcQ3Jsopj2B", GOOD,
     OR_MALFORMED},
    {"{CRYPT}$y$/75$saltsaltsalt$zQziiNee/3jd.PJJvsNgy7GH5uO3HbsUNcQ3Jsopj2B", GOOD, OR_MALFORMED},
    {"{CRYPT}$y$j\xff"
     "5$saltsaltsalt$zQziiNee/3jd.PJJvsNgy7GH5uO3HbsUNcQ3Jsopj2B",
     GOOD, OR_MALFORMED},
};

static or_status
check(const char *stored, struct span password, struct err *e)
{
    const struct password_question q = {span_cstr(stored), password, clock_mono_ms() + WAIT_MS,
                                        false, true};

    return password_check(&q, e);
}

START_TEST(check_row)
{
    struct err e = {""};
    or_status st = check(checks[_i].stored, span_cstr(checks[_i].password), &e);

    ck_assert_msg(st == checks[_i].st, "%s: %s %s", checks[_i].stored, or_status_name(st), e.text);
    if (st == OR_MALFORMED) {
        ck_assert_str_ne(e.text, "");
        /* The text goes into logs: nothing of the secret may. */
        ck_assert_ptr_null(strstr(e.text, "salt"));
        ck_assert_ptr_null(strstr(e.text, GOOD));
    }
}
END_TEST

/* What can be stored is what can be checked (but for costs that only libcrypt knows to be bad). */
START_TEST(supported_row)
{
    bool leading_zero = strstr(checks[_i].stored, "rounds=01000") != NULL;

    ck_assert_msg(leading_zero || password_is_supported(span_cstr(checks[_i].stored)) ==
                                      (checks[_i].st != OR_MALFORMED),
                  "%s", checks[_i].stored);
}
END_TEST

START_TEST(nul_and_length)
{
    char text[PASSWORD_MAX_BYTES + 2];
    struct password_made made;
    struct err e;

    memset(text, 'x', sizeof(text));
    struct span longest = span_make(text, PASSWORD_MAX_BYTES);
    struct span too_long = span_make(text, PASSWORD_MAX_BYTES + 1);

    ck_assert_int_eq(password_make(PASSWORD_YESCRYPT, longest, &made, &e), OR_OK);
    ck_assert_int_eq(check(made.stored, longest, &e), OR_OK);
    ck_assert_int_eq(check(made.stored, too_long, &e), OR_ABSENT);
    ck_assert_int_eq(password_make(PASSWORD_YESCRYPT, too_long, &made, &e), OR_MALFORMED);
    ck_assert_int_eq(password_make(PASSWORD_YESCRYPT, SPAN_EMPTY, &made, &e), OR_MALFORMED);
    ck_assert_int_eq(password_make(PASSWORD_YESCRYPT, SPAN_LIT("a\0b"), &made, &e), OR_MALFORMED);
    /* crypt(3) would stop at the NUL and take the front for the whole. */
    ck_assert_int_eq(check("{CRYPT}" YESCRYPT_SMALL, SPAN_LIT(GOOD "\0x"), &e), OR_ABSENT);
}
END_TEST

/* The fastest of some tries of a wrong password, against a hash or (NULL) against nobody; in CPU
 * time, which does not depend on who else is at work. */
static int64_t
fastest_us(const char *stored)
{
    int64_t best = INT64_MAX;

    for (int i = 0; i < 5; i++) {
        struct timespec from, to;
        struct err e;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        or_status st = stored != NULL ? check(stored, SPAN_LIT("wrong"), &e)
                                      : password_check_nobody(&(struct password_question){
                                            .password = SPAN_LIT("wrong"),
                                            .deadline_mono_ms = clock_mono_ms() + WAIT_MS});
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        ck_assert_int_eq(st, OR_ABSENT);
        int64_t us = (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;

        best = us < best ? us : best;
    }
    return best;
}

/* An unknown user must not be told from a wrong password by the clock. */
START_TEST(nobody_costs_the_same)
{
    int64_t known = fastest_us("{CRYPT}" YESCRYPT), unknown = fastest_us(NULL);

    ck_assert_msg(unknown > known / 2 && unknown < known * 2, "%ld us and %ld us", (long)known,
                  (long)unknown);
    ck_assert_int_eq(password_check_nobody(&(struct password_question){.password = SPAN_EMPTY}),
                     OR_ABSENT);
}
END_TEST

#define CROWD 32
static or_status crowd_answers[CROWD];

/* A hundred milliseconds and more of hashing each, ten to wait for it. */
static void *
crowd_member(void *answer)
{
    *(or_status *)answer = password_check(
        &(struct password_question){span_cstr("{CRYPT}$6$rounds=1000000$saltsalt$" SHA512_HASH),
                                    SPAN_LIT(GOOD), clock_mono_ms() + 10, false, false},
        NULL);
    return NULL;
}

START_TEST(turns_are_few_and_waiting_ends)
{
    pthread_t threads[CROWD];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t turned_away = 0, served = 0;
    struct err e;

    for (size_t i = 0; i < CROWD; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, crowd_member, &crowd_answers[i]), 0);
    for (size_t i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        turned_away += crowd_answers[i] == OR_TIMEOUT;
        served += crowd_answers[i] == OR_ABSENT;
    }
    ck_assert_uint_eq(turned_away + served, CROWD);
    ck_assert_uint_gt(served, 0);
    if (processors < CROWD / 4)
        ck_assert_uint_gt(turned_away, 0);
    /* Every turn came back. */
    ck_assert_int_eq(check("{CRYPT}" YESCRYPT_SMALL, SPAN_LIT(GOOD), &e), OR_OK);
}
END_TEST

static void *
queue_member(void *stop)
{
    or_status st = OR_ABSENT;

    while (!atomic_load((atomic_bool *)stop) && st == OR_ABSENT)
        st = password_check(
            &(struct password_question){span_cstr("{CRYPT}$6$rounds=200000$saltsalt$" SHA512_HASH),
                                        SPAN_LIT(GOOD), clock_mono_ms() + WAIT_MS, false, false},
            NULL);
    return NULL;
}

/* However many guesses wait for their turn: who goes first waits for none of them. */
START_TEST(who_goes_first_does_not_queue)
{
    const struct password_question first = {span_cstr("{CRYPT}" YESCRYPT_SMALL), SPAN_LIT(GOOD),
                                            clock_mono_ms() + WAIT_MS, true, false};
    pthread_t threads[CROWD];
    atomic_bool stop = false;
    int64_t worst = 0;

    for (size_t i = 0; i < CROWD; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, queue_member, &stop), 0);
    usleep(200000);
    for (int i = 0; i < 5; i++) {
        int64_t from = clock_mono_ms();

        ck_assert_int_eq(password_check(&first, NULL), OR_OK);
        worst = clock_mono_ms() - from > worst ? clock_mono_ms() - from : worst;
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    /* The queue is thirty hashings of a hundred milliseconds and more, two or so at a time. */
    ck_assert_msg(worst < 1500, "%d ms", (int)worst);
}
END_TEST

static json_t *
load_vectors(void)
{
    const char *folder = getenv("OUTRIDER_VECTORS");
    char path[512];

    snprintf(path, sizeof(path), "%s/sasl/passwords.json", folder != NULL ? folder : "");
    return folder != NULL ? json_load_file(path, 0, NULL) : NULL;
}

/* One case: a hash is checked, what is none must be refused. True when it was one. */
static bool
run_case(const json_t *one)
{
    const char *hash = json_string_value(json_object_get(one, "hash"));
    const json_t *text = json_object_get(one, "password");
    struct span password = span_make(json_string_value(text), json_string_length(text));
    bool ours = hash[0] == '$';
    /* An empty password matches nothing here, whatever the hash. */
    bool expect = json_is_true(json_object_get(one, "expect")) && password.n > 0;
    or_status want = !ours ? OR_MALFORMED : expect ? OR_OK : OR_ABSENT;
    char stored[PASSWORD_MAX_HASH_BYTES];
    struct err e = {""};

    snprintf(stored, sizeof(stored), "{CRYPT}%s", hash);
    or_status st = check(stored, password, &e);

    ck_assert_msg(st == want, "%s: %s %s", json_string_value(json_object_get(one, "name")),
                  or_status_name(st), e.text);
    return ours;
}

START_TEST(vectors)
{
    json_t *document = load_vectors(), *one;
    size_t i, ours = 0;

    json_array_foreach(json_object_get(document, "cases"), i, one) ours += run_case(one);
    ck_assert_uint_gt(ours, 0);
    json_decref(document);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("password");
    TCase *c = tcase_create("all");
    json_t *document = load_vectors();

    tcase_set_timeout(c, 100);
    tcase_add_loop_test(c, check_row, 0, sizeof(checks) / sizeof(checks[0]));
    tcase_add_loop_test(c, supported_row, 0, sizeof(checks) / sizeof(checks[0]));
    tcase_add_test(c, nul_and_length);
    tcase_add_test(c, nobody_costs_the_same);
    tcase_add_test(c, turns_are_few_and_waiting_ends);
    tcase_add_test(c, who_goes_first_does_not_queue);
    if (document != NULL)
        tcase_add_test(c, vectors);
    else
        puts("skipped: password vectors: OUTRIDER_VECTORS has no sasl/passwords.json");
    json_decref(document);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
