/* The words for SPF's results and identities. */
#include "policyd/spf/spf.h"

const char *
spf_result_name(enum spf_result result)
{
    static const char *const names[] = {
        [SPF_NONE] = "none",           [SPF_NEUTRAL] = "neutral",   [SPF_PASS] = "pass",
        [SPF_FAIL] = "fail",           [SPF_SOFTFAIL] = "softfail", [SPF_TEMPERROR] = "temperror",
        [SPF_PERMERROR] = "permerror",
    };

    return names[result];
}

const char *
spf_scope_name(enum spf_scope scope)
{
    return scope == SPF_SCOPE_HELO ? "helo" : "mfrom";
}
