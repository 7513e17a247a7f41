/*
 * One look-up with the verifier's own code, so that what is said here is what receivers do.
 */
#include "milter/dkim/dkim_published.h"

#include "milter/dkim/dkim_key.h"

static const char *const names[] = {
    [DKIM_PUBLISHED] = "published",         [DKIM_PUBLISHED_DIFFERENT] = "differs",
    [DKIM_PUBLISHED_MISSING] = "missing",   [DKIM_PUBLISHED_REVOKED] = "revoked",
    [DKIM_PUBLISHED_UNUSABLE] = "unusable", [DKIM_PUBLISHED_UNKNOWN] = "dns-error",
};

const char *
dkim_published_name(enum dkim_published published)
{
    return names[published];
}

static enum dkim_published
from_reason(enum dkim_reason reason)
{
    if (dkim_reason_result(reason) == DKIM_TEMPERROR)
        return DKIM_PUBLISHED_UNKNOWN;
    switch (reason) {
    case DKIM_OK:
        return DKIM_PUBLISHED;
    case DKIM_KEY_OTHER_TYPE:
        return DKIM_PUBLISHED_DIFFERENT;
    case DKIM_KEY_MISSING:
        return DKIM_PUBLISHED_MISSING;
    case DKIM_KEY_REVOKED:
        return DKIM_PUBLISHED_REVOKED;
    default:
        return DKIM_PUBLISHED_UNUSABLE;
    }
}

static struct span
describe(struct arena *mem, enum dkim_reason reason, struct span detail)
{
    const char *text =
        detail.n == 0 ? arena_printf(mem, "%s", dkim_reason_text(reason))
                      : arena_printf(mem, "%s (%.*s)", dkim_reason_text(reason), SPAN_ARG(detail));

    return span_cstr(text);
}

enum dkim_published
dkim_published_check(const struct dkim_keytable_row *row, struct dns *dns, int64_t deadline_mono_ms,
                     struct arena *mem, struct span *text_out)
{
    const struct dkim_sig sig = {
        .domain = span_cstr(row->domain),
        .identity_domain = span_cstr(row->domain),
        .selector = span_cstr(row->selector),
        .algorithm =
            dkim_private_type(row->key) == DKIM_KEY_RSA ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256,
    };
    struct dkim_key key = {0};
    struct span detail = SPAN_EMPTY;
    const struct dkim_key_source source = {.dns = dns, .deadline_mono_ms = deadline_mono_ms};
    enum dkim_reason reason = dkim_key_fetch(&sig, &source, mem, &key, &detail);

    if (reason == DKIM_OK)
        reason = dkim_key_check(&key, &sig, 0, &detail);
    enum dkim_published published = from_reason(reason);
    *text_out = SPAN_EMPTY;
    if (reason != DKIM_OK) {
        *text_out = describe(mem, reason, detail);
    } else if (!dkim_private_matches(row->key, key.public_key)) {
        published = DKIM_PUBLISHED_DIFFERENT;
        *text_out = SPAN_LIT("the record holds another key");
    }
    dkim_key_fini(&key);
    return published;
}
