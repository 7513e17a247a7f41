/* Folder names: Maildir++ directories in modified UTF-7. */
#include "lmtp/maildir/maildir_folder.h"

#include "tests/support/unit.h"

#include <string.h>

#define NAME(s)                                                                                    \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

static const struct {
    const char *why;
    struct span name;
    or_status st;
    const char *dirname;
} rows[] = {
    {"plain", NAME("Junk"), OR_OK, ".Junk"},
    {"as Dovecot wrote it (protocols.md 9)", NAME("Entw\xc3\xbcrfe"), OR_OK, ".Entw&APw-rfe"},
    {"as Dovecot wrote it", NAME("a&b"), OR_OK, ".a&-b"},
    {"RFC 3501 5.1.3", NAME("~peter"), OR_OK, ".~peter"},
    {"RFC 3501 5.1.3, two characters in one shift", NAME("\xe5\x8f\xb0\xe5\x8c\x97"), OR_OK,
     ".&U,BTFw-"},
    {"RFC 3501 5.1.3, three", NAME("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"), OR_OK, ".&ZeVnLIqe-"},
    {"outside the BMP: surrogates", NAME("\xf0\x9f\x93\xac"), OR_OK, ".&2D3c7A-"},
    {"blank inside", NAME("Sent Mail"), OR_OK, ".Sent Mail"},
    {"empty", NAME(""), OR_MALFORMED, NULL},
    {"leaves the Maildir", NAME("../../etc"), OR_MALFORMED, NULL},
    {"slash", NAME("a/b"), OR_MALFORMED, NULL},
    {"another level", NAME("a.b"), OR_MALFORMED, NULL},
    {"dot", NAME("."), OR_MALFORMED, NULL},
    {"dots", NAME(".."), OR_MALFORMED, NULL},
    {"leading blank", NAME(" a"), OR_MALFORMED, NULL},
    {"trailing blank", NAME("a "), OR_MALFORMED, NULL},
    {"NUL", NAME("a\0b"), OR_MALFORMED, NULL},
    {"line feed", NAME("a\nb"), OR_MALFORMED, NULL},
    {"DEL", NAME("a\x7f"), OR_MALFORMED, NULL},
    {"C1 control", NAME("a\xc2\x85"), OR_MALFORMED, NULL},
    {"IMAP wildcard", NAME("a*"), OR_MALFORMED, NULL},
    {"IMAP wildcard", NAME("%"), OR_MALFORMED, NULL},
    {"not UTF-8", NAME("\xff"), OR_MALFORMED, NULL},
    {"overlong slash", NAME("a\xc0\xaf"), OR_MALFORMED, NULL},
    {"cut character", NAME("a\xc3"), OR_MALFORMED, NULL},
    {"a lone surrogate", NAME("\xed\xa0\x80"), OR_MALFORMED, NULL},
    {"INBOX is no folder beside itself", NAME("InBoX"), OR_MALFORMED, NULL},
};

START_TEST(dirname_of)
{
    char out[MAILDIR_FOLDER_BYTES] = "unchanged";

    ck_assert_msg(maildir_folder_dirname(rows[_i].name, out) == rows[_i].st, "%s", rows[_i].why);
    ck_assert_str_eq(out, rows[_i].st == OR_OK ? rows[_i].dirname : "unchanged");
}
END_TEST

START_TEST(name_max_is_the_limit)
{
    char name[300], out[MAILDIR_FOLDER_BYTES];

    memset(name, 'a', sizeof(name));
    ck_assert_int_eq(maildir_folder_dirname(span_make(name, 254), out), OR_OK);
    ck_assert_uint_eq(strlen(out), 255);
    ck_assert_int_eq(maildir_folder_dirname(span_make(name, 255), out), OR_LIMIT);
    /* 100 umlauts are 200 bytes of UTF-8 and 267 letters of base64. */
    for (size_t i = 0; i < 200; i++)
        name[i] = i % 2 == 0 ? '\xc3' : '\xbc';
    ck_assert_int_eq(maildir_folder_dirname(span_make(name, 200), out), OR_LIMIT);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("maildir_folder");
    TCase *t = tcase_create("names");

    tcase_add_loop_test(t, dirname_of, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(t, name_max_is_the_limit);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
