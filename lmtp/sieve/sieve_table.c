/* The tables. Lines long on purpose: a row is read as one. */
#include "lmtp/sieve/sieve_table.h"

#include "lmtp/sieve/sieve_rows.h"

#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define STRING SIEVE_ARG_STRING
#define STRINGS SIEVE_ARG_STRINGS
#define NUMBER SIEVE_ARG_NUMBER

static const struct sieve_extension extensions[] = {
    {"fileinto", SIEVE_FILEINTO},                   /* RFC 5228 4.1 */
    {"envelope", SIEVE_ENVELOPE},                   /* RFC 5228 5.4 */
    {"encoded-character", SIEVE_ENCODED_CHARACTER}, /* RFC 5228 2.4.2.4 */
    {"copy", SIEVE_COPY},                           /* RFC 3894 */
    {"relational", SIEVE_RELATIONAL},               /* RFC 5231 */
    {"subaddress", SIEVE_SUBADDRESS},               /* RFC 5233 */
    {"imap4flags", SIEVE_IMAP4FLAGS},               /* RFC 5232 */
    {"variables", SIEVE_VARIABLES},                 /* RFC 5229 */
    {"reject", SIEVE_REJECT},                       /* RFC 5429 */
    {"ereject", SIEVE_EREJECT},                     /* RFC 5429 */
    {"date", SIEVE_DATE},                           /* RFC 5260 4, 5 */
    {"environment", SIEVE_ENVIRONMENT},             /* RFC 5183 */
    {"index", SIEVE_INDEX},                         /* RFC 5260 6 */
    {"regex", SIEVE_REGEX},                         /* draft-murchison-sieve-regex-08 */
    {"mailbox", SIEVE_MAILBOX},                     /* RFC 5490 3 */
    {"vacation", SIEVE_VACATION},                   /* RFC 5230 */
    /* RFC 6131 1: it brings vacation with it. */
    {"vacation-seconds", SIEVE_VACATION | SIEVE_VACATION_SECONDS},
    {"fcc", SIEVE_FCC},               /* RFC 8580 */
    {"enotify", SIEVE_ENOTIFY},       /* RFC 5435 */
    {"ihave", SIEVE_IHAVE},           /* RFC 5463 */
    {"duplicate", SIEVE_DUPLICATE},   /* RFC 7352 */
    {"include", SIEVE_INCLUDE},       /* RFC 6609 */
    {"editheader", SIEVE_EDITHEADER}, /* RFC 5293 */
    {"comparator-i;octet", 0},        /* RFC 5228 2.7.3: may be required, need not */
    {"comparator-i;ascii-casemap", 0},
    {"comparator-i;ascii-numeric", SIEVE_NUMERIC}, /* RFC 4790 9.1 */
};

static const struct sieve_tag match_tags[] = {
    {"comparator", SIEVE_SLOT_COMPARATOR, 0, STRING, 0},
    {"is", SIEVE_SLOT_MATCH, SIEVE_IS, 0, 0},
    {"contains", SIEVE_SLOT_MATCH, SIEVE_CONTAINS, 0, 0},
    {"matches", SIEVE_SLOT_MATCH, SIEVE_MATCHES, 0, 0},
    {"regex", SIEVE_SLOT_MATCH, SIEVE_REGEX_MATCH, 0, SIEVE_REGEX},
    {"value", SIEVE_SLOT_MATCH, SIEVE_VALUE, STRING, SIEVE_RELATIONAL},
    {"count", SIEVE_SLOT_MATCH, SIEVE_COUNT, STRING, SIEVE_RELATIONAL},
    END,
};

static const struct sieve_tag part_tags[] = {
    {"all", SIEVE_SLOT_PART, SIEVE_PART_ALL, 0, 0},
    {"localpart", SIEVE_SLOT_PART, SIEVE_PART_LOCAL, 0, 0},
    {"domain", SIEVE_SLOT_PART, SIEVE_PART_DOMAIN, 0, 0},
    {"user", SIEVE_SLOT_PART, SIEVE_PART_USER, 0, SIEVE_SUBADDRESS},
    {"detail", SIEVE_SLOT_PART, SIEVE_PART_DETAIL, 0, SIEVE_SUBADDRESS},
    END,
};

static const struct sieve_tag index_tags[] = {
    {"index", SIEVE_SLOT_INDEX, 0, NUMBER, SIEVE_INDEX},
    {"last", SIEVE_SLOT_LAST, SIEVE_LAST_INDEX, 0, SIEVE_INDEX},
    END,
};

static const struct sieve_tag zone_tags[] = {
    {"zone", SIEVE_SLOT_ZONE, SIEVE_ZONE_GIVEN, STRING, 0},
    END,
};

static const struct sieve_tag originalzone_tags[] = {
    {"originalzone", SIEVE_SLOT_ZONE, SIEVE_ZONE_ORIGINAL, 0, 0},
    END,
};

static const struct sieve_tag size_tags[] = {
    {"over", SIEVE_SLOT_LIMIT, SIEVE_OVER, 0, 0},
    {"under", SIEVE_SLOT_LIMIT, SIEVE_UNDER, 0, 0},
    END,
};

static const struct sieve_tag flag_tags[] = {
    {"flags", SIEVE_SLOT_FLAGS, 0, STRINGS, SIEVE_IMAP4FLAGS},
    END,
};

static const struct sieve_tag copy_tags[] = {
    {"copy", SIEVE_SLOT_COPY, 0, 0, SIEVE_COPY},
    END,
};

static const struct sieve_tag create_tags[] = {
    {"create", SIEVE_SLOT_CREATE, 0, 0, SIEVE_MAILBOX},
    END,
};

static const struct sieve_tag vacation_tags[] = {
    {"days", SIEVE_SLOT_PERIOD, SIEVE_DAYS, NUMBER, 0},
    {"seconds", SIEVE_SLOT_PERIOD, SIEVE_SECONDS, NUMBER, SIEVE_VACATION_SECONDS},
    {"subject", SIEVE_SLOT_SUBJECT, 0, STRING, 0},
    {"from", SIEVE_SLOT_FROM, 0, STRING, 0},
    {"addresses", SIEVE_SLOT_ADDRESSES, 0, STRINGS, 0},
    {"mime", SIEVE_SLOT_MIME, 0, 0, 0},
    {"handle", SIEVE_SLOT_HANDLE, 0, STRING, 0},
    END,
};

static const struct sieve_tag notify_tags[] = {
    {"from", SIEVE_SLOT_FROM, 0, STRING, 0},
    {"importance", SIEVE_SLOT_IMPORTANCE, 0, STRING, 0},
    {"options", SIEVE_SLOT_OPTIONS, 0, STRINGS, 0},
    {"message", SIEVE_SLOT_MESSAGE, 0, STRING, 0},
    END,
};

/* RFC 5293 5: these are its own, without "index". */
static const struct sieve_tag delete_tags[] = {
    {"index", SIEVE_SLOT_INDEX, 0, NUMBER, 0},
    {"last", SIEVE_SLOT_LAST, SIEVE_LAST_INDEX, 0, 0},
    END,
};

static const struct sieve_tag last_tags[] = {
    {"last", SIEVE_SLOT_LAST, SIEVE_LAST_ALONE, 0, 0},
    END,
};

static const struct sieve_tag include_tags[] = {
    {"personal", SIEVE_SLOT_PLACE, SIEVE_PERSONAL, 0, 0},
    {"global", SIEVE_SLOT_PLACE, SIEVE_GLOBAL, 0, 0},
    {"once", SIEVE_SLOT_ONCE, 0, 0, 0},
    {"optional", SIEVE_SLOT_OPTIONAL, 0, 0, 0},
    END,
};

static const struct sieve_tag duplicate_tags[] = {
    {"handle", SIEVE_SLOT_HANDLE, 0, STRING, 0},
    {"header", SIEVE_SLOT_ID, SIEVE_ID_FIELD, STRING, 0},
    {"uniqueid", SIEVE_SLOT_ID, SIEVE_ID_GIVEN, STRING, 0},
    {"seconds", SIEVE_SLOT_PERIOD, SIEVE_SECONDS, NUMBER, 0},
    {"last", SIEVE_SLOT_LAST, 0, 0, 0},
    END,
};

static const struct sieve_tag fcc_tags[] = {
    {"fcc", SIEVE_SLOT_FCC, 0, STRING, SIEVE_FCC},
    END,
};

/* RFC 5229 4.1: modifiers of one precedence exclude each other. */
static const struct sieve_tag set_tags[] = {
    {"lower", SIEVE_SLOT_CASE, SIEVE_LOWER, 0, 0},
    {"upper", SIEVE_SLOT_CASE, SIEVE_UPPER, 0, 0},
    {"lowerfirst", SIEVE_SLOT_FIRST, SIEVE_LOWER, 0, 0},
    {"upperfirst", SIEVE_SLOT_FIRST, SIEVE_UPPER, 0, 0},
    {"quotewildcard", SIEVE_SLOT_QUOTE, SIEVE_QUOTE_WILDCARD, 0, 0},
    {"quoteregex", SIEVE_SLOT_QUOTE, SIEVE_QUOTE_REGEX, 0, SIEVE_REGEX},
    {"encodeurl", SIEVE_SLOT_ENCODE, 0, 0, SIEVE_ENOTIFY}, /* RFC 5435 6 */
    {"length", SIEVE_SLOT_LENGTH, 0, 0, 0},
    END,
};

static const struct sieve_row commands[] = {
    {.name = "require",
     .positional = {STRINGS},
     .check = cmd_require_check,
     .command = cmd_require},
    {.name = "if", .tests = SIEVE_ONE_TEST, .block = true},
    {.name = "elsif", .tests = SIEVE_ONE_TEST, .block = true},
    {.name = "else", .block = true},
    {.name = "stop", .command = cmd_stop},
    {.name = "include",
     .ext = SIEVE_INCLUDE,
     .tags = {include_tags},
     .positional = {STRING},
     .check = cmd_include_check,
     .command = cmd_include},
    {.name = "return", .ext = SIEVE_INCLUDE, .command = cmd_return},
    {.name = "global",
     .ext = SIEVE_INCLUDE,
     .positional = {STRINGS},
     .check = cmd_global_check,
     .command = cmd_global},
    {.name = "addheader",
     .ext = SIEVE_EDITHEADER,
     .tags = {last_tags},
     .positional = {STRING, STRING},
     .check = cmd_editheader_check,
     .command = cmd_addheader},
    {.name = "deleteheader",
     .ext = SIEVE_EDITHEADER,
     .tags = {match_tags, delete_tags},
     .positional = {STRING, STRINGS},
     .keys = 2,
     .last_optional = true,
     .check = cmd_editheader_check,
     .command = cmd_deleteheader},
    {.name = "error", .ext = SIEVE_IHAVE, .positional = {STRING}, .command = cmd_error},
    {.name = "keep", .tags = {flag_tags}, .command = cmd_keep},
    {.name = "discard", .command = cmd_discard},
    {.name = "fileinto",
     .ext = SIEVE_FILEINTO,
     .tags = {copy_tags, create_tags, flag_tags},
     .positional = {STRING},
     .command = cmd_fileinto},
    {.name = "redirect",
     .tags = {copy_tags},
     .positional = {STRING},
     .check = cmd_redirect_check,
     .command = cmd_redirect},
    {.name = "reject", .ext = SIEVE_REJECT, .positional = {STRING}, .command = cmd_reject},
    {.name = "ereject", .ext = SIEVE_EREJECT, .positional = {STRING}, .command = cmd_reject},
    {.name = "vacation",
     .ext = SIEVE_VACATION,
     .tags = {vacation_tags, fcc_tags, create_tags, flag_tags},
     .positional = {STRING},
     .check = cmd_vacation_check,
     .command = cmd_vacation},
    {.name = "notify",
     .ext = SIEVE_ENOTIFY,
     .tags = {notify_tags, fcc_tags, create_tags, flag_tags},
     .positional = {STRING},
     .check = cmd_notify_check,
     .command = cmd_notify},
    {.name = "setflag",
     .ext = SIEVE_IMAP4FLAGS,
     .positional = {STRING, STRINGS},
     .first_optional = true,
     .check = cmd_flags_check,
     .command = cmd_setflag},
    {.name = "addflag",
     .ext = SIEVE_IMAP4FLAGS,
     .positional = {STRING, STRINGS},
     .first_optional = true,
     .check = cmd_flags_check,
     .command = cmd_addflag},
    {.name = "removeflag",
     .ext = SIEVE_IMAP4FLAGS,
     .positional = {STRING, STRINGS},
     .first_optional = true,
     .check = cmd_flags_check,
     .command = cmd_removeflag},
    {.name = "set",
     .ext = SIEVE_VARIABLES,
     .tags = {set_tags},
     .positional = {STRING, STRING},
     .check = cmd_set_check,
     .command = cmd_set},
};

static const struct sieve_row tests[] = {
    {.name = "true", .test = tst_true},
    {.name = "false", .test = tst_false},
    {.name = "not", .tests = SIEVE_ONE_TEST, .test = tst_not},
    {.name = "allof", .tests = SIEVE_TEST_LIST, .test = tst_allof},
    {.name = "anyof", .tests = SIEVE_TEST_LIST, .test = tst_anyof},
    {.name = "header",
     .tags = {match_tags, index_tags},
     .positional = {STRINGS, STRINGS},
     .keys = 2,
     .test = tst_header},
    {.name = "exists", .positional = {STRINGS}, .test = tst_exists},
    {.name = "size",
     .tags = {size_tags},
     .positional = {NUMBER},
     .check = tst_size_check,
     .test = tst_size},
    {.name = "address",
     .tags = {match_tags, part_tags, index_tags},
     .positional = {STRINGS, STRINGS},
     .keys = 2,
     .check = tst_address_check,
     .test = tst_address},
    {.name = "envelope",
     .ext = SIEVE_ENVELOPE,
     .tags = {match_tags, part_tags},
     .positional = {STRINGS, STRINGS},
     .keys = 2,
     .check = tst_envelope_check,
     .test = tst_envelope},
    {.name = "date",
     .ext = SIEVE_DATE,
     .tags = {match_tags, zone_tags, originalzone_tags, index_tags},
     .positional = {STRING, STRING, STRINGS},
     .keys = 3,
     .check = tst_date_check,
     .test = tst_date},
    {.name = "currentdate",
     .ext = SIEVE_DATE,
     .tags = {match_tags, zone_tags},
     .positional = {STRING, STRINGS},
     .keys = 2,
     .check = tst_date_check,
     .test = tst_currentdate},
    {.name = "environment",
     .ext = SIEVE_ENVIRONMENT,
     .tags = {match_tags},
     .positional = {STRING, STRINGS},
     .keys = 2,
     .test = tst_environment},
    {.name = "hasflag",
     .ext = SIEVE_IMAP4FLAGS,
     .tags = {match_tags},
     .positional = {STRINGS, STRINGS},
     .keys = 2,
     .first_optional = true,
     .check = cmd_flags_check,
     .test = tst_hasflag},
    {.name = "ihave",
     .ext = SIEVE_IHAVE,
     .positional = {STRINGS},
     .check = tst_ihave_check,
     .test = tst_ihave},
    {.name = "duplicate", .ext = SIEVE_DUPLICATE, .tags = {duplicate_tags}, .test = tst_duplicate},
    {.name = "valid_notify_method",
     .ext = SIEVE_ENOTIFY,
     .positional = {STRINGS},
     .test = tst_valid_notify_method},
    {.name = "notify_method_capability",
     .ext = SIEVE_ENOTIFY,
     .tags = {match_tags},
     .positional = {STRING, STRING, STRINGS},
     .keys = 3,
     .test = tst_notify_method_capability},
    {.name = "string",
     .ext = SIEVE_VARIABLES,
     .tags = {match_tags},
     .positional = {STRINGS, STRINGS},
     .keys = 2,
     .test = tst_string},
    {.name = "mailboxexists",
     .ext = SIEVE_MAILBOX,
     .positional = {STRINGS},
     .test = tst_mailboxexists},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* RFC 5228 2.10.5: names of extensions are compared with regard to case. */
const struct sieve_extension *
sieve_table_extension(struct span name)
{
    for (size_t i = 0; i < COUNT(extensions); i++)
        if (span_equal_cstr(name, extensions[i].name))
            return &extensions[i];
    return NULL;
}

const char *
sieve_table_extension_name(uint64_t bits)
{
    for (size_t i = 0; i < COUNT(extensions); i++)
        if ((extensions[i].bits & bits) != 0)
            return extensions[i].name;
    return "";
}

static const struct sieve_row *
find_row(const struct sieve_row *rows, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal_nocase_cstr(name, rows[i].name))
            return &rows[i];
    return NULL;
}

const struct sieve_row *
sieve_table_command(struct span name)
{
    return find_row(commands, COUNT(commands), name);
}

const struct sieve_row *
sieve_table_test(struct span name)
{
    return find_row(tests, COUNT(tests), name);
}

const struct sieve_tag *
sieve_table_tag(const struct sieve_row *row, struct span name)
{
    for (size_t g = 0; g < SIEVE_MAX_TAG_GROUPS && row->tags[g] != NULL; g++)
        for (const struct sieve_tag *t = row->tags[g]; t->name != NULL; t++)
            if (span_equal_nocase_cstr(name, t->name))
                return t;
    return NULL;
}
