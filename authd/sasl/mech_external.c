/*
 * EXTERNAL (RFC 4422 appendix A): who it is stands in the certificate that TLS has checked. The
 * client says at most as whom it wants to act.
 */
#include "authd/sasl/mech_table.h"

static enum mech_step
step(struct mech_exchange *x, struct span response, struct err *e)
{
    if (response.p == NULL && x->round == 0)
        return MECH_CONTINUE;
    if (x->certificate.n == 0) {
        (void)err_set(e, OR_MALFORMED, "EXTERNAL: no client certificate with a name was accepted");
        return MECH_FAIL;
    }
    if (mech_keep_name(&x->authcid, buf_span(&x->certificate), e) != OR_OK ||
        (response.n > 0 && mech_keep_name(&x->authzid, response, e) != OR_OK))
        return MECH_FAIL;
    x->proof = MECH_PROOF_RIGHT;
    x->challenge = (struct span){NULL, 0};
    return MECH_CHECK;
}

const struct mech mech_external = {.name = "EXTERNAL", .flags = "", .step = step};
