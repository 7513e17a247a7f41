/*
 * Whether a token's claims are for us and for now (RFC 7519 4.1), and whose name they bear.
 */
#include "authd/oauth/jwt.h"
#include "authd/oauth/oauth_json.h"

#include <math.h>
#include <string.h>

#define MAX_TIME_S 253402300799.0 /* the year 9999: sums stay far from overflow */

/* A NumericDate, of which fractions are allowed. OR_ABSENT: there is none. */
static or_status
read_time(const json_t *claims, const char *name, int64_t *time_s_out, struct err *e)
{
    const json_t *value = json_object_get(claims, name);
    double seconds = json_number_value(value);

    if (value == NULL)
        return OR_ABSENT;
    if (!json_is_number(value) || !isfinite(seconds) || seconds < 0 || seconds > MAX_TIME_S)
        return err_set(e, OR_MALFORMED, "%s is no time", name);
    *time_s_out = (int64_t)seconds;
    return OR_OK;
}

static or_status
check_times(const json_t *claims, int64_t skew_s, int64_t now_s, bool must_expire, struct err *e)
{
    static const char *const not_before[] = {"nbf", "iat"};
    int64_t when = 0;

    or_status st = read_time(claims, "exp", &when, e);
    if (st == OR_MALFORMED || (st == OR_ABSENT && must_expire))
        return err_set(e, OR_ABSENT, "no usable exp");
    if (st == OR_OK && now_s - skew_s >= when)
        return err_set(e, OR_ABSENT, "expired");
    for (size_t i = 0; i < sizeof(not_before) / sizeof(not_before[0]); i++) {
        st = read_time(claims, not_before[i], &when, e);
        if (st == OR_MALFORMED)
            return OR_ABSENT;
        if (st == OR_OK && now_s + skew_s < when)
            return err_set(e, OR_ABSENT, "not valid yet (%s)", not_before[i]);
    }
    return OR_OK;
}

static bool
is_audience(const json_t *claims, const struct jwt_rules *rules)
{
    for (size_t i = 0; i < rules->audience_count; i++)
        if (oauth_json_has(claims, "aud", rules->audience[i]))
            return true;
    return rules->audience_count == 0;
}

/* `scope` is a string of words (RFC 8693 4.2); some issuers say `scp`, or an array. */
static bool
has_scope(const json_t *claims, const char *scope)
{
    static const char *const names[] = {"scope", "scp"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct span rest = oauth_json_string(claims, names[i]), word;

        if (rest.p == NULL && oauth_json_has(claims, names[i], scope))
            return true;
        while (rest.p != NULL && span_split(&rest, ' ', &word))
            if (span_equal_cstr(word, scope))
                return true;
    }
    return false;
}

static or_status
find_user(const json_t *claims, const char *claim, struct span *user_out, struct err *e)
{
    struct span user = oauth_json_string(claims, claim);

    if (user.p == NULL || user.n == 0 || user.n > JWT_MAX_USER_BYTES ||
        span_contains_byte(user, '\0'))
        return err_set(e, OR_ABSENT, "no user's name in %s", claim);
    /* Many issuers let people write any address into their profile. */
    if (strcmp(claim, "email") == 0 && json_is_false(json_object_get(claims, "email_verified")))
        return err_set(e, OR_ABSENT, "email is not verified");
    *user_out = user;
    return OR_OK;
}

or_status
jwt_check_claims(const json_t *claims, const struct jwt_rules *rules, int64_t now_s,
                 bool must_expire, struct span *user_out, struct err *e)
{
    struct span iss = oauth_json_string(claims, "iss");

    if (rules->issuer != NULL && (iss.p == NULL || !span_equal_cstr(iss, rules->issuer)))
        return err_set(e, OR_ABSENT, "another issuer");
    if (!is_audience(claims, rules))
        return err_set(e, OR_ABSENT, "for another audience");
    or_status st = check_times(claims, rules->skew_s, now_s, must_expire, e);
    if (st != OR_OK)
        return st;
    if (rules->scope != NULL && rules->scope[0] != '\0' && !has_scope(claims, rules->scope))
        return err_set(e, OR_ABSENT, "without scope %s", rules->scope);
    return find_user(claims, rules->user_claim, user_out, e);
}
