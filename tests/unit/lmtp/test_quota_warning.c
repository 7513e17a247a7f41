/* Quota warnings: which threshold, which words, which sections are refused. */
#include "lmtp/quota_warning.h"

#include "tests/support/unit.h"

#include <string.h>

#define TEXT(s) ((char *)(uintptr_t)(s))
#define MIB (INT64_C(1) << 20)
#define THRESHOLDS 4

static struct lmtp_quota_warning sections[THRESHOLDS];
static struct lmtp_settings settings;

/* Out of order on purpose: the highest counts, not the first or the last. */
static void
set_up(void)
{
    static const char *const titles[THRESHOLDS] = {"80%", "100%", "95%", "50%"};

    for (size_t i = 0; i < THRESHOLDS; i++)
        sections[i] = (struct lmtp_quota_warning){.item.title = TEXT(titles[i]), .message = true};
    settings = (struct lmtp_settings){
        .hostname = TEXT("mx.example.org"),
        .quota_warnings = {.items = sections, .count = THRESHOLDS},
    };
}

static const struct {
    struct quota_limits limits;
    struct maildir_usage after, change;
    const char *threshold; /* NULL: none */
    bool messages;
} reached[] = {
    {{1000, 0}, {499, 1}, {499, 1}, NULL, false},
    {{1000, 0}, {500, 1}, {1, 1}, "50%", false},   /* to it is enough */
    {{1000, 0}, {501, 1}, {1, 1}, NULL, false},    /* it was there before */
    {{1000, 0}, {960, 1}, {900, 1}, "95%", false}, /* the highest of three */
    {{1000, 0}, {2000, 2}, {1999, 1}, "100%", false},
    {{1000, 0}, {2000, 2}, {1000, 1}, NULL, false}, /* full before */
    {{0, 10}, {999999, 8}, {1, 1}, "80%", true},
    {{1000, 10}, {800, 5}, {400, 1}, "80%", false}, /* bytes 40 to 80 %, messages 40 to 50 % */
    {{1000, 10}, {500, 8}, {400, 1}, "80%", true},  /* the other way round */
    {{0, 0}, {999999, 99}, {999999, 99}, NULL, false},
    {{1000, 0}, {0, 0}, {900, 1}, NULL, false}, /* nobody can say */
    {{0, 1}, {1, 1}, {1, 1}, "100%", true},
    {{INT64_MAX, 0}, {INT64_MAX - 1, 1}, {INT64_MAX - 1, 1}, "95%", false}, /* no overflow */
    {{1000, 0}, {400, 1}, {-500, -1}, NULL, false},
};

START_TEST(test_threshold)
{
    const struct quota_alarm alarm =
        quota_warning_find(&settings, &reached[_i].limits, &reached[_i].after, &reached[_i].change);

    ck_assert_pstr_eq(alarm.warning != NULL ? alarm.warning->item.title : NULL,
                      reached[_i].threshold);
    ck_assert_int_eq(alarm.messages, reached[_i].messages);
}
END_TEST

static const struct {
    const char *account, *subject, *text;
    int64_t used, limit;
    bool messages;
    const char *wants[3]; /* each is somewhere in the message */
} words[] = {
    {"a@example.org",
     "{percent} full",
     "{user}: {used} of {limit}",
     5 * MIB / 2,
     3 * MIB,
     false,
     {"Subject: 80% full\n", "\n\na@example.org: 2.5 MB of 3 MB\n", "To: a@example.org\n"}},
    {"a@example.org", "x", "x", 1, 1, false, {"From: Mail system <postmaster@example.org>\n"}},
    {"a@example.org",
     "x",
     "{used} of {limit}",
     90,
     100,
     true,
     {"\n\n90 messages of 100 messages\n"}},
    {"a@example.org", "x", "{used}/{limit}", 1023, 1024, false, {"\n\n1023 bytes/1 kB\n"}},
    {"a@example.org", "x", "{used}", INT64_MAX, INT64_MAX, false, {"\n\n8388607.9 TB\n"}},
    {"a@example.org", "x", "{user {nobody} }{", 1, 1, false, {"\n\n{user {nobody} }{\n"}},
    /* nothing in a value is looked at again */
    {"{limit}@example.org", "x", "{user}", 1, 1, false, {"\n\n{limit}@example.org\n"}},
    {"alice", "x", "x", 1, 1, false, {"From: Mail system <postmaster@mx.example.org>\n"}},
    /* A control byte in the account's name must not begin a field. */
    {"a\nBcc: b@example.org", "{user}", "x", 1, 1, false, {"Subject: a?Bcc: b@example.org\n"}},
    /* RFC 2047 2: words of at most 75 characters, no character torn (ä is at 44 and 45) */
    {"a@example.org",
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xc3\xa4y",
     "x",
     1,
     1,
     false,
     {"Subject: =?utf-8?B?eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=?=\n "
      "=?utf-8?B?w6R5?=\n"}},
    {"\xff@example.org", "{user}", "x", 1, 1, false, {"Subject: =?utf-8?B?/w==?=\n =?utf-8?B?"}},
};

START_TEST(test_message)
{
    const struct recipient r = {.account_name = span_cstr(words[_i].account)};
    const struct maildir_name name = {.when.tv_sec = 1795386070, .pid = 7, .sequence = 9};
    const struct quota_alarm alarm = {&sections[0], words[_i].used, words[_i].limit,
                                      words[_i].messages};
    struct buf out;

    sections[0].subject = TEXT(words[_i].subject);
    sections[0].text = TEXT(words[_i].text);
    buf_init(&out, 65536);
    quota_warning_format(&out, &alarm, &r, &settings, &name);
    buf_add_char(&out, '\0');
    ck_assert_ptr_nonnull(strstr(buf_span(&out).p, "\nAuto-Submitted: auto-generated\n"));
    ck_assert_ptr_nonnull(strstr(buf_span(&out).p, "\nMessage-ID: <1795386070.7.9.quota@mx."));
    for (size_t i = 0; i < 3 && words[_i].wants[i] != NULL; i++)
        ck_assert_msg(strstr(buf_span(&out).p, words[_i].wants[i]) != NULL, "%s", buf_span(&out).p);
    buf_fini(&out);
}
END_TEST

static const struct {
    const char *title, *subject, *text;
    bool message;
    const char *command[9];
    const char *fault; /* NULL: it is fine */
} configured[] = {
    {"80%", "x", "a\n\tb \xc3\xa4", true, {NULL}, NULL},
    {"1%", "x", "x", false, {"/bin/true", "a", "b", "c", "d", "e"}, NULL},
    {"100%", "x", "x", true, {"/bin/true"}, NULL},
    {"0%", "x", "x", true, {NULL}, "no threshold"},
    {"101%", "x", "x", true, {NULL}, "no threshold"},
    {"80", "x", "x", true, {NULL}, "no threshold"},
    {"%", "x", "x", true, {NULL}, "no threshold"},
    {"-5%", "x", "x", true, {NULL}, "no threshold"},
    {"80%", "x\nBcc: y", "x", true, {NULL}, "subject"},
    {"80%", "\xff", "x", true, {NULL}, "subject"},
    {"80%", "x", "a\rb", true, {NULL}, "text"},
    {"80%", "x", "\xff", true, {NULL}, "text"},
    {"80%", "x", "x", false, {NULL}, "nobody would be warned"},
    {"80%", "x", "x", true, {"true"}, "whole path"},
    {"80%", "x", "x", true, {"/etc/passwd"}, "whole path"},
    {"80%", "x", "x", true, {"/bin/true", "a", "b", "c", "d", "e", "f"}, "more than 6 words"},
};

START_TEST(test_section)
{
    struct lmtp_quota_warning w = {.item.title = TEXT(configured[_i].title),
                                   .message = configured[_i].message,
                                   .subject = TEXT(configured[_i].subject),
                                   .text = TEXT(configured[_i].text)};
    char *items[9];
    struct err e = {""};

    w.command.items = items;
    for (; configured[_i].command[w.command.count] != NULL; w.command.count++)
        items[w.command.count] = TEXT(configured[_i].command[w.command.count]);
    or_status st = quota_warning_check(&w, &e);
    ck_assert_int_eq(st, configured[_i].fault == NULL ? OR_OK : OR_CONFIG);
    if (configured[_i].fault != NULL)
        ck_assert_msg(strstr(e.text, configured[_i].fault) != NULL, "%s", e.text);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("quota_warning");
    TCase *tcase = tcase_create("rows");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_loop_test(tcase, test_threshold, 0, (int)(sizeof(reached) / sizeof(reached[0])));
    tcase_add_loop_test(tcase, test_message, 0, (int)(sizeof(words) / sizeof(words[0])));
    tcase_add_loop_test(tcase, test_section, 0, (int)(sizeof(configured) / sizeof(configured[0])));
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
