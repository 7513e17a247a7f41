/*
 * Runs one exchange; what was learnt is wiped however it ends.
 */
#include "authd/sasl/mech.h"

#include "authd/sasl/mech_table.h"
#include "common/text/utf8.h"

void
mech_exchange_init(struct mech_exchange *x, const struct mech *mech)
{
    *x = (struct mech_exchange){.mech = mech, .challenge = SPAN_EMPTY};
    buf_init(&x->binding, MECH_MAX_BINDING_BYTES);
    buf_init(&x->certificate, MECH_MAX_NAME_BYTES);
    buf_init(&x->authcid, MECH_MAX_NAME_BYTES);
    buf_init(&x->authzid, MECH_MAX_NAME_BYTES);
    buf_init(&x->trace, MECH_MAX_NAME_BYTES);
    buf_init(&x->password, MECH_MAX_RESPONSE_BYTES);
}

void
mech_exchange_fini(struct mech_exchange *x)
{
    if (x->mech->fini != NULL)
        x->mech->fini(x);
    buf_fini_wiped(&x->binding);
    buf_fini_wiped(&x->certificate);
    buf_fini_wiped(&x->authcid);
    buf_fini_wiped(&x->authzid);
    buf_fini_wiped(&x->password);
    buf_fini_wiped(&x->trace);
}

enum mech_step
mech_exchange_step(struct mech_exchange *x, struct span response, struct err *e)
{
    if (response.n > MECH_MAX_RESPONSE_BYTES) {
        (void)err_set(e, OR_LIMIT, "a response over %d bytes", MECH_MAX_RESPONSE_BYTES);
        return MECH_FAIL;
    }
    enum mech_step step = x->mech->step(x, response, e);

    x->round++;
    return step;
}

enum mech_step
mech_exchange_keys(struct mech_exchange *x, const struct mech_keys *keys, struct err *e)
{
    return x->mech->keys(x, keys, e);
}

or_status
mech_keep_name(struct buf *name, struct span bytes, struct err *e)
{
    if (bytes.n == 0)
        return err_set(e, OR_MALFORMED, "an empty user name");
    if (span_contains_byte(bytes, '\0') || !utf8_is_valid(bytes))
        return err_set(e, OR_MALFORMED, "a user name with NUL or what is not UTF-8");
    buf_add_span(name, bytes);
    if (buf_finish(name) != OR_OK)
        return err_set(e, OR_MALFORMED, "a user name over %d bytes", MECH_MAX_NAME_BYTES);
    return OR_OK;
}

or_status
mech_keep_password(struct mech_exchange *x, struct span bytes, struct err *e)
{
    if (bytes.n == 0 || span_contains_byte(bytes, '\0'))
        return err_set(e, OR_MALFORMED, "a password that is empty or holds NUL");
    buf_add_span(&x->password, bytes);
    return buf_finish(&x->password);
}
