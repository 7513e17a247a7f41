/* Ceilings: of what is compiled and of what is run. What scripts mean is in
 * tests/conformance/sieve. */
#include "lmtp/sieve/sieve_run.h"

#include "common/base/buf.h"
#include "tests/support/unit.h"

#include <string.h>

#define TEXT_MAX_BYTES ((size_t)4 << 20)

static void
repeat(struct buf *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_add_cstr(out, text);
}

/* head, then `times` of `text`, then tail. */
static or_status
compile(const char *head, const char *text, size_t times, const char *tail,
        struct sieve_script **out, struct err *e)
{
    struct buf b;

    buf_init(&b, TEXT_MAX_BYTES);
    buf_add_cstr(&b, head);
    repeat(&b, text, times);
    buf_add_cstr(&b, tail);
    ck_assert_int_eq(buf_finish(&b), OR_OK);
    or_status st = sieve_script_compile("s", buf_span(&b), NULL, out, e);
    buf_fini(&b);
    return st;
}

static const struct {
    const char *head, *text;
    size_t times;
    const char *tail;
} too_large[] = {
    {"if ", "not ", 200, "true { keep; }"},           /* nested tests */
    {"", "if true { ", 200, "keep;"},                 /* nested blocks */
    {"if ", "allof(", 200, "true"},                   /* nested lists */
    {"", "keep;", SIEVE_MAX_NODES + 1, ""},           /* commands */
    {"", " ", SIEVE_MAX_SCRIPT_BYTES + 1, ""},        /* bytes */
    {"if size :over 99999999999 ", "", 0, "{keep;}"}, /* a number */
    {"if size :over 4194305K ", "", 0, "{keep;}"},    /* a number by its quantifier */
};

START_TEST(test_too_large)
{
    struct sieve_script *script = NULL;
    struct err e = {""};
    or_status st = compile(too_large[_i].head, too_large[_i].text, too_large[_i].times,
                           too_large[_i].tail, &script, &e);

    ck_assert_msg(st == OR_LIMIT, "status %d: %s", st, e.text);
    ck_assert_msg(strncmp(e.text, "s:", 2) == 0, "%s", e.text);
}
END_TEST

/* RFC 5228 2.10.5: at least 15 levels. */
START_TEST(test_nesting_that_is_promised)
{
    struct sieve_script *script = NULL;
    struct err e = {""};

    ck_assert_int_eq(compile("", "if true { ", 15, "keep; }}}}}}}}}}}}}}}", &script, &e), OR_OK);
    sieve_script_free(script);
}
END_TEST

static const struct {
    const char *head, *text;
    size_t times;
    const char *reason;
} too_much[] = {
    {"require \"variables\"; set \"a\" \"x\";", "set \"a\" \"${a}${a}\";", 9000,
     "the script needs too much memory"},
    {"require \"variables\"; set \"a\" \"xxxxxxxxxxxxxxxx\";" /* to 4096 bytes */
     "set \"a\" \"${a}${a}${a}${a}\"; set \"a\" \"${a}${a}${a}${a}\";"
     "set \"a\" \"${a}${a}${a}${a}\"; set \"a\" \"${a}${a}${a}${a}\";",
     "if string :contains \"${a}\" \"${a}b\" {}", 300, "the script compares too much"},
    {"require \"fileinto\";", "fileinto \"\xff\";", 1, "fileinto: no folder can have that name"},
    {"require [\"variables\", \"fileinto\"];", "fileinto \"${none}\";", 1,
     "fileinto: no folder can have that name"},
};

START_TEST(test_too_much)
{
    struct header_block header = {0};
    struct sieve_message message = {
        .header = &header, .sender = SPAN_EMPTY, .recipient = SPAN_EMPTY};
    struct sieve_script *script = NULL;
    struct sieve_run run;
    struct err e = {""};

    or_status st =
        compile(too_much[_i].head, too_much[_i].text, too_much[_i].times, "", &script, &e);
    ck_assert_msg(st == OR_OK, "%s", e.text);
    sieve_run_init(&run, script, &message);
    ck_assert_int_ne(sieve_run_execute(&run, &e), OR_OK);
    ck_assert_str_eq(e.text, too_much[_i].reason);
    /* RFC 5228 2.10.6: the message is kept, and nothing else happens. */
    ck_assert_uint_eq(run.actions.count, 1);
    ck_assert_int_eq(run.actions.items[0].kind, SIEVE_KEEP);
    sieve_run_fini(&run);
    sieve_script_free(script);
}
END_TEST

/* A place that cannot send mail does not compile what would. */
START_TEST(test_offer)
{
    const struct sieve_offer offer = {.unavailable = SIEVE_REJECT, .no_redirect = true};
    struct sieve_script *script = NULL;
    struct err e = {""};

    ck_assert_int_eq(
        sieve_script_compile("s", SPAN_LIT("require \"reject\";"), &offer, &script, &e),
        OR_MALFORMED);
    ck_assert_str_eq(e.text, "s:1:9: extension \"reject\" is not available here");
    ck_assert_int_eq(
        sieve_script_compile("s", SPAN_LIT("redirect \"a@b.test\";"), &offer, &script, &e),
        OR_MALFORMED);
    ck_assert_str_eq(e.text, "s:1:1: \"redirect\" is not available here");
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("sieve_run");
    TCase *t = tcase_create("sieve_run");

    tcase_add_loop_test(t, test_too_large, 0, sizeof(too_large) / sizeof(too_large[0]));
    tcase_add_test(t, test_nesting_that_is_promised);
    tcase_add_loop_test(t, test_too_much, 0, sizeof(too_much) / sizeof(too_much[0]));
    tcase_add_test(t, test_offer);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
