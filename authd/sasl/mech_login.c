/*
 * LOGIN (draft-murchison-sasl-login): the server asks for the user name, then for the password. Old
 * clients know nothing else. The challenges are word for word what some of them wait for.
 */
#include "authd/sasl/mech_table.h"

static enum mech_step
ask(struct mech_exchange *x, struct span challenge)
{
    x->challenge = challenge;
    return MECH_CONTINUE;
}

static enum mech_step
step(struct mech_exchange *x, struct span response, struct err *e)
{
    if (response.p == NULL && x->round == 0)
        return ask(x, SPAN_LIT("Username:"));
    /* The draft knows no initial response; clients that send one mean the user name. */
    if (x->authcid.n == 0)
        return mech_keep_name(&x->authcid, response, e) == OR_OK ? ask(x, SPAN_LIT("Password:"))
                                                                 : MECH_FAIL;
    return mech_keep_password(x, response, e) == OR_OK ? MECH_CHECK : MECH_FAIL;
}

const struct mech mech_login = {.name = "LOGIN", .flags = "plaintext", .step = step};
