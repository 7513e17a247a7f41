/*
 * PLAIN (RFC 4616): one message, [authzid] NUL authcid NUL passwd.
 */
#include "authd/sasl/mech_table.h"

static or_status
parse(struct mech_exchange *x, struct span message, struct err *e)
{
    struct span authzid, authcid, rest = message;
    or_status st = OR_OK;

    /* A third NUL would be in the password, which refuses it. */
    if (!span_split(&rest, '\0', &authzid) || !span_split(&rest, '\0', &authcid) || rest.p == NULL)
        return err_set(e, OR_MALFORMED, "PLAIN without its two NULs");
    if (authzid.n > 0)
        st = mech_keep_name(&x->authzid, authzid, e);
    if (st == OR_OK)
        st = mech_keep_name(&x->authcid, authcid, e);
    return st == OR_OK ? mech_keep_password(x, rest, e) : st;
}

static enum mech_step
step(struct mech_exchange *x, struct span response, struct err *e)
{
    /* No initial response: RFC 4954 4 has the server ask with an empty challenge, once. */
    if (response.p == NULL && x->round == 0)
        return MECH_CONTINUE;
    return parse(x, response, e) == OR_OK ? MECH_CHECK : MECH_FAIL;
}

const struct mech mech_plain = {.name = "PLAIN", .flags = "plaintext", .step = step};
