/*
 * SRS: addresses as PostSRSd makes them with the same secret on the same day, and the ways in which
 * what comes back is not ours. Many more are compared with a running postsrsd in
 * tests/e2e/test_srs.py.
 */
#include "policyd/srs/srs.h"

#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NOW 1577836860 /* 2020-01-01 */

static struct srs_settings settings;
static struct buf out;
static struct err e;

static void
set_up(void)
{
    settings = (struct srs_settings){
        .secrets = {SPAN_LIT("tops3cr3t")},
        .secret_count = 1,
        .digest = CRYPTO_SHA1,
        .separator = '=',
        .tag_chars = 4,
        .min_tag_chars = 4,
        .max_age_days = 21,
    };
    buf_init(&out, SRS_MAX_BYTES);
}

static void
tear_down(void)
{
    buf_fini(&out);
}

static struct span
forward(const char *local, const char *domain, time_t now)
{
    buf_reset(&out);
    ck_assert_msg(srs_forward(&settings, span_cstr(local), span_cstr(domain), now, &out, &e) ==
                      OR_OK,
                  "%s", e.text);
    return buf_span(&out);
}

static or_status
reverse(struct span local, time_t now, char text[128])
{
    struct srs_original original;
    or_status st = srs_reverse(&settings, local, now, &original, &e);

    if (st == OR_OK)
        snprintf(text, 128, "%s%.*s@%.*s", original.guarded ? "SRS0" : "", SPAN_ARG(original.local),
                 SPAN_ARG(original.domain));
    return st;
}

/* As PostSRSd 2 writes them on that day with that secret. */
static const struct {
    const char *local, *domain, *rewritten;
} vectors[] = {
    {"test", "otherdomain.com", "SRS0=vmyz=2W=otherdomain.com=test"},
    {"sender", "otherdomain.com", "SRS0=9KJ-=2W=otherdomain.com=sender"},
};

START_TEST(known_addresses)
{
    char text[128];
    struct span made = forward(vectors[_i].local, vectors[_i].domain, NOW);

    ck_assert_span_eq(made, vectors[_i].rewritten);
    ck_assert_int_eq(reverse(made, NOW, text), OR_OK);
    ck_assert_msg(strncmp(text, vectors[_i].local, strlen(vectors[_i].local)) == 0, "%s", text);
}
END_TEST

START_TEST(tags_are_compared_without_case_and_in_both_alphabets)
{
    static const char *const rows[] = {
        "srs0=9kj-=2w=otherdomain.com=sender", /* as smtpd lower-cases it */
        "SRS0=9KJ+=2W=OTHERDOMAIN.COM=SENDER", /* as PostSRSd 1 writes it */
        "SRS0+9KJ-=2W=otherdomain.com=sender",
        "SRS0-9KJ-=2W=otherdomain.com=sender",
    };
    char text[128];

    ck_assert_msg(reverse(span_cstr(rows[_i]), NOW, text) == OR_OK, "%s: %s", rows[_i], e.text);
    ck_assert_int_eq(strcasecmp(text, "sender@otherdomain.com"), 0);
}
END_TEST

START_TEST(what_is_not_ours_is_refused)
{
    static const struct {
        const char *local;
        or_status status;
        const char *word;
    } rows[] = {
        {"sender", OR_ABSENT, ""},
        {"SRS0", OR_ABSENT, ""},
        {"SRS0=", OR_ABSENT, ""},
        {"SRS2=x", OR_ABSENT, ""},
        {"SRS0x9KJ-=2W=otherdomain.com=sender", OR_ABSENT, ""},
        {"SRS0=x", OR_MALFORMED, "is none"},
        {"SRS0====", OR_MALFORMED, "is none"},
        {"SRS0=9KJ-=2W=otherdomain.com=", OR_MALFORMED, "is none"},
        {"SRS0=9KJ-=2W==sender", OR_MALFORMED, "is none"},
        {"SRS0=9KJ-=2=otherdomain.com=sender", OR_MALFORMED, "time stamp"},
        {"SRS0=9KJ-=21=otherdomain.com=sender", OR_MALFORMED, "time stamp"},
        {"SRS0=9KJ-=2X=otherdomain.com=sender", OR_MALFORMED, "days ago"}, /* tomorrow */
        {"SRS0=9KJ-=2V=otherdomain.com=sender", OR_MALFORMED, "secrets"},
        {"SRS0=9KJX=2W=otherdomain.com=sender", OR_MALFORMED, "secrets"},
        {"SRS0=9KJ-=2W=otherdomain.com=sendes", OR_MALFORMED, "secrets"},
        {"SRS0=9KJ=2W=otherdomain.com=sender", OR_MALFORMED, "tag of 3"},
        {"SRS0==2W=otherdomain.com=sender", OR_MALFORMED, "tag of 0"},
        {"SRS0=9KJ-AAAAAAAAAAAAAAAAA=2W=otherdomain.com=sender", OR_MALFORMED, "tag of 21"},
        {"SRS1=x", OR_MALFORMED, "is none"},
        {"SRS1=AAAA=first.test", OR_MALFORMED, "is none"},
        {"SRS1=AAAA=first.test=", OR_MALFORMED, "is none"},
        {"SRS1=AAAA=first.test==BBBB=2W=other.test=sender", OR_MALFORMED, "secrets"},
    };
    char text[128];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        e.text[0] = '\0';
        or_status st = reverse(span_cstr(rows[i].local), NOW, text);

        ck_assert_msg(st == rows[i].status, "%s: %d %s", rows[i].local, st, e.text);
        ck_assert_msg(strstr(e.text, rows[i].word) != NULL, "%s: %s", rows[i].local, e.text);
    }
}
END_TEST

START_TEST(addresses_age)
{
    char text[128];
    struct span made = forward("sender", "otherdomain.com", NOW);

    ck_assert_int_eq(reverse(made, NOW + 21 * 86400, text), OR_OK);
    ck_assert_int_eq(reverse(made, NOW + 22 * 86400, text), OR_MALFORMED);
    ck_assert_int_eq(reverse(made, NOW - 86400, text), OR_MALFORMED);
    /* The day count starts anew every 1024 days: neither the day before nor after trips over it. */
    for (int day = 0; day < 1100; day++) {
        made = forward("sender", "otherdomain.com", NOW + day * 86400);
        ck_assert_int_eq(reverse(made, NOW + (day + 20) * 86400, text), OR_OK);
        ck_assert_int_eq(reverse(made, NOW + (day + 30) * 86400, text), OR_MALFORMED);
    }
}
END_TEST

START_TEST(a_second_forwarder_guards_and_a_third_adds_nothing)
{
    struct srs_settings other = settings;
    char second[128], third[128], text[128];

    other.secrets[0] = SPAN_LIT("another");
    struct span made = forward("SRS0=9KJ-=2W=otherdomain.com=sender", "first.test", NOW);
    snprintf(second, sizeof(second), "%.*s", SPAN_ARG(made));
    ck_assert_int_eq(strncmp(second, "SRS1=", 5), 0);
    ck_assert_str_eq(second + 9, "=first.test==9KJ-=2W=otherdomain.com=sender");
    ck_assert_int_eq(reverse(span_cstr(second), NOW + 400 * 86400, text), OR_OK); /* has no day */
    ck_assert_str_eq(text, "SRS0=9KJ-=2W=otherdomain.com=sender@first.test");
    buf_reset(&out);
    ck_assert_int_eq(srs_forward(&other, span_cstr(second), SPAN_LIT("second.test"), NOW, &out, &e),
                     OR_OK);
    snprintf(third, sizeof(third), "%.*s", SPAN_ARG(buf_span(&out)));
    ck_assert_uint_eq(strlen(third), strlen(second));
    ck_assert_str_eq(third + 9, second + 9);
    ck_assert_int_eq(reverse(span_cstr(third), NOW, text), OR_MALFORMED);
    settings = other;
    ck_assert_int_eq(reverse(span_cstr(third), NOW, text), OR_OK);
    ck_assert_str_eq(text, "SRS0=9KJ-=2W=otherdomain.com=sender@first.test");
}
END_TEST

START_TEST(what_looks_like_srs1_and_is_none_is_not_rewritten)
{
    buf_reset(&out);
    ck_assert_int_eq(
        srs_forward(&settings, SPAN_LIT("SRS1=x"), SPAN_LIT("second.test"), NOW, &out, &e),
        OR_MALFORMED);
}
END_TEST

START_TEST(secrets_rotate)
{
    char text[128], old[128];

    snprintf(old, sizeof(old), "%.*s", SPAN_ARG(forward("sender", "otherdomain.com", NOW)));
    settings.secrets[1] = settings.secrets[0];
    settings.secrets[0] = SPAN_LIT("new");
    settings.secret_count = 2;
    struct span made = forward("sender", "otherdomain.com", NOW);
    ck_assert(!span_equal_cstr(made, old));
    ck_assert_int_eq(reverse(span_cstr(old), NOW, text), OR_OK);
    ck_assert_int_eq(reverse(made, NOW, text), OR_OK);
    settings.secret_count = 1;
    ck_assert_int_eq(reverse(span_cstr(old), NOW, text), OR_MALFORMED);
}
END_TEST

START_TEST(longer_tags_and_sha256)
{
    char text[128], sha1[128];

    snprintf(sha1, sizeof(sha1), "%.*s", SPAN_ARG(forward("sender", "otherdomain.com", NOW)));
    settings.digest = CRYPTO_SHA256;
    settings.tag_chars = SRS_MAX_TAG_CHARS;
    struct span made = forward("sender", "otherdomain.com", NOW);
    ck_assert_uint_eq(made.n, strlen(sha1) + SRS_MAX_TAG_CHARS - 4);
    ck_assert_int_eq(reverse(made, NOW, text), OR_OK);
    /* What was made before the change still comes back, until the operator asks for longer tags. */
    ck_assert_int_eq(reverse(span_cstr(sha1), NOW, text), OR_OK);
    settings.min_tag_chars = 8;
    ck_assert_int_eq(reverse(span_cstr(sha1), NOW, text), OR_MALFORMED);
    settings.digest = CRYPTO_SHA1;
    ck_assert_int_eq(reverse(made, NOW, text), OR_MALFORMED);
}
END_TEST

START_TEST(the_plain_alphabet_is_for_postsrsd_1)
{
    settings.plain_base64 = true;
    ck_assert_span_eq(forward("sender", "otherdomain.com", NOW),
                      "SRS0=9KJ+=2W=otherdomain.com=sender");
    settings.separator = '+';
    ck_assert_span_eq(forward("sender", "otherdomain.com", NOW),
                      "SRS0+9KJ+=2W=otherdomain.com=sender");
}
END_TEST

/* CVE-2020-35573, CVE-2021-35525 */
START_TEST(long_input_is_refused_at_once)
{
    static char huge[1 << 20];
    char text[128];

    memset(huge, '=', sizeof(huge));
    memcpy(huge, "SRS0=", 5);
    buf_reset(&out);
    ck_assert_int_eq(
        srs_forward(&settings, span_make(huge, sizeof(huge)), SPAN_LIT("a.test"), NOW, &out, &e),
        OR_LIMIT);
    ck_assert_int_eq(reverse(span_make(huge, sizeof(huge)), NOW, text), OR_MALFORMED);
    memset(huge, 'a', 998);
    ck_assert_int_eq(
        srs_forward(&settings, span_make(huge, 998), SPAN_LIT("a.test"), NOW, &out, &e), OR_LIMIT);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("srs");
    TCase *t = tcase_create("srs");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, known_addresses, 0, sizeof(vectors) / sizeof(vectors[0]));
    tcase_add_loop_test(t, tags_are_compared_without_case_and_in_both_alphabets, 0, 4);
    tcase_add_test(t, what_is_not_ours_is_refused);
    tcase_add_test(t, addresses_age);
    tcase_add_test(t, a_second_forwarder_guards_and_a_third_adds_nothing);
    tcase_add_test(t, what_looks_like_srs1_and_is_none_is_not_rewritten);
    tcase_add_test(t, secrets_rotate);
    tcase_add_test(t, longer_tags_and_sha256);
    tcase_add_test(t, the_plain_alphabet_is_for_postsrsd_1);
    tcase_add_test(t, long_input_is_refused_at_once);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
