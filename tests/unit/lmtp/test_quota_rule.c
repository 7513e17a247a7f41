/* Quota rules in Dovecot's words. */
#include "lmtp/quota_rule.h"

#include "tests/support/unit.h"

#include <inttypes.h>
#include <string.h>

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

static const struct {
    const char *rules[4];
    const char *folder; /* its directory */
    int64_t bytes, messages;
    bool ignored;
} rows[] = {
    {{"*:storage=5G"}, "", 5 * GIB, 0, false},
    {{"*:storage=5G:messages=1000"}, "", 5 * GIB, 1000, false},
    {{"*:messages=10"}, "", 0, 10, false},
    {{"*:storage=100"}, "", 102400, 0, false}, /* without a letter: kilobytes */
    {{"*:bytes=100"}, "", 100, 0, false},
    {{"*:bytes=100M"}, "", 100 * MIB, 0, false}, /* as authd writes 2.4's quota_storage_size */
    {{"*:storage=100B"}, "", 100, 0, false},
    {{"*:storage=1t"}, "", 1024 * GIB, 0, false},
    {{"?:storage=1M"}, "", MIB, 0, false},
    {{"*:storage=0"}, "", 0, 0, false},
    /* the later one wins, as userdb over site */
    {{"*:storage=1M", "*:storage=2M"}, "", 2 * MIB, 0, false},
    /* folders */
    {{"*:storage=100M", "Trash:storage=+10M"}, ".Trash", 110 * MIB, 0, false},
    {{"*:storage=100M", "Trash:storage=+10M"}, "", 100 * MIB, 0, false},
    {{"*:storage=100M", "Trash:storage=+10%"}, ".Trash", 110 * MIB, 0, false},
    {{"*:storage=100M", "Trash:storage=110%"}, ".Trash", 110 * MIB, 0, false},
    {{"*:storage=100M", "Trash:storage=50M:messages=7"}, ".Trash", 50 * MIB, 7, false},
    {{"Trash:storage=+10%"}, ".Trash", 0, 0, false}, /* a tenth more than no limit */
    {{"*:storage=100M", "Spam:ignore"}, ".Spam", 0, 0, true},
    {{"*:storage=100M", "INBOX:storage=50M"}, "", 50 * MIB, 0, false},
    {{"*:storage=100M", "Archive/2024:ignore"}, ".Archive.2024", 0, 0, true},
    {{"*:storage=100M", "Archive.2024:ignore"}, ".Archive.2024", 0, 0, true},
    {{"*:storage=100M", "Archive/*:ignore"}, ".Archive.2024", 0, 0, true},
    {{"*:storage=100M", "Archive/*:ignore"}, ".Archive", 100 * MIB, 0, false},
    {{"*:storage=100M", "Arch*:ignore"}, ".Archive", 0, 0, true},
    {{"*:storage=100M", "Entw\xc3\xbcrfe:ignore"}, ".Entw&APw-rfe", 0, 0, true},
    {{"*:storage=9223372036854775807B", "T:storage=+9999%"}, ".T", INT64_MAX, 0, false},
    {{"*:storage=9223372036854775807B", "T:storage=+9223372036854775807B"},
     ".T",
     INT64_MAX,
     0,
     false},
    {{"*:storage=10", "T:storage=0%"}, ".T", 1, 0, false}, /* never "no limit" */
};

START_TEST(test_rules)
{
    struct quota_rules rules = {.folder_count = 0};
    struct err e = {""};

    for (size_t i = 0; i < 4 && rows[_i].rules[i] != NULL; i++)
        ck_assert_msg(quota_rules_add(&rules, span_cstr(rows[_i].rules[i]), &e) == OR_OK, "%s",
                      e.text);
    struct quota_limits limits = quota_rules_for(&rules, rows[_i].folder);
    ck_assert_msg(limits.bytes == rows[_i].bytes, "row %d: %" PRId64 " bytes", _i, limits.bytes);
    ck_assert_int_eq(limits.messages, rows[_i].messages);
    ck_assert_int_eq(quota_rules_ignore(&rules, rows[_i].folder), rows[_i].ignored);
}
END_TEST

static const struct {
    const char *rule, *says;
} wrong[] = {
    {"", "is no rule"},
    {"5G", "is no rule"},
    {"*:5G", "is no limit"},
    {"*:storage=", "is no limit"},
    {"*:storage=much", "is no limit"},
    {"*:storage=-1", "is no limit"},
    {"*:storage=1.5G", "is no limit"},
    {"*:storage=8388608T", "is no limit"}, /* 2^63 */
    {"*:storage=1G:noenforcing", "is no limit"},
    {"*:storage=+10001%", "is no limit"},
    {":storage=1G", "is no folder"},
    {"a//b:ignore", "is no folder"},
    {"..:ignore", "is no folder"},
    {"/*:ignore", "is no folder"},
    {"a\xff:ignore", "is no folder"},
};

START_TEST(test_wrong)
{
    struct quota_rules rules = {.folder_count = 0};
    struct err e = {""};

    ck_assert_int_eq(quota_rules_add(&rules, span_cstr(wrong[_i].rule), &e), OR_MALFORMED);
    ck_assert_msg(strstr(e.text, wrong[_i].says) != NULL, "%s: %s", wrong[_i].rule, e.text);
}
END_TEST

START_TEST(test_too_many)
{
    struct quota_rules rules = {.folder_count = 0};
    struct err e = {""};

    for (int i = 0; i < QUOTA_MAX_FOLDER_RULES; i++)
        ck_assert_int_eq(quota_rules_add(&rules, SPAN_LIT("A:ignore"), &e), OR_OK);
    ck_assert_int_eq(quota_rules_add(&rules, SPAN_LIT("A:ignore"), &e), OR_LIMIT);
    ck_assert_int_eq(quota_rules_add(&rules, SPAN_LIT("*:storage=1M"), &e), OR_OK);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("quota_rule");
    TCase *tcase = tcase_create("rules");

    tcase_add_loop_test(tcase, test_rules, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_loop_test(tcase, test_wrong, 0, (int)(sizeof(wrong) / sizeof(wrong[0])));
    tcase_add_test(tcase, test_too_many);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
