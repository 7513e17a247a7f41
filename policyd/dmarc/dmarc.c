/* The names of results and policies, as they stand in headers, logs and reports. */
#include "policyd/dmarc/dmarc.h"

const char *
dmarc_result_name(enum dmarc_result result)
{
    static const char *const names[] = {
        [DMARC_NONE] = "none",           [DMARC_PASS] = "pass",           [DMARC_FAIL] = "fail",
        [DMARC_TEMPERROR] = "temperror", [DMARC_PERMERROR] = "permerror",
    };

    return names[result];
}

const char *
dmarc_policy_name(enum dmarc_policy policy)
{
    static const char *const names[] = {
        [DMARC_POLICY_NONE] = "none",
        [DMARC_POLICY_QUARANTINE] = "quarantine",
        [DMARC_POLICY_REJECT] = "reject",
    };

    return names[policy];
}
