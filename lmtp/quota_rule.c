/*
 * The grammar of quota_rule: a folder's name, then what holds for it, separated by colons.
 */
#include "lmtp/quota_rule.h"

#include <stddef.h>
#include <string.h>

#define KIB 1024
#define MAX_PERCENT 10000

/* ---- amounts */

static const struct {
    const char *letters;
    int64_t bytes;
} units[] = {
    {"bB", 1},
    {"kK", KIB},
    {"mM", INT64_C(1) << 20},
    {"gG", INT64_C(1) << 30},
    {"tT", INT64_C(1) << 40},
};

/* The factor of a letter; 0: it is none. */
static int64_t
unit_of(char letter)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (letter == units[i].letters[0] || letter == units[i].letters[1])
            return units[i].bytes;
    return 0;
}

or_status
quota_amount_parse(struct span text, int64_t unit_bytes, int64_t *value_out, bool *percent_out)
{
    char last = text.n > 0 ? text.p[text.n - 1] : '\0';
    bool percent = percent_out != NULL && last == '%', has_unit = unit_of(last) != 0;
    int64_t unit = percent ? 1 : has_unit ? unit_of(last) : unit_bytes;
    uint64_t number;

    if (percent || has_unit)
        text.n--;
    if (span_parse_u64(text, percent ? MAX_PERCENT : INT64_MAX, &number) != OR_OK ||
        __builtin_mul_overflow((int64_t)number, unit, value_out))
        return OR_MALFORMED;
    if (percent_out != NULL)
        *percent_out = percent;
    return OR_OK;
}

/* "10M", "+10M", "+10%"; "10%" of everything is what Dovecot takes it for, too. */
static or_status
parse_limit(struct span text, int64_t unit_bytes, struct quota_amount *amount_out)
{
    bool more = text.n > 0 && text.p[0] == '+', percent = false;
    or_status st =
        quota_amount_parse(span_from(text, more ? 1 : 0), unit_bytes, &amount_out->by, &percent);

    if (st != OR_OK)
        return st;
    if (percent && !more) {
        amount_out->by -= 100;
        more = true;
    }
    amount_out->how = percent ? QUOTA_ADD_PERCENT : more ? QUOTA_ADD : QUOTA_SET;
    return OR_OK;
}

/* ---- folders */

static bool
is_inbox(struct span name)
{
    return span_equal_nocase(name, SPAN_LIT("INBOX"));
}

/* Where the first level of a name ends. */
static size_t
level_end(struct span name)
{
    size_t dot = span_find(name, '.'), slash = span_find(name, '/');

    return dot < slash ? dot : slash;
}

or_status
quota_folder_dirname(struct span folder, char out[MAILDIR_FOLDER_BYTES])
{
    size_t n = 0;

    out[0] = '\0';
    if (is_inbox(folder))
        return OR_OK;
    for (bool more = true; more;) {
        size_t end = level_end(folder);
        char level[MAILDIR_FOLDER_BYTES];
        or_status st = maildir_folder_dirname(span_slice(folder, 0, end), level);

        if (st != OR_OK)
            return st;
        size_t length = strlen(level);
        if (n + length >= MAILDIR_FOLDER_BYTES)
            return OR_LIMIT;
        memcpy(out + n, level, length + 1);
        n += length;
        more = end < folder.n;
        folder = span_from(folder, end + 1);
    }
    return OR_OK;
}

/* ---- rules */

static or_status
parse_part(struct quota_folder_rule *rule, struct span part, struct err *e)
{
    static const struct {
        const char *name;
        size_t field;
        int64_t unit_bytes;
    } parts[] = {{"storage=", offsetof(struct quota_folder_rule, bytes), KIB},
                 {"bytes=", offsetof(struct quota_folder_rule, bytes), 1},
                 {"messages=", offsetof(struct quota_folder_rule, messages), 1}};

    if (span_equal_cstr(part, "ignore")) {
        rule->ignore = true;
        return OR_OK;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct span name = span_cstr(parts[i].name);
        struct quota_amount *amount =
            (struct quota_amount *)(void *)((char *)rule + parts[i].field);

        if (span_has_prefix(part, name) &&
            parse_limit(span_from(part, name.n), parts[i].unit_bytes, amount) == OR_OK)
            return OR_OK;
    }
    return err_set(e, OR_MALFORMED,
                   "\"%.*s\" is no limit; allowed: storage=10M, bytes=1000, messages=1000, ignore",
                   SPAN_ARG(span_slice(part, 0, 60)));
}

static or_status
parse_folder(struct quota_folder_rule *rule, struct span name, struct err *e)
{
    rule->and_below = name.n > 1 && name.p[name.n - 1] == '*';
    if (rule->and_below)
        name.n--;
    /* "Archive/" of "Archive/" and "*": the separator belongs to the names below it. */
    bool separator = rule->and_below && (name.p[name.n - 1] == '/' || name.p[name.n - 1] == '.');
    if (separator)
        name.n--;
    if (quota_folder_dirname(name, rule->dirname) != OR_OK)
        return err_set(e, OR_MALFORMED, "\"%.*s\" is no folder's name",
                       SPAN_ARG(span_slice(name, 0, 60)));
    if (separator && strlen(rule->dirname) + 1 < MAILDIR_FOLDER_BYTES)
        memcpy(rule->dirname + strlen(rule->dirname), ".", 2);
    return OR_OK;
}

or_status
quota_rules_add(struct quota_rules *rules, struct span text, struct err *e)
{
    struct quota_folder_rule rule = {.ignore = false};
    struct span rest = text, name = SPAN_EMPTY, part = SPAN_EMPTY;
    bool whole = false;

    if (!span_split(&rest, ':', &name) || rest.p == NULL)
        return err_set(e, OR_MALFORMED, "\"%.*s\" is no rule; write e.g. *:storage=5G",
                       SPAN_ARG(span_slice(text, 0, 60)));
    while (span_split(&rest, ':', &part)) {
        or_status st = parse_part(&rule, part, e);

        if (st != OR_OK)
            return st;
    }
    /* "?": as "*", where no other backend has a limit of its own; there is none here. */
    whole = span_equal_cstr(name, "*") || span_equal_cstr(name, "?");
    if (whole) {
        if (rule.bytes.how != QUOTA_SAME)
            rules->limits.bytes = rule.bytes.by;
        if (rule.messages.how != QUOTA_SAME)
            rules->limits.messages = rule.messages.by;
        return OR_OK;
    }
    if (rules->folder_count == QUOTA_MAX_FOLDER_RULES)
        return err_set(e, OR_LIMIT, "more than %d folders with rules", QUOTA_MAX_FOLDER_RULES);
    or_status st = parse_folder(&rule, name, e);
    if (st == OR_OK)
        rules->folders[rules->folder_count++] = rule;
    return st;
}

/* ---- asking */

static const struct quota_folder_rule *
find_rule(const struct quota_rules *rules, const char *dirname)
{
    for (size_t i = 0; i < rules->folder_count; i++) {
        const struct quota_folder_rule *r = &rules->folders[i];

        if (strcmp(r->dirname, dirname) == 0 ||
            (r->and_below && strncmp(r->dirname, dirname, strlen(r->dirname)) == 0))
            return r;
    }
    return NULL;
}

/* Past the largest number there is no limit worth the name. */
static int64_t
add(int64_t limit, int64_t by)
{
    int64_t sum;

    if (__builtin_add_overflow(limit, by, &sum))
        return INT64_MAX;
    return sum > 0 ? sum : 1;
}

int64_t
quota_percent_of(int64_t amount, int64_t percent)
{
    return amount / 100 * percent + amount % 100 * percent / 100;
}

static int64_t
apply(int64_t limit, const struct quota_amount *amount)
{
    if (amount->how == QUOTA_SET)
        return amount->by;
    if (limit == 0) /* more than no limit is none */
        return 0;
    if (amount->how == QUOTA_ADD)
        return add(limit, amount->by);
    if (amount->how == QUOTA_ADD_PERCENT)
        return limit > INT64_MAX / MAX_PERCENT ? INT64_MAX
                                               : add(limit, quota_percent_of(limit, amount->by));
    return limit;
}

struct quota_limits
quota_rules_for(const struct quota_rules *rules, const char *dirname)
{
    const struct quota_folder_rule *r = find_rule(rules, dirname);
    struct quota_limits limits = rules->limits;

    if (r == NULL)
        return limits;
    if (r->ignore)
        return (struct quota_limits){0, 0};
    limits.bytes = apply(limits.bytes, &r->bytes);
    limits.messages = apply(limits.messages, &r->messages);
    return limits;
}

bool
quota_rules_ignore(const struct quota_rules *rules, const char *dirname)
{
    const struct quota_folder_rule *r = find_rule(rules, dirname);

    return r != NULL && r->ignore;
}

bool
quota_rules_limit(const struct quota_rules *rules)
{
    return rules->limits.bytes > 0 || rules->limits.messages > 0;
}
