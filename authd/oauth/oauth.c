/*
 * The choice between keys and introspection, and what is asked of the answer.
 */
#include "authd/oauth/oauth.h"

#include "authd/oauth/oauth_json.h"
#include "authd/oauth/oauth_keys.h"
#include "authd/oauth/oauth_seen.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/run/password_file.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ANSWER_MAX_BYTES 65536
#define MAX_QUESTIONS 32 /* to the issuer at once; each holds a connection's thread */

struct oauth {
    struct oauth_settings settings;
    struct jwt_rules rules;
    struct oauth_keys *keys; /* NULL: introspection alone */
    struct oauth_seen *seen;
    char *client_secret; /* NULL: none */
    atomic_int asking;
};

static bool
is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static or_status
check_urls(const struct oauth_settings *s, struct err *e)
{
    const char *const urls[] = {s->jwks_url, s->introspection_url};

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        if (is_set(urls[i]) && oauth_http_check_url(urls[i], e) != OR_OK)
            return OR_CONFIG;
    return OR_OK;
}

/* RFC 8725 3.8, 3.9: without these a token for another service of the issuer would be taken. */
static or_status
check_settings(const struct oauth_settings *s, struct err *e)
{
    bool keys = is_set(s->jwks_file) || is_set(s->jwks_url);

    if (is_set(s->jwks_file) && is_set(s->jwks_url))
        return err_set(e, OR_CONFIG, "oauth: either jwks-file or jwks-url");
    if (keys && !is_set(s->issuer))
        return err_set(e, OR_CONFIG, "oauth: tokens checked with keys need `issuer`");
    if (keys && s->audience_count == 0)
        return err_set(e, OR_CONFIG, "oauth: tokens checked with keys need `audience`");
    if (is_set(s->client_id) != is_set(s->client_secret_file))
        return err_set(e, OR_CONFIG, "oauth: client-id and client-secret-file go together");
    if (!is_set(s->user_claim))
        return err_set(e, OR_CONFIG, "oauth: user-claim cannot be empty");
    return check_urls(s, e);
}

or_status
oauth_open(const struct oauth_settings *settings, struct oauth **oauth_out, struct err *e)
{
    bool has_keys = is_set(settings->jwks_file) || is_set(settings->jwks_url);
    char *secret = NULL;

    *oauth_out = NULL;
    if (!has_keys && !is_set(settings->introspection_url))
        return OR_OK;
    or_status st = check_settings(settings, e);
    if (st == OR_OK && is_set(settings->client_secret_file))
        st = password_file_read(settings->client_secret_file, &secret, e);
    if (st != OR_OK)
        return st;
    struct oauth *oauth = xcalloc(1, sizeof(*oauth));
    const struct oauth_http http = {settings->jwks_url, settings->ca_file, settings->timeout_ms};
    oauth->settings = *settings;
    oauth->client_secret = secret;
    oauth->rules = (struct jwt_rules){.issuer = is_set(settings->issuer) ? settings->issuer : NULL,
                                      .audience = settings->audience,
                                      .audience_count = settings->audience_count,
                                      .scope = settings->scope,
                                      .user_claim = settings->user_claim,
                                      .skew_s = settings->skew_ms / 1000};
    if (has_keys)
        oauth->keys =
            oauth_keys_new(is_set(settings->jwks_file) ? settings->jwks_file : NULL, &http);
    oauth->seen = oauth_seen_new();
    oauth_http_start();
    *oauth_out = oauth;
    return OR_OK;
}

void
oauth_close(struct oauth *oauth)
{
    if (oauth == NULL)
        return;
    oauth_keys_free(oauth->keys);
    oauth_seen_free(oauth->seen);
    password_file_free(oauth->client_secret);
    free(oauth);
}

/* ---- introspection */

static or_status
ask(struct oauth *oauth, struct span token, json_t **claims_out, struct err *e)
{
    const struct oauth_settings *s = &oauth->settings;
    const struct oauth_http http = {s->introspection_url, s->ca_file, s->timeout_ms};
    const struct oauth_form form = {token, oauth->client_secret != NULL ? s->client_id : NULL,
                                    oauth->client_secret};
    struct buf answer;

    if (atomic_fetch_add(&oauth->asking, 1) >= MAX_QUESTIONS) {
        atomic_fetch_sub(&oauth->asking, 1);
        return err_set(e, OR_TEMPFAIL, "oauth: %d tokens are being asked about", MAX_QUESTIONS);
    }
    buf_init(&answer, ANSWER_MAX_BYTES);
    or_status st = oauth_http_introspect(&http, &form, &answer, e);
    atomic_fetch_sub(&oauth->asking, 1);
    /* An answer that is none says nothing about the token. */
    if (st == OR_OK && oauth_json_parse(buf_span(&answer), claims_out, e) != OR_OK)
        st = err_wrap(e, OR_TEMPFAIL, "%s", s->introspection_url);
    buf_fini_wiped(&answer);
    return st;
}

/* Until it expires, and no longer than a token that was taken back may go on. */
static void
remember(struct oauth *oauth, struct span token, const json_t *claims, struct span user)
{
    int64_t keep_ms = oauth->settings.cache_ms;
    const json_t *exp = json_object_get(claims, "exp");

    if (json_is_number(exp)) {
        double left_ms = (json_number_value(exp) - (double)clock_now()) * 1000.0;

        if (left_ms < (double)keep_ms)
            keep_ms = left_ms > 0 ? (int64_t)left_ms : 0;
    }
    if (keep_ms > 0)
        oauth_seen_add(oauth->seen, token, user, clock_mono_ms() + keep_ms);
}

static or_status
introspect(struct oauth *oauth, struct span token, struct arena *mem, struct span *user_out,
           struct err *e)
{
    json_t *claims = NULL;
    struct span user = SPAN_EMPTY;

    if (oauth_seen_find(oauth->seen, token, mem, user_out) == OR_OK)
        return OR_OK;
    or_status st = ask(oauth, token, &claims, e);
    if (st != OR_OK)
        return st;
    /* RFC 7662 2.2: the only claim that is always there. */
    if (!json_is_true(json_object_get(claims, "active")))
        st = err_set(e, OR_ABSENT, "not active");
    if (st == OR_OK)
        st = jwt_check_claims(claims, &oauth->rules, clock_now(), false, &user, e);
    if (st == OR_OK) {
        remember(oauth, token, claims, user);
        st = arena_copy(mem, user, user_out);
    }
    json_decref(claims);
    return st;
}

/* ---- keys */

static or_status
verify(struct oauth *oauth, struct span token, struct arena *mem, struct span *user_out,
       struct err *e)
{
    json_t *claims = NULL;
    struct span user = SPAN_EMPTY;
    or_status st = oauth_keys_verify(oauth->keys, token, &claims, e);

    if (st == OR_OK)
        st = jwt_check_claims(claims, &oauth->rules, clock_now(), true, &user, e);
    if (st == OR_OK)
        st = arena_copy(mem, user, user_out);
    json_decref(claims);
    return st;
}

or_status
oauth_check(struct oauth *oauth, struct span token, struct arena *mem, struct span *user_out,
            struct err *e)
{
    or_status st;

    if (token.n == 0)
        return err_set(e, OR_ABSENT, "no token");
    if (token.n > JWT_MAX_BYTES)
        return err_set(e, OR_ABSENT, "a token over %d bytes", JWT_MAX_BYTES);
    if (oauth->keys != NULL && jwt_is_one(token))
        st = verify(oauth, token, mem, user_out, e);
    else if (oauth->settings.introspection_url != NULL &&
             oauth->settings.introspection_url[0] != '\0')
        st = introspect(oauth, token, mem, user_out, e);
    else
        st = err_set(e, OR_ABSENT, "no signed token");
    return st == OR_MALFORMED || st == OR_LIMIT ? OR_ABSENT : st;
}
