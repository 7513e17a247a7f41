/*
 * OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's, older): the client shows an access token. Whose it
 * is finds the session out; after a wrong one the client is told where tokens come from, says that
 * it has understood, and is refused.
 */
#include "authd/sasl/mech_table.h"

#include "common/base/crypto.h"
#include "common/base/xalloc.h"

#include <stdlib.h>

#define KEY_END '\x01'
#define FAILURE_MAX_BYTES 2048

struct mech_state {
    struct buf failure; /* what is said about a wrong token */
};

static enum mech_step
fail(struct err *e, const char *why)
{
    (void)err_set(e, OR_MALFORMED, "%s", why);
    return MECH_FAIL;
}

static void
fini(struct mech_exchange *x)
{
    if (x->state == NULL)
        return;
    buf_fini(&x->state->failure);
    free(x->state);
    x->state = NULL;
}

/* RFC 6750 2.1: b64token. What else a token is made of would end up in a form or a log. */
static bool
is_token(struct span token)
{
    static const char others[] = "-._~+/=";

    for (size_t i = 0; i < token.n; i++) {
        char c = token.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!alnum && !span_contains_byte(span_cstr(others), c))
            return false;
    }
    return true;
}

/* "Bearer TOKEN", in which nothing at all asks where to get one (RFC 7628 4.3). */
static or_status
keep_token(struct mech_exchange *x, struct span value, struct err *e)
{
    struct span token = span_trim(span_from(value, sizeof("Bearer") - 1));

    if (span_trim(value).n == 0)
        return OR_OK;
    if (!span_has_prefix_nocase(value, SPAN_LIT("Bearer ")) || token.n == 0 || !is_token(token))
        return err_set(e, OR_MALFORMED, "auth is no bearer token");
    return mech_keep_password(x, token, e);
}

/* RFC 7628 3.1: key=value pairs, each ended by ^A, and another ^A. `name` is the key with the
 * user's name, NULL where that stands elsewhere. */
static or_status
take_pairs(struct mech_exchange *x, struct span pairs, const char *name, struct err *e)
{
    bool has_auth = false;

    while (pairs.n > 1) {
        size_t end = span_find(pairs, KEY_END);
        struct span pair = span_slice(pairs, 0, end);
        size_t equals = span_find(pair, '=');
        struct span key = span_slice(pair, 0, equals), value = span_from(pair, equals + 1);
        or_status st = OR_OK;

        if (end == pairs.n || equals == pair.n || equals == 0)
            return err_set(e, OR_MALFORMED, "no list of key=value");
        if (span_equal_cstr(key, "auth")) {
            st = has_auth ? err_set(e, OR_MALFORMED, "auth twice") : keep_token(x, value, e);
            has_auth = true;
        } else if (name != NULL && span_equal_cstr(key, name)) {
            st = x->authzid.n > 0 ? err_set(e, OR_MALFORMED, "%s twice", name)
                                  : mech_keep_name(&x->authzid, value, e);
        }
        if (st != OR_OK)
            return st;
        pairs = span_from(pairs, end + 1);
    }
    return pairs.n == 1 && pairs.p[0] == KEY_END ? OR_OK
                                                 : err_set(e, OR_MALFORMED, "no ^A at the end");
}

/* A saslname: '=' and ',' are written as =3D and =2C (RFC 5801 4). */
static or_status
keep_authzid(struct mech_exchange *x, struct span escaped, struct err *e)
{
    struct buf name;
    or_status st = OR_OK;

    buf_init(&name, MECH_MAX_NAME_BYTES);
    for (size_t i = 0; st == OR_OK && i < escaped.n; i++) {
        struct span rest = span_from(escaped, i);

        if (escaped.p[i] != '=') {
            buf_add_char(&name, escaped.p[i]);
        } else if (span_has_prefix(rest, SPAN_LIT("=3D")) ||
                   span_has_prefix(rest, SPAN_LIT("=2C"))) {
            buf_add_char(&name, escaped.p[i + 1] == '3' ? '=' : ',');
            i += 2;
        } else {
            st = err_set(e, OR_MALFORMED, "= in the authorization identity");
        }
    }
    if (st == OR_OK && buf_finish(&name) != OR_OK)
        st = err_set(e, OR_MALFORMED, "a name over %d bytes", MECH_MAX_NAME_BYTES);
    if (st == OR_OK)
        st = mech_keep_name(&x->authzid, buf_span(&name), e);
    buf_fini(&name);
    return st;
}

/* "n,a=NAME,^A" and the pairs; y: the client could bind, we never offer it with these. */
static or_status
take_bearer(struct mech_exchange *x, struct span message, struct err *e)
{
    struct span flag, name, rest = message;
    size_t header_end = span_find(message, KEY_END);

    rest.n = header_end;
    if (header_end == message.n || !span_split(&rest, ',', &flag) ||
        !span_split(&rest, ',', &name) || rest.p == NULL || rest.n != 0 ||
        !(span_equal_cstr(flag, "n") || span_equal_cstr(flag, "y")))
        return err_set(e, OR_MALFORMED, "no GS2 header without channel binding");
    if (name.n > 0 && !span_has_prefix(name, SPAN_LIT("a=")))
        return err_set(e, OR_MALFORMED, "no authorization identity");
    or_status st = name.n > 0 ? keep_authzid(x, span_from(name, 2), e) : OR_OK;
    return st == OR_OK ? take_pairs(x, span_from(message, header_end + 1), NULL, e) : st;
}

/* After a failure the client says ^A (OAUTHBEARER) or nothing (XOAUTH2): no matter, it is over. */
static enum mech_step
refuse(struct mech_exchange *x)
{
    x->proof = MECH_PROOF_WRONG;
    x->challenge = (struct span){NULL, 0};
    return MECH_CHECK;
}

static enum mech_step
step_bearer(struct mech_exchange *x, struct span response, struct err *e)
{
    if (x->state != NULL)
        return refuse(x);
    if (response.p == NULL)
        return x->round == 0 ? MECH_CONTINUE : fail(e, "nothing was said");
    return take_bearer(x, response, e) == OR_OK ? MECH_NEED_KEYS : MECH_FAIL;
}

static enum mech_step
step_google(struct mech_exchange *x, struct span response, struct err *e)
{
    if (x->state != NULL)
        return refuse(x);
    if (response.p == NULL)
        return x->round == 0 ? MECH_CONTINUE : fail(e, "nothing was said");
    if (take_pairs(x, response, "user", e) != OR_OK)
        return MECH_FAIL;
    return x->authzid.n > 0 ? MECH_NEED_KEYS : fail(e, "no user");
}

/* What is asked for is text of the configuration, which has no quotes. */
static enum mech_step
say_failure(struct mech_exchange *x, const struct mech_token *token)
{
    struct buf *out;

    /* For the log, and for whoever counts failures by name. */
    if (x->authzid.n > 0)
        buf_add_span(&x->authcid, buf_span(&x->authzid));
    x->state = xcalloc(1, sizeof(*x->state));
    out = &x->state->failure;
    buf_init(out, FAILURE_MAX_BYTES);
    buf_add_cstr(out, x->mech == &mech_xoauth2 ? "{\"status\":\"401\",\"schemes\":\"bearer\""
                                               : "{\"status\":\"invalid_token\"");
    if (token->scope.n > 0)
        buf_addf(out, ",\"scope\":\"%.*s\"", SPAN_ARG(token->scope));
    if (token->discovery.n > 0)
        buf_addf(out, ",\"openid-configuration\":\"%.*s\"", SPAN_ARG(token->discovery));
    buf_add_char(out, '}');
    x->challenge = buf_finish(out) == OR_OK ? buf_span(out) : SPAN_LIT("{}");
    return MECH_CONTINUE;
}

static enum mech_step
keys(struct mech_exchange *x, const struct mech_keys *keys, struct err *e)
{
    if (keys->token.user.n == 0)
        return say_failure(x, &keys->token);
    /* A name of the issuer's: "user*master" is not taken apart, it has an authorization identity
     * in any case. */
    if (mech_keep_name(&x->authcid, keys->token.user, e) != OR_OK ||
        (x->authzid.n == 0 && mech_keep_name(&x->authzid, keys->token.user, e) != OR_OK))
        return MECH_FAIL;
    crypto_wipe(x->password.p, x->password.n);
    buf_reset(&x->password);
    x->proof = MECH_PROOF_RIGHT;
    x->challenge = (struct span){NULL, 0};
    return MECH_CHECK;
}

const struct mech mech_oauthbearer = {.name = "OAUTHBEARER",
                                      .flags = "plaintext",
                                      .step = step_bearer,
                                      .keys = keys,
                                      .fini = fini,
                                      .needs = MECH_KEYS_TOKEN};
const struct mech mech_xoauth2 = {.name = "XOAUTH2",
                                  .flags = "plaintext",
                                  .step = step_google,
                                  .keys = keys,
                                  .fini = fini,
                                  .needs = MECH_KEYS_TOKEN};
