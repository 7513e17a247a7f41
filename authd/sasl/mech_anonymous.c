/*
 * ANONYMOUS (RFC 4505): everybody who asks is the account that stands for nobody in particular.
 * What the client says about itself is for the log and proves nothing.
 */
#include "authd/sasl/mech_table.h"

static enum mech_step
step(struct mech_exchange *x, struct span response, struct err *e)
{
    if (response.p == NULL && x->round == 0)
        return MECH_CONTINUE;
    if (response.n > 0 && mech_keep_name(&x->trace, response, e) != OR_OK)
        return MECH_FAIL;
    return MECH_NEED_KEYS;
}

static enum mech_step
keys(struct mech_exchange *x, const struct mech_keys *keys, struct err *e)
{
    bool open = keys->anonymous.n > 0;

    if (open && mech_keep_name(&x->authcid, keys->anonymous, e) != OR_OK)
        return MECH_FAIL;
    x->proof = open ? MECH_PROOF_RIGHT : MECH_PROOF_WRONG;
    x->challenge = (struct span){NULL, 0};
    return MECH_CHECK;
}

const struct mech mech_anonymous = {.name = "ANONYMOUS",
                                    .flags = "anonymous", /* Postfix: noanonymous hides it */
                                    .step = step,
                                    .keys = keys,
                                    .needs = MECH_KEYS_ANONYMOUS};
