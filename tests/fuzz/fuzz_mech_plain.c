/* SASL: the first byte picks the mechanism, the rest are the responses, parted by 0xFF 0xFF. */
#include "authd/sasl/mech.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_ROUNDS 4

/* What every session relies on when it goes on to check the password. */
static void
check_outcome(const struct mech_exchange *x)
{
    struct span authcid = buf_span(&x->authcid), password = buf_span(&x->password);

    /* A proof stands for a password; nothing that a fuzzer says is one, but for the certificate's
     * that TLS has checked, and for him who has no name. */
    bool is_nobody = x->mech->needs == MECH_KEYS_ANONYMOUS;
    if ((x->proof == MECH_PROOF_RIGHT && x->mech->needs != MECH_KEYS_NONE && !is_nobody) ||
        (x->proof != MECH_PROOF_NONE && password.n > 0 && x->mech->needs != MECH_KEYS_TOKEN))
        abort();
    if (x->proof == MECH_PROOF_NONE && password.n == 0)
        abort();
    if ((authcid.n == 0 && x->mech->needs != MECH_KEYS_TOKEN) || authcid.n > MECH_MAX_NAME_BYTES ||
        x->authzid.n > MECH_MAX_NAME_BYTES || span_contains_byte(authcid, '\0') ||
        span_contains_byte(buf_span(&x->authzid), '\0') || span_contains_byte(password, '\0'))
        abort();
}

/* The next response off the front; p == NULL for an empty first one: there was none. */
static struct span
next_response(struct span *rest, unsigned round)
{
    size_t end = 0;

    while (end < rest->n && !span_has_prefix(span_from(*rest, end), SPAN_LIT("\xff\xff")))
        end++;
    struct span response = span_slice(*rest, 0, end);

    *rest = span_from(*rest, end + 2);
    return response.n == 0 && round == 0 ? (struct span){0} : response;
}

static size_t
mechanisms(void)
{
    size_t n = 0;

    while (mech_all()[n] != NULL)
        n++;
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make((const char *)data, size);
    const struct mech_keys keys = {.scram = {.iterations = 4096, .salt_bytes = 16},
                                   .password = SPAN_LIT("nobody says this"),
                                   .anonymous = SPAN_LIT("public@example.org")};
    struct mech_exchange x;
    struct err e;
    enum mech_step step = MECH_CONTINUE;

    if (size == 0)
        return 0;
    mech_exchange_init(&x, mech_all()[data[0] % mechanisms()]);
    rest = span_from(rest, 1);
    x.server_nonce = SPAN_LIT("own"); /* so that seeds get to the proof */
    buf_add_cstr(&x.certificate, "bob@example.org");
    buf_add_cstr(&x.binding, "0123");
    for (unsigned round = 0; step == MECH_CONTINUE; round++) {
        /* No mechanism asks without end. */
        if (round == MAX_ROUNDS)
            abort();
        step = mech_exchange_step(&x, next_response(&rest, round), &e);
        if (step == MECH_NEED_KEYS)
            step = mech_exchange_keys(&x, &keys, &e);
    }
    if (step == MECH_CHECK)
        check_outcome(&x);
    mech_exchange_fini(&x);
    return 0;
}
