/* The table. Order matters: what is cheap and certain comes first. */
#include "policyd/policy_checks.h"

#include "policyd/check_spf.h"

static const struct {
    const char *name;
    policy_check run;
} checks[] = {
    {"spf", check_spf},
};

void
policy_checks_run(struct policy_question *q, struct policy_action *action_out)
{
    *action_out = (struct policy_action){.value = SPAN_LIT("DUNNO")};
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (!checks[i].run(q, action_out))
            continue;
        action_out->check = checks[i].name;
        return;
    }
}
