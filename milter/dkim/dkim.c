/*
 * The words of DKIM as tables. To add an algorithm: a row here, its functions in dkim_crypto.c.
 */
#include "milter/dkim/dkim.h"

struct reason_row {
    enum dkim_result result;
    const char *name;
    const char *text;
};

/* "permerror" where RFC 6376 6.1 says PERMFAIL, "policy" where refusing is our own choice. */
static const struct reason_row reasons[DKIM_REASONS] = {
    [DKIM_OK] = {DKIM_PASS, "ok", "the signature is valid"},
    [DKIM_BODY_CHANGED] = {DKIM_FAIL, "body-changed",
                           "the body hash does not match: the body was changed after signing"},
    [DKIM_HEADER_CHANGED] = {DKIM_FAIL, "header-changed",
                             "the signature does not match: a signed header field was changed, or "
                             "the key is another one"},
    [DKIM_BOTH_CHANGED] = {DKIM_FAIL, "body-and-header-changed",
                           "neither the body hash nor the signature matches"},
    [DKIM_SIG_SYNTAX] = {DKIM_PERMERROR, "signature-syntax", "the signature field is malformed"},
    [DKIM_SIG_TOO_LONG] = {DKIM_PERMERROR, "signature-too-long",
                           "the signature field is longer than any real one"},
    [DKIM_SIG_DUPLICATE_TAG] = {DKIM_PERMERROR, "signature-duplicate-tag",
                                "a tag stands twice in the signature field"},
    [DKIM_SIG_MISSING_TAG] = {DKIM_PERMERROR, "signature-missing-tag",
                              "a required tag is missing in the signature field"},
    [DKIM_SIG_BAD_TAG] = {DKIM_PERMERROR, "signature-bad-tag",
                          "a tag of the signature field has a malformed value"},
    [DKIM_SIG_FORBIDDEN] = {DKIM_PERMERROR, "signature-forbidden",
                            "the signature field holds what must not be in it"},
    [DKIM_SIG_VERSION] = {DKIM_PERMERROR, "signature-version", "the signature's version is not 1"},
    [DKIM_SIG_ALGORITHM] = {DKIM_PERMERROR, "signature-algorithm",
                            "the signature's algorithm is unknown"},
    [DKIM_SIG_RSA_SHA1] = {DKIM_PERMERROR, "signature-rsa-sha1",
                           "rsa-sha1 signatures are worthless since RFC 8301"},
    [DKIM_SIG_CANONICALIZATION] = {DKIM_PERMERROR, "signature-canonicalization",
                                   "the signature's canonicalization is unknown"},
    [DKIM_SIG_QUERY_METHOD] = {DKIM_PERMERROR, "signature-query-method",
                               "the signature names no query method that we know"},
    [DKIM_SIG_FROM_NOT_SIGNED] = {DKIM_PERMERROR, "from-not-signed",
                                  "the From field is not covered by the signature"},
    [DKIM_SIG_IDENTITY] = {DKIM_PERMERROR, "identity-outside-domain",
                           "the identity in i= lies outside the domain in d="},
    [DKIM_SIG_EXPIRED] = {DKIM_PERMERROR, "signature-expired", "the signature has expired"},
    [DKIM_SIG_EXPIRES_BEFORE_TIME] = {DKIM_PERMERROR, "signature-expires-before-time",
                                      "the signature expires before it was made"},
    [DKIM_SIG_FUTURE] = {DKIM_POLICY, "signature-future", "the signature was made in the future"},
    [DKIM_SIG_BODY_LENGTH] = {DKIM_POLICY, "body-length",
                              "the signature is valid, but its l= lets anyone add to the body"},
    [DKIM_SIG_BODY_LENGTH_EXCEEDED] = {DKIM_PERMERROR, "body-length-exceeded",
                                       "the body is shorter than l= says"},
    [DKIM_SIG_TOO_MANY_LENGTHS] = {DKIM_POLICY, "too-many-body-lengths",
                                   "the signatures name too many different body lengths (l=)"},
    [DKIM_SIG_FIELD_TWICE] = {DKIM_POLICY, "field-twice",
                              "the signature is valid, but a field that may stand once stands "
                              "twice in the header"},
    [DKIM_KEY_NAME] = {DKIM_PERMERROR, "key-name", "the key's name cannot be looked up"},
    [DKIM_KEY_MISSING] = {DKIM_PERMERROR, "key-missing", "there is no key record"},
    [DKIM_KEY_MULTIPLE] = {DKIM_PERMERROR, "key-multiple",
                           "there are several key records under the same name"},
    [DKIM_KEY_SYNTAX] = {DKIM_PERMERROR, "key-syntax", "the key record is malformed"},
    [DKIM_KEY_VERSION] = {DKIM_PERMERROR, "key-version", "the key record's version is not DKIM1"},
    [DKIM_KEY_REVOKED] = {DKIM_PERMERROR, "key-revoked", "the key was revoked"},
    [DKIM_KEY_TYPE] = {DKIM_PERMERROR, "key-type", "the key's type is unknown"},
    [DKIM_KEY_OTHER_TYPE] = {DKIM_PERMERROR, "key-other-type",
                             "the key is of another type than the signature"},
    [DKIM_KEY_HASH] = {DKIM_PERMERROR, "key-hash",
                       "the key record does not allow the signature's hash algorithm"},
    [DKIM_KEY_SERVICE] = {DKIM_PERMERROR, "key-service", "the key record is not meant for e-mail"},
    [DKIM_KEY_SUBDOMAIN] = {DKIM_PERMERROR, "key-subdomain",
                            "the key record (t=s) forbids an identity in a subdomain"},
    [DKIM_KEY_TOO_SHORT] = {DKIM_PERMERROR, "key-too-short", "the RSA key has under 1024 bits"},
    [DKIM_KEY_TOO_LONG] = {DKIM_POLICY, "key-too-long", "the RSA key has over 4096 bits"},
    [DKIM_DNS_FAILURE] = {DKIM_TEMPERROR, "dns-failure", "the key could not be looked up"},
    [DKIM_DNS_TIMEOUT] = {DKIM_TEMPERROR, "dns-timeout", "the key look-up took too long"},
    [DKIM_NO_MEMORY] = {DKIM_TEMPERROR, "no-memory", "the message's memory limit was reached"},
    [DKIM_RELAYED] = {DKIM_NEUTRAL, "relayed", "reported by a relay of ours"},
};

static const char *const result_names[] = {
    [DKIM_NONE] = "none",           [DKIM_PASS] = "pass",       [DKIM_FAIL] = "fail",
    [DKIM_POLICY] = "policy",       [DKIM_NEUTRAL] = "neutral", [DKIM_TEMPERROR] = "temperror",
    [DKIM_PERMERROR] = "permerror",
};

static const struct {
    const char *name;
    enum dkim_key_type key_type;
} algorithms[DKIM_ALGORITHMS] = {
    [DKIM_RSA_SHA256] = {"rsa-sha256", DKIM_KEY_RSA},
    [DKIM_ED25519_SHA256] = {"ed25519-sha256", DKIM_KEY_ED25519},
    [DKIM_RSA_SHA1] = {"rsa-sha1", DKIM_KEY_RSA}, /* known only to be refused by name */
};

static const char *const canon_names[] = {[DKIM_SIMPLE] = "simple", [DKIM_RELAXED] = "relaxed"};

const char *
dkim_result_name(enum dkim_result result)
{
    return result_names[result];
}

enum dkim_result
dkim_reason_result(enum dkim_reason reason)
{
    return reasons[reason].result;
}

const char *
dkim_reason_name(enum dkim_reason reason)
{
    return reasons[reason].name;
}

const char *
dkim_reason_text(enum dkim_reason reason)
{
    return reasons[reason].text;
}

const char *
dkim_algorithm_name(enum dkim_algorithm algorithm)
{
    return algorithms[algorithm].name;
}

bool
dkim_algorithm_find(struct span name, enum dkim_algorithm *algorithm_out)
{
    for (int i = 0; i < DKIM_ALGORITHMS; i++) {
        if (!span_equal_cstr(name, algorithms[i].name))
            continue;
        *algorithm_out = (enum dkim_algorithm)i;
        return true;
    }
    return false;
}

enum dkim_key_type
dkim_algorithm_key_type(enum dkim_algorithm algorithm)
{
    return algorithms[algorithm].key_type;
}

const char *
dkim_key_type_name(enum dkim_key_type type)
{
    return type == DKIM_KEY_RSA ? "rsa" : "ed25519";
}

const char *
dkim_canon_name(enum dkim_canon canon)
{
    return canon_names[canon];
}

bool
dkim_canon_find(struct span name, enum dkim_canon *canon_out)
{
    for (int i = DKIM_SIMPLE; i <= DKIM_RELAXED; i++) {
        if (!span_equal_cstr(name, canon_names[i]))
            continue;
        *canon_out = (enum dkim_canon)i;
        return true;
    }
    return false;
}
