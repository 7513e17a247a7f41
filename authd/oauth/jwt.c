/*
 * Form, header and signature of a token. What the header says is believed about nothing but which
 * of our keys to try (RFC 8725 3.1): jku, jwk, x5u and x5c in it are not looked at.
 */
#include "authd/oauth/jwt.h"

#include "authd/oauth/jws.h"
#include "authd/oauth/oauth_json.h"

#define HEADER_MAX_BYTES 4096

#define SIGNATURE_MAX_BYTES 1024 /* of the largest key, of RSA */

struct parts {
    struct span header, payload, signature;
    struct span message; /* what is signed: the first two as they stand */
};

static or_status
split(struct span token, struct parts *parts_out, struct err *e)
{
    struct span rest = token;

    if (token.n > JWT_MAX_BYTES)
        return err_set(e, OR_LIMIT, "a token over %d bytes", JWT_MAX_BYTES);
    if (!span_split(&rest, '.', &parts_out->header) ||
        !span_split(&rest, '.', &parts_out->payload) ||
        !span_split(&rest, '.', &parts_out->signature) || rest.p != NULL ||
        parts_out->header.n == 0 || parts_out->payload.n == 0)
        return err_set(e, OR_MALFORMED, "not three parts");
    parts_out->message =
        span_make(token.p, parts_out->header.n + 1 + parts_out->payload.n); /* RFC 7515 5.2 */
    return OR_OK;
}

bool
jwt_is_one(struct span token)
{
    struct parts parts = {.header = SPAN_EMPTY};
    struct err e;

    return split(token, &parts, &e) == OR_OK;
}

static or_status
parse_part(struct span base64, json_t **object_out, struct err *e)
{
    struct buf json;

    buf_init(&json, JWT_MAX_BYTES);
    or_status st = oauth_base64url_decode(base64, &json);
    st = st == OR_OK ? oauth_json_parse(buf_span(&json), object_out, e)
                     : err_set(e, OR_MALFORMED, "not base64url");
    buf_fini_wiped(&json);
    return st;
}

/* RFC 8725 3.11, RFC 9068 2.1: what is signed for something else is no access token. */
static bool
is_type_good(struct span typ)
{
    static const char *const types[] = {"JWT", "at+jwt", "application/at+jwt", "application/jwt"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (span_equal_nocase_cstr(typ, types[i]))
            return true;
    return typ.p == NULL;
}

static or_status
check_header(const json_t *header, const struct jws_algorithm **algorithm_out, struct err *e)
{
    struct span alg = oauth_json_string(header, "alg");

    if (json_object_get(header, "crit") != NULL) /* RFC 7515 4.1.11: we know no extension */
        return err_set(e, OR_ABSENT, "crit");
    if (!is_type_good(oauth_json_string(header, "typ")))
        return err_set(e, OR_ABSENT, "a token of another type");
    *algorithm_out = alg.p != NULL ? jws_find_algorithm(alg) : NULL;
    if (*algorithm_out == NULL)
        return err_set(e, OR_ABSENT, "algorithm \"%.*s\" is not allowed", SPAN_ARG(alg));
    return OR_OK;
}

or_status
jwt_key_id(struct span token, struct arena *mem, struct span *kid_out, struct err *e)
{
    struct parts parts = {.header = SPAN_EMPTY};
    json_t *header = NULL;
    const struct jws_algorithm *algorithm = NULL;
    or_status st = split(token, &parts, e);

    if (st == OR_OK)
        st = parse_part(parts.header, &header, e);
    if (st == OR_OK)
        st = check_header(header, &algorithm, e);
    if (st == OR_OK) {
        struct span kid = oauth_json_string(header, "kid");

        *kid_out = kid;
        if (kid.p != NULL)
            st = arena_copy(mem, kid, kid_out);
    }
    json_decref(header);
    return st;
}

/* Without a name every key is tried: the algorithm leaves few. */
static or_status
check_signature(const struct parts *parts, const struct jws_algorithm *algorithm, struct span kid,
                const struct jwks *keys, struct err *e)
{
    struct buf signature;
    bool good = false;

    buf_init(&signature, SIGNATURE_MAX_BYTES);
    or_status st = oauth_base64url_decode(parts->signature, &signature);
    if (st != OR_OK)
        st = err_set(e, OR_MALFORMED, "no signature in base64url");
    for (size_t i = 0; st == OR_OK && i < keys->count && !good; i++) {
        const struct jwk *key = &keys->keys[i];

        if (kid.p == NULL || (key->kid != NULL && span_equal_cstr(kid, key->kid)))
            good = jws_is_signed_by(algorithm, key, parts->message, buf_span(&signature));
    }
    buf_fini(&signature);
    if (st == OR_OK && !good)
        st = err_set(e, OR_ABSENT, "no key of ours has signed it");
    return st;
}

/* RFC 7519 7.2: claims that nobody signed are not even read. */
or_status
jwt_verify(struct span token, const struct jwks *keys, json_t **claims_out, struct err *e)
{
    struct parts parts = {.header = SPAN_EMPTY};
    json_t *header = NULL;
    const struct jws_algorithm *algorithm = NULL;

    or_status st = split(token, &parts, e);
    if (st == OR_OK && parts.header.n > HEADER_MAX_BYTES)
        st = err_set(e, OR_LIMIT, "a header over %d bytes", HEADER_MAX_BYTES);
    if (st == OR_OK)
        st = parse_part(parts.header, &header, e);
    if (st == OR_OK)
        st = check_header(header, &algorithm, e);
    if (st == OR_OK)
        st = check_signature(&parts, algorithm, oauth_json_string(header, "kid"), keys, e);
    if (st == OR_OK)
        st = parse_part(parts.payload, claims_out, e);
    json_decref(header);
    return st;
}
