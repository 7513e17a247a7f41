/*
 * The keys of a set that are of use. One that is not spoils nothing for the others: issuers publish
 * keys for encryption, and tomorrow's kinds, beside those for signatures.
 */
#include "authd/oauth/jwks.h"

#include "authd/oauth/oauth_json.h"
#include "common/base/xalloc.h"

#include <stdlib.h>

or_status
jwks_parse(struct span text, struct jwks **jwks_out, struct err *e)
{
    json_t *set = NULL;

    if (text.n > JWKS_MAX_BYTES)
        return err_set(e, OR_LIMIT, "a key set over %u bytes", JWKS_MAX_BYTES);
    or_status st = oauth_json_parse(text, &set, e);
    if (st != OR_OK)
        return st;
    struct jwks *jwks = xcalloc(1, sizeof(*jwks));
    const json_t *keys = json_object_get(set, "keys");
    for (size_t i = 0; i < json_array_size(keys) && jwks->count < JWKS_MAX_KEYS; i++)
        if (jwk_parse(json_array_get(keys, i), &jwks->keys[jwks->count]) == OR_OK)
            jwks->count++;
    json_decref(set);
    if (jwks->count == 0) {
        jwks_free(jwks);
        return err_set(e, OR_MALFORMED, "no key for signatures in the key set");
    }
    *jwks_out = jwks;
    return OR_OK;
}

void
jwks_free(struct jwks *jwks)
{
    for (size_t i = 0; jwks != NULL && i < jwks->count; i++)
        jwk_fini(&jwks->keys[i]);
    free(jwks);
}

bool
jwks_has_kid(const struct jwks *jwks, struct span kid)
{
    for (size_t i = 0; i < jwks->count; i++)
        if (jwks->keys[i].kid != NULL && span_equal_cstr(kid, jwks->keys[i].kid))
            return true;
    return false;
}
