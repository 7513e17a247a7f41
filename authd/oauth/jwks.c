/*
 * A set is read once; each signature makes its key anew from the text, because key objects of the
 * library are not for several threads.
 */
#include "authd/oauth/jwks.h"

#include "authd/oauth/oauth_json.h"
#include "common/base/xalloc.h"

#include <stdlib.h>

#define MEMBER_MAX_BYTES 2048 /* a modulus of 8192 bits is 1366 */

/* The public members of each kind that we know, all base64url (RFC 7518 6). RFC 8725 3.1: a
 * symmetric key never comes to where public ones are looked for. */
static const struct kind {
    const char *kty, *members[2];
} kinds[] = {{"RSA", {"n", "e"}}, {"EC", {"x", "y"}}};

/* NULL: none that is for signatures. */
static const struct kind *
find_kind(const json_t *key)
{
    struct span use = oauth_json_string(key, "use"), kty = oauth_json_string(key, "kty");

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kty.p != NULL && span_equal_cstr(kty, kinds[i].kty))
            return use.p == NULL || span_equal_cstr(use, "sig") ? &kinds[i] : NULL;
    return NULL;
}

/* cjose ends the process over base64 that it does not like: it gets none. */
static bool
is_base64url(struct span text)
{
    struct buf bytes;

    if (text.n == 0)
        return false;
    buf_init(&bytes, MEMBER_MAX_BYTES);
    bool good = oauth_base64url_decode(text, &bytes) == OR_OK;
    buf_fini(&bytes);
    return good;
}

/* What of it is public, as text for free(); NULL: it is of no use. */
static char *
public_part(const json_t *key)
{
    const struct kind *kind = find_kind(key);
    struct span crv = oauth_json_string(key, "crv");

    if (kind == NULL)
        return NULL;
    json_t *part = json_object();
    bool good = json_object_set_new(part, "kty", json_string(kind->kty)) == 0;
    for (size_t i = 0; i < 2 && good; i++)
        good = is_base64url(oauth_json_string(key, kind->members[i])) &&
               json_object_set(part, kind->members[i], json_object_get(key, kind->members[i])) == 0;
    if (good && crv.p != NULL)
        good = json_object_set(part, "crv", json_object_get(key, "crv")) == 0;
    char *text = good ? json_dumps(part, JSON_COMPACT) : NULL;
    json_decref(part);
    return text;
}

static char *
copy(const json_t *key, const char *name)
{
    struct span value = oauth_json_string(key, name);

    return value.p != NULL ? xmemdup0(value.p, value.n) : NULL;
}

static void
add_key(struct jwks *jwks, const json_t *key)
{
    char *text = public_part(key);
    struct span json = span_cstr(text);

    if (text == NULL)
        return;
    jwks->keys[jwks->count++] = (struct jwk){
        .kid = copy(key, "kid"),
        .alg = copy(key, "alg"),
        .kty = copy(key, "kty"),
        .crv = copy(key, "crv"),
        .json = xmemdup0(json.p, json.n),
        .json_bytes = json.n,
    };
    free(text);
}

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
        add_key(jwks, json_array_get(keys, i));
    json_decref(set);
    if (jwks->count == 0) {
        jwks_free(jwks);
        return err_set(e, OR_MALFORMED, "no RSA or EC key for signatures in the key set");
    }
    *jwks_out = jwks;
    return OR_OK;
}

void
jwks_free(struct jwks *jwks)
{
    for (size_t i = 0; jwks != NULL && i < jwks->count; i++) {
        free(jwks->keys[i].kid);
        free(jwks->keys[i].alg);
        free(jwks->keys[i].kty);
        free(jwks->keys[i].crv);
        free(jwks->keys[i].json);
    }
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
