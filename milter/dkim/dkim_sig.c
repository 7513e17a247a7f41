/*
 * Reading DKIM-Signature and its ARC kin. One row per tag: in which fields it must be or may be,
 * and who reads it. All tags are read even after the first fault, so that a report can name domain
 * and selector.
 */
#include "milter/dkim/dkim_sig.h"

#include "common/text/base64.h"
#include "common/text/domain.h"
#include "common/text/taglist.h"

#include <string.h>

#define MAX_TIME 999999999999 /* 12 digits */

struct reading {
    struct arena *mem;
    struct dkim_sig *sig;
    struct span detail;
};

typedef enum dkim_reason (*tag_reader)(struct reading *r, struct span value);

const char *
dkim_sig_field_name(enum dkim_sig_kind kind)
{
    static const char *const names[] = {
        [DKIM_SIG_OF_MESSAGE] = "DKIM-Signature",
        [DKIM_SIG_OF_ARC_MESSAGE] = "ARC-Message-Signature",
        [DKIM_SIG_OF_ARC_SEAL] = "ARC-Seal",
    };

    return names[kind];
}

struct span
dkim_sig_detail(struct arena *mem, struct span text)
{
    struct span copy;

    if (arena_copy(mem, span_slice(text, 0, DKIM_DETAIL_BYTES), &copy) != OR_OK)
        return SPAN_EMPTY;
    return copy;
}

static bool
is_fws(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum dkim_reason
read_version(struct reading *r, struct span value)
{
    if (span_equal_cstr(value, "1"))
        return DKIM_OK;
    r->detail = value;
    return DKIM_SIG_VERSION;
}

static enum dkim_reason
read_algorithm(struct reading *r, struct span value)
{
    r->sig->algorithm_name = dkim_sig_detail(r->mem, value);
    r->detail = value;
    if (!dkim_algorithm_find(value, &r->sig->algorithm))
        return DKIM_SIG_ALGORITHM;
    /* RFC 8301 3.1. */
    return r->sig->algorithm == DKIM_RSA_SHA1 ? DKIM_SIG_RSA_SHA1 : DKIM_OK;
}

static enum dkim_reason
read_base64(struct reading *r, struct span value, struct span *bytes_out)
{
    struct buf bytes;
    enum dkim_reason reason = DKIM_OK;

    buf_init(&bytes, DKIM_SIG_MAX_BYTES);
    if (base64_decode(value, BASE64_SKIP_FWS, &bytes) != OR_OK || bytes.n == 0)
        reason = DKIM_SIG_BAD_TAG;
    else if (arena_copy(r->mem, buf_span(&bytes), bytes_out) != OR_OK)
        reason = DKIM_NO_MEMORY;
    buf_fini(&bytes);
    return reason;
}

static enum dkim_reason
read_b(struct reading *r, struct span value)
{
    char prefix[DKIM_SIG_B_PREFIX];
    size_t n = 0;

    for (size_t i = 0; i < value.n && n < sizeof(prefix); i++)
        if (!is_fws(value.p[i]))
            prefix[n++] = value.p[i];
    r->sig->b_prefix = dkim_sig_detail(r->mem, span_make(prefix, n));
    return read_base64(r, value, &r->sig->signature);
}

static enum dkim_reason
read_body_hash(struct reading *r, struct span value)
{
    enum dkim_reason reason = read_base64(r, value, &r->sig->body_hash);

    if (reason == DKIM_OK && r->sig->body_hash.n != DKIM_HASH_BYTES)
        return DKIM_SIG_BAD_TAG;
    return reason;
}

static enum dkim_reason
read_canonicalization(struct reading *r, struct span value)
{
    size_t slash = span_find(value, '/');

    r->detail = value;
    /* RFC 6376 3.5: a missing second part means simple. */
    r->sig->body_canon = DKIM_SIMPLE;
    if (!dkim_canon_find(span_slice(value, 0, slash), &r->sig->header_canon))
        return DKIM_SIG_CANONICALIZATION;
    if (slash != value.n && !dkim_canon_find(span_from(value, slash + 1), &r->sig->body_canon))
        return DKIM_SIG_CANONICALIZATION;
    return DKIM_OK;
}

/* Domains get printed into header fields and put into questions: only host names (CVE-2020-12272).
 */
static enum dkim_reason
read_domain_name(struct reading *r, struct span value, struct span *name_out)
{
    struct span canonical;
    or_status st = domain_canonical(value, r->mem, &canonical, NULL);

    if (st == OR_LIMIT)
        return DKIM_NO_MEMORY;
    if (st != OR_OK || !domain_is_hostname(canonical))
        return DKIM_SIG_BAD_TAG;
    *name_out = canonical;
    return DKIM_OK;
}

static enum dkim_reason
read_domain(struct reading *r, struct span value)
{
    return read_domain_name(r, value, &r->sig->domain);
}

static enum dkim_reason
read_selector(struct reading *r, struct span value)
{
    return read_domain_name(r, value, &r->sig->selector);
}

static bool
is_field_name(struct span name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':')
            return false;
    return name.n != 0;
}

static enum dkim_reason
read_names(struct reading *r, struct span value)
{
    struct span rest = value, part;
    bool has_from = false, has_seal = false;

    r->sig->names = arena_alloc_array(r->mem, DKIM_SIG_MAX_NAMES, sizeof(struct span));
    if (r->sig->names == NULL)
        return DKIM_NO_MEMORY;
    while (span_split(&rest, ':', &part)) {
        part = span_trim(part);
        if (!is_field_name(part) || r->sig->name_count == DKIM_SIG_MAX_NAMES)
            return DKIM_SIG_BAD_TAG;
        has_from = has_from || span_equal_nocase_cstr(part, "from");
        has_seal = has_seal || span_equal_nocase_cstr(part, "arc-seal");
        r->sig->names[r->sig->name_count++] = part;
    }
    if (has_seal && r->sig->kind == DKIM_SIG_OF_ARC_MESSAGE) {
        /* RFC 8617 4.1.2 forbids all ARC fields here; most sealers sign the results all the same,
         * but a signed seal would be broken by the next one. */
        r->detail = SPAN_LIT("ARC-Seal in h=");
        return DKIM_SIG_FORBIDDEN;
    }
    return has_from ? DKIM_OK : DKIM_SIG_FROM_NOT_SIGNED;
}

/* RFC 8617 4.1.3: "if found, MUST result in a cv status of fail". */
static enum dkim_reason
refuse_tag(struct reading *r, struct span value)
{
    (void)r, (void)value;
    return DKIM_SIG_FORBIDDEN;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    /* RFC 6376 2.11: upper case only. */
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 6376 2.11 dkim-quoted-printable: white space vanishes, =XX is a byte. `out` has room. */
static bool
unquote(struct span value, char *out, size_t *n_out)
{
    size_t n = 0;

    for (size_t i = 0; i < value.n; i++) {
        if (is_fws(value.p[i]))
            continue;
        if (value.p[i] != '=') {
            out[n++] = value.p[i];
            continue;
        }
        int high = i + 2 < value.n ? hex_value(value.p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(value.p[i + 2]) : -1;
        if (low < 0)
            return false;
        out[n++] = (char)(high << 4 | low);
        i += 2;
    }
    *n_out = n;
    return true;
}

static enum dkim_reason
read_identity(struct reading *r, struct span value)
{
    char *text = arena_alloc(r->mem, value.n + 1 + (size_t)DOMAIN_MAX_BYTES);
    size_t n = 0;

    if (text == NULL)
        return DKIM_NO_MEMORY;
    if (!unquote(value, text, &n))
        return DKIM_SIG_BAD_TAG;
    size_t at = span_rfind(span_make(text, n), '@');
    if (at == n)
        return DKIM_SIG_BAD_TAG;
    enum dkim_reason reason =
        read_domain_name(r, span_make(text + at + 1, n - at - 1), &r->sig->identity_domain);
    if (reason != DKIM_OK)
        return reason;
    memcpy(text + at + 1, r->sig->identity_domain.p, r->sig->identity_domain.n);
    r->sig->identity = span_make(text, at + 1 + r->sig->identity_domain.n);
    return DKIM_OK;
}

static enum dkim_reason
read_number(struct span value, uint64_t most, uint64_t *number_out)
{
    or_status st = span_parse_u64(value, most, number_out);

    if (st == OR_LIMIT)
        *number_out = DKIM_SIG_FOREVER;
    return st == OR_OK || st == OR_LIMIT ? DKIM_OK : DKIM_SIG_BAD_TAG;
}

static enum dkim_reason
read_length(struct reading *r, struct span value)
{
    r->sig->has_length = true;
    /* One below "whole body", which a length too large to be real must not become. */
    enum dkim_reason reason = read_number(value, UINT64_MAX - 1, &r->sig->length);
    if (r->sig->length == DKIM_SIG_FOREVER)
        r->sig->length--;
    return reason;
}

static enum dkim_reason
read_time(struct reading *r, struct span value)
{
    r->sig->has_time = true;
    return read_number(value, MAX_TIME, &r->sig->time_s);
}

static enum dkim_reason
read_expiry(struct reading *r, struct span value)
{
    r->sig->has_expiry = true;
    return read_number(value, MAX_TIME, &r->sig->expires_s);
}

static enum dkim_reason
read_query(struct reading *r, struct span value)
{
    struct span rest = value, part;

    while (span_split(&rest, ':', &part))
        if (span_equal_nocase_cstr(span_trim(part), "dns/txt"))
            return DKIM_OK;
    r->detail = value;
    return DKIM_SIG_QUERY_METHOD;
}

#define DKIM (1u << DKIM_SIG_OF_MESSAGE)
#define AMS (1u << DKIM_SIG_OF_ARC_MESSAGE)
#define SEAL (1u << DKIM_SIG_OF_ARC_SEAL)

/* RFC 6376 3.5; RFC 8617 4.1.2, 4.1.3. The version first: another one may have other rules for all
 * the rest. z= and unknown tags are ignored, as are those that the kind of field does not have. */
static const struct {
    const char *name;
    const char *label; /* in reports */
    unsigned required; /* in these kinds of fields */
    unsigned read_in;
    tag_reader read;
} tags[] = {
    {"v", "v=", DKIM, DKIM, read_version},
    {"a", "a=", DKIM | AMS | SEAL, DKIM | AMS | SEAL, read_algorithm},
    {"c", "c=", 0, DKIM | AMS, read_canonicalization},
    {"d", "d=", DKIM | AMS | SEAL, DKIM | AMS | SEAL, read_domain},
    {"s", "s=", DKIM | AMS | SEAL, DKIM | AMS | SEAL, read_selector},
    {"h", "h=", 0, SEAL, refuse_tag},
    {"h", "h=", DKIM | AMS, DKIM | AMS, read_names},
    {"bh", "bh=", DKIM | AMS, DKIM | AMS, read_body_hash},
    {"b", "b=", DKIM | AMS | SEAL, DKIM | AMS | SEAL, read_b},
    {"i", "i=", 0, DKIM, read_identity},
    {"l", "l=", 0, DKIM | AMS, read_length},
    {"q", "q=", 0, DKIM | AMS, read_query},
    {"t", "t=", 0, DKIM | AMS | SEAL, read_time},
    {"x", "x=", 0, DKIM | AMS, read_expiry},
};

/* taglist_parse() refused: for that reason, or another? */
static bool
has_duplicate(struct span value)
{
    struct span names[TAGLIST_MAX], rest = value, part;
    size_t count = 0;

    while (count < TAGLIST_MAX && span_split(&rest, ';', &part)) {
        struct span name = span_trim(span_slice(part, 0, span_find(part, '=')));

        for (size_t i = 0; i < count; i++)
            if (name.n != 0 && span_equal(names[i], name))
                return true;
        names[count++] = name;
    }
    return false;
}

static enum dkim_reason
read_tag(struct reading *r, const struct taglist *list, size_t row)
{
    const struct tag *tag = taglist_get(list, tags[row].name);
    unsigned kind = 1u << r->sig->kind;

    r->detail = span_cstr(tags[row].label);
    if (tag != NULL)
        return (tags[row].read_in & kind) != 0 ? tags[row].read(r, tag->value) : DKIM_OK;
    return (tags[row].required & kind) != 0 ? DKIM_SIG_MISSING_TAG : DKIM_OK;
}

/* What only two tags together can get wrong. */
static enum dkim_reason
check_together(struct reading *r)
{
    struct dkim_sig *sig = r->sig;

    r->detail = SPAN_EMPTY;
    if (sig->identity.p == NULL) {
        char *identity = arena_printf(r->mem, "@%.*s", SPAN_ARG(sig->domain));
        if (identity == NULL)
            return DKIM_NO_MEMORY;
        sig->identity = span_cstr(identity);
        sig->identity_domain = sig->domain;
    } else if (!domain_is_within(sig->identity_domain, sig->domain)) {
        r->detail = sig->identity_domain;
        return DKIM_SIG_IDENTITY;
    }
    if (sig->has_time && sig->has_expiry && sig->expires_s <= sig->time_s)
        return DKIM_SIG_EXPIRES_BEFORE_TIME;
    return DKIM_OK;
}

static enum dkim_reason
read_tags(struct reading *r, struct span value)
{
    enum dkim_reason first = DKIM_OK;
    struct span first_detail = SPAN_EMPTY;
    struct taglist list;
    struct err e;

    if (value.n > DKIM_SIG_MAX_BYTES)
        return DKIM_SIG_TOO_LONG;
    if (taglist_parse(value, &list, &e) != OR_OK) {
        r->detail = dkim_sig_detail(r->mem, span_cstr(e.text));
        return has_duplicate(value) ? DKIM_SIG_DUPLICATE_TAG : DKIM_SIG_SYNTAX;
    }
    for (size_t row = 0; row < sizeof(tags) / sizeof(tags[0]); row++) {
        enum dkim_reason reason = read_tag(r, &list, row);

        if (reason == DKIM_OK || first != DKIM_OK)
            continue;
        first = reason;
        first_detail = r->detail;
    }
    if (first == DKIM_OK)
        return check_together(r);
    r->detail = first_detail;
    return first;
}

enum dkim_reason
dkim_sig_parse_kind(enum dkim_sig_kind kind, struct span value, struct arena *mem,
                    struct dkim_sig *sig_out, struct span *detail_out)
{
    struct reading r = {.mem = mem, .sig = sig_out, .detail = SPAN_EMPTY};

    *sig_out = (struct dkim_sig){.kind = kind, .algorithm = DKIM_RSA_SHA256};
    /* RFC 8617 4.1.3: a seal has no c=. */
    if (kind == DKIM_SIG_OF_ARC_SEAL)
        sig_out->header_canon = DKIM_RELAXED;
    enum dkim_reason reason = read_tags(&r, value);
    *detail_out = reason == DKIM_OK ? SPAN_EMPTY : dkim_sig_detail(mem, r.detail);
    return reason;
}

enum dkim_reason
dkim_sig_parse(struct span value, struct arena *mem, struct dkim_sig *sig_out,
               struct span *detail_out)
{
    return dkim_sig_parse_kind(DKIM_SIG_OF_MESSAGE, value, mem, sig_out, detail_out);
}

void
dkim_sig_cut(struct span value, struct span *before_out, struct span *after_out)
{
    struct span rest = value, part;

    while (span_split(&rest, ';', &part)) {
        size_t equals = span_find(part, '=');

        if (equals == part.n || !span_equal_cstr(span_trim(span_slice(part, 0, equals)), "b"))
            continue;
        *before_out = span_make(value.p, (size_t)(part.p - value.p) + equals + 1);
        *after_out = span_from(value, (size_t)(part.p - value.p) + part.n);
        return;
    }
    *before_out = value;
    *after_out = span_from(value, value.n);
}
