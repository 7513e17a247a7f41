/*
 * Sizes and rules.
 */
#include "authd/accounts/account_quota.h"

#define KIB 1024

static const struct {
    char letter, small;
    int shift;
} units[] = {{'B', 'b', 0}, {'K', 'k', 10}, {'M', 'm', 20}, {'G', 'g', 30}, {'T', 't', 40}};

or_status
account_quota_parse_size(struct span text, int64_t unit_bytes, int64_t *bytes_out)
{
    char last = text.n > 0 ? text.p[text.n - 1] : '\0';
    int64_t unit = unit_bytes;
    uint64_t number;

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (last == units[i].letter || last == units[i].small) {
            unit = INT64_C(1) << units[i].shift;
            text.n--;
            break;
        }
    if (span_parse_u64(text, (uint64_t)(INT64_MAX / unit), &number) != OR_OK)
        return OR_MALFORMED;
    *bytes_out = (int64_t)number * unit;
    return OR_OK;
}

static or_status
parse_part(struct span part, struct account_quota *quota)
{
    static const struct span storage = SPAN_INIT("storage="), bytes = SPAN_INIT("bytes="),
                             messages = SPAN_INIT("messages=");

    if (span_has_prefix(part, storage))
        return account_quota_parse_size(span_from(part, storage.n), KIB, &quota->bytes);
    if (span_has_prefix(part, bytes))
        return account_quota_parse_size(span_from(part, bytes.n), 1, &quota->bytes);
    if (span_has_prefix(part, messages))
        return account_quota_parse_size(span_from(part, messages.n), 1, &quota->messages);
    return OR_MALFORMED;
}

or_status
account_quota_parse_rule(struct span rule, struct account_quota *quota_out)
{
    struct account_quota quota = {0, 0};
    struct span part = SPAN_EMPTY;

    if (!span_split(&rule, ':', &part) || !span_equal_cstr(part, "*"))
        return OR_MALFORMED;
    while (span_split(&rule, ':', &part))
        if (parse_part(part, &quota) != OR_OK)
            return OR_MALFORMED;
    *quota_out = quota;
    return OR_OK;
}
