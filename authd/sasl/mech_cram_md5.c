/*
 * CRAM-MD5 (RFC 2195), for clients that know nothing better: HMAC-MD5 of our challenge, keyed with
 * the password, which therefore is stored in plain text. Only where it is asked for.
 */
#include "authd/sasl/mech_table.h"

#include "common/base/crypto.h"
#include "common/base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define CHALLENGE_RANDOM_BYTES 16
#define CHALLENGE_MAX_BYTES 128

struct mech_state {
    struct buf challenge;
    struct buf digest; /* the client's, in hex */
};

static enum mech_step
fail(struct err *e, const char *why)
{
    (void)err_set(e, OR_MALFORMED, "CRAM-MD5: %s", why);
    return MECH_FAIL;
}

static void
fini(struct mech_exchange *x)
{
    if (x->state == NULL)
        return;
    buf_fini(&x->state->challenge);
    buf_fini_wiped(&x->state->digest);
    free(x->state);
    x->state = NULL;
}

/* Never the same twice, so that what was heard once is worth nothing. */
static enum mech_step
challenge(struct mech_exchange *x)
{
    char random[2 * CHALLENGE_RANDOM_BYTES + 1];

    x->state = xcalloc(1, sizeof(*x->state));
    buf_init(&x->state->challenge, CHALLENGE_MAX_BYTES);
    buf_init(&x->state->digest, 2 * CRYPTO_MD5_BYTES);
    crypto_random_hex(random, CHALLENGE_RANDOM_BYTES);
    if (x->server_nonce.n > 0)
        buf_add_span(&x->state->challenge, x->server_nonce);
    else
        buf_addf(&x->state->challenge, "<%s@outrider>", random);
    x->challenge = buf_span(&x->state->challenge);
    return MECH_CONTINUE;
}

/* "user digest"; the user may hold blanks. */
static enum mech_step
answer(struct mech_exchange *x, struct span response, struct err *e)
{
    size_t blank = span_rfind(response, ' ');
    struct span digest = span_from(response, blank + 1);

    if (blank == response.n || digest.n != 2 * CRYPTO_MD5_BYTES)
        return fail(e, "no user and digest");
    if (mech_keep_name(&x->authcid, span_slice(response, 0, blank), e) != OR_OK)
        return MECH_FAIL;
    buf_add_span(&x->state->digest, digest);
    return MECH_NEED_KEYS;
}

static enum mech_step
step(struct mech_exchange *x, struct span response, struct err *e)
{
    if (x->round == 0)
        return response.p == NULL ? challenge(x) : fail(e, "a response before the challenge");
    return answer(x, response, e);
}

static enum mech_step
keys(struct mech_exchange *x, const struct mech_keys *keys, struct err *e)
{
    unsigned char mac[CRYPTO_MD5_BYTES];
    char hex[2 * CRYPTO_MD5_BYTES + 1];

    if (!crypto_hmac_md5(keys->password, buf_span(&x->state->challenge), mac))
        return fail(e, "OpenSSL is not allowed to compute MD5");
    for (size_t i = 0; i < CRYPTO_MD5_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", mac[i]);
    x->proof = crypto_equal(span_make(hex, 2 * CRYPTO_MD5_BYTES), buf_span(&x->state->digest))
                   ? MECH_PROOF_RIGHT
                   : MECH_PROOF_WRONG;
    x->challenge = (struct span){NULL, 0};
    crypto_wipe(mac, sizeof(mac));
    crypto_wipe(hex, sizeof(hex));
    return MECH_CHECK;
}

const struct mech mech_cram_md5 = {.name = "CRAM-MD5",
                                   .flags = "dictionary\tactive",
                                   .step = step,
                                   .keys = keys,
                                   .fini = fini,
                                   .needs = MECH_KEYS_PASSWORD};
