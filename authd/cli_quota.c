/*
 * Sizes as everywhere in the configuration: K, M, G, T are 1024 each of the one before.
 */
#include "authd/cli_quota.h"

#include "authd/accounts/account_quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    char letter;
    int shift;
} units[] = {{'T', 40}, {'G', 30}, {'M', 20}, {'K', 10}};

#define UNITS (sizeof(units) / sizeof(units[0]))

int
cli_quota_parse(const struct cli *cli, const char *text, struct account_quota *quota_out)
{
    struct span rest = span_cstr(text), size = SPAN_EMPTY, messages = SPAN_EMPTY;
    struct account_quota quota = {0, 0};
    uint64_t count = 0;

    if (strcmp(text, "none") != 0) {
        (void)span_split(&rest, ',', &size);
        bool counted = span_split(&rest, ',', &messages);
        if (account_quota_parse_size(size, 1, &quota.bytes) != OR_OK || rest.p != NULL ||
            (counted && span_parse_u64(messages, INT64_MAX, &count) != OR_OK))
            return cli_fail(cli, CLI_USAGE,
                            "--quota=%s: a size, or a size and a number of messages; write e.g. "
                            "5G or 5G,10000 or none",
                            text);
    }
    quota.messages = (int64_t)count;
    *quota_out = quota;
    return CLI_YES;
}

void
cli_quota_put(json_t *request, const struct account_quota *quota)
{
    json_object_set_new(request, "quota_bytes", json_integer(quota->bytes));
    json_object_set_new(request, "quota_messages", json_integer(quota->messages));
}

void
cli_quota_format(const struct account_quota *quota, char out[CLI_QUOTA_BYTES])
{
    char messages[32] = "";
    size_t i = 0;

    while (i < UNITS && (quota->bytes == 0 || quota->bytes % (INT64_C(1) << units[i].shift) != 0))
        i++;
    if (quota->messages > 0)
        snprintf(messages, sizeof(messages), ",%" PRId64, quota->messages);
    if (quota->bytes <= 0 && quota->messages <= 0)
        snprintf(out, CLI_QUOTA_BYTES, "none");
    else if (i == UNITS)
        snprintf(out, CLI_QUOTA_BYTES, "%" PRId64 "%s", quota->bytes, messages);
    else
        snprintf(out, CLI_QUOTA_BYTES, "%" PRId64 "%c%s", quota->bytes >> units[i].shift,
                 units[i].letter, messages);
}
