/*
 * Quota rules, from the userdb.
 */
#include "lmtp/quota_rule.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct quota_rules *rules, const char *dirname)
{
    struct quota_limits limits = quota_rules_for(rules, dirname);

    if (limits.bytes < 0 || limits.messages < 0)
        abort();
}

/* One rule on each line. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make((const char *)data, size), line = SPAN_EMPTY;
    struct quota_rules rules = {.folder_count = 0};

    while (span_split(&rest, '\n', &line))
        if (quota_rules_add(&rules, line, NULL) == OR_OK)
            check(&rules, "");
    for (size_t i = 0; i < rules.folder_count; i++) {
        if (strlen(rules.folders[i].dirname) >= MAILDIR_FOLDER_BYTES)
            abort();
        check(&rules, rules.folders[i].dirname);
    }
    return 0;
}
