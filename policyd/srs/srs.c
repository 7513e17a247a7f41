/*
 * Forward: compose, tag. Reverse: take apart, check the day, check the tag.
 */
#include "policyd/srs/srs.h"

#include <string.h>

#define DAY_S 86400
#define DAY_SLOTS 1024 /* two base32 characters */
#define DAY_CHARS 2
#define TAG_SEPARATOR '='

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* ---- days */

static void
format_day(time_t now, char out[DAY_CHARS])
{
    unsigned day = (unsigned)(now / DAY_S % DAY_SLOTS);

    out[0] = base32[day >> 5];
    out[1] = base32[day & 31];
}

static char
upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static or_status
parse_day(struct span text, unsigned *day_out)
{
    unsigned day = 0;

    if (text.n != DAY_CHARS)
        return OR_MALFORMED;
    for (size_t i = 0; i < DAY_CHARS; i++) {
        const char *at = memchr(base32, upper(text.p[i]), sizeof(base32) - 1);

        if (at == NULL)
            return OR_MALFORMED;
        day = day << 5 | (unsigned)(at - base32);
    }
    *day_out = day;
    return OR_OK;
}

/* A day of the future is one of almost three years ago: the count starts anew after 1024. */
static or_status
check_day(const struct srs_settings *s, struct span text, time_t now, struct err *e)
{
    unsigned day;
    unsigned today = (unsigned)(now / DAY_S % DAY_SLOTS);

    if (parse_day(text, &day) != OR_OK)
        return err_set(e, OR_MALFORMED, "no time stamp");
    unsigned age = (today + DAY_SLOTS - day) % DAY_SLOTS;
    if (age > s->max_age_days)
        return err_set(e, OR_MALFORMED, "made %u days ago; %u are allowed", age, s->max_age_days);
    return OR_OK;
}

/* ---- tags */

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* What tags are computed over and compared in: lower case, '-' and '_' for '+' and '/'. */
static char
fold(char c)
{
    if (c == '+')
        return '-';
    return c == '/' ? '_' : lower(c);
}

struct tag_input {
    struct span parts[3];
    size_t count;
};

static void
make_tag(struct span secret, enum crypto_digest digest, const struct tag_input *in,
         char out[SRS_MAX_TAG_CHARS])
{
    unsigned char mac[CRYPTO_DIGEST_MAX_BYTES];
    char folded[3 * SRS_MAX_BYTES];
    size_t n = 0;

    /* The parts were measured by the callers; they are hashed one after the other, unseparated. */
    for (size_t i = 0; i < in->count; i++)
        for (size_t k = 0; k < in->parts[i].n && n < sizeof(folded); k++)
            folded[n++] = lower(in->parts[i].p[k]);
    crypto_hmac(digest, secret, span_make(folded, n), mac);
    for (size_t i = 0; i < SRS_MAX_TAG_CHARS; i++) {
        size_t bit = i * 6, byte = bit / 8;
        unsigned two = (unsigned)mac[byte] << 8 | mac[byte + 1];
        unsigned six = two >> (10 - bit % 8) & 63;

        out[i] = six < 62 ? base64[six] : (six == 62 ? '-' : '_');
    }
}

static bool
tag_fits(struct span tag, struct span secret, enum crypto_digest digest, const struct tag_input *in)
{
    char good[SRS_MAX_TAG_CHARS], given[SRS_MAX_TAG_CHARS];

    make_tag(secret, digest, in, good);
    for (size_t i = 0; i < tag.n; i++) {
        given[i] = fold(tag.p[i]);
        good[i] = fold(good[i]);
    }
    return crypto_equal(span_make(given, tag.n), span_make(good, tag.n));
}

/* Every secret, with our digest and with everybody's. */
static or_status
check_tag(const struct srs_settings *s, struct span tag, const struct tag_input *in, struct err *e)
{
    if (tag.n < s->min_tag_chars || tag.n > SRS_MAX_TAG_CHARS)
        return err_set(e, OR_MALFORMED, "a tag of %zu characters", tag.n);
    for (size_t i = 0; i < s->secret_count; i++) {
        if (tag_fits(tag, s->secrets[i], s->digest, in) ||
            (s->digest != CRYPTO_SHA1 && tag_fits(tag, s->secrets[i], CRYPTO_SHA1, in)))
            return OR_OK;
    }
    return err_set(e, OR_MALFORMED, "not made with one of our secrets");
}

static void
add_tag(const struct srs_settings *s, const struct tag_input *in, struct buf *out)
{
    char tag[SRS_MAX_TAG_CHARS];

    make_tag(s->secrets[0], s->digest, in, tag);
    for (size_t i = 0; i < s->tag_chars; i++) {
        char c = tag[i];

        if (s->plain_base64 && (c == '-' || c == '_'))
            c = c == '-' ? '+' : '/';
        buf_add_char(out, c);
    }
}

/* ---- forward */

static bool
has_kind(struct span local, char kind)
{
    return local.n > 5 && span_has_prefix_nocase(local, SPAN_LIT("SRS")) && local.p[3] == kind &&
           (local.p[4] == '=' || local.p[4] == '-' || local.p[4] == '+');
}

bool
srs_is_srs(struct span local)
{
    return has_kind(local, '0') || has_kind(local, '1');
}

static void
forward_plain(const struct srs_settings *s, struct span local, struct span domain, time_t now,
              struct buf *out)
{
    char day[DAY_CHARS];

    format_day(now, day);
    struct span stamp = span_make(day, sizeof(day));
    struct tag_input in = {.parts = {stamp, domain, local}, .count = 3};
    buf_addf(out, "SRS0%c", s->separator);
    add_tag(s, &in, out);
    buf_addf(out, "=%.*s=", SPAN_ARG(stamp));
    buf_add_span(out, domain);
    buf_add_char(out, TAG_SEPARATOR);
    buf_add_span(out, local);
}

/* `rest` is all that follows "SRS0" at the first forwarder, its separator included. */
static void
forward_guarded(const struct srs_settings *s, struct span first, struct span rest, struct buf *out)
{
    struct tag_input in = {.parts = {first, rest}, .count = 2};

    buf_addf(out, "SRS1%c", s->separator);
    add_tag(s, &in, out);
    buf_add_char(out, TAG_SEPARATOR);
    buf_add_span(out, first);
    buf_add_char(out, TAG_SEPARATOR);
    buf_add_span(out, rest);
}

/* "TAG=first=REST" behind "SRS1=". */
static or_status
split_guarded(struct span local, struct span *tag_out, struct span *first_out,
              struct span *rest_out)
{
    struct span rest = span_from(local, 5);
    size_t tag_n = span_find(rest, TAG_SEPARATOR);
    struct span after = span_from(rest, tag_n + 1);
    size_t first_n = span_find(after, TAG_SEPARATOR);

    *tag_out = span_slice(rest, 0, tag_n);
    *first_out = span_slice(after, 0, first_n);
    *rest_out = span_from(after, first_n + 1);
    /* The rest begins with the separator that stood behind SRS0. */
    return first_out->n > 0 && rest_out->n > 1 ? OR_OK : OR_MALFORMED;
}

bool
srs_guards(struct span local, struct span forwarder, struct span *rest_out)
{
    struct span tag, first;

    return has_kind(local, '1') && split_guarded(local, &tag, &first, rest_out) == OR_OK &&
           span_equal_nocase(first, forwarder);
}

or_status
srs_forward(const struct srs_settings *s, struct span local, struct span domain, time_t now,
            struct buf *local_out, struct err *e)
{
    struct span tag, first, rest;

    if (local.n > SRS_MAX_BYTES || domain.n > SRS_MAX_BYTES)
        return err_set(e, OR_LIMIT, "an address of over %d bytes", SRS_MAX_BYTES);
    if (has_kind(local, '0')) {
        forward_guarded(s, domain, span_from(local, 4), local_out);
    } else if (has_kind(local, '1')) {
        if (split_guarded(local, &tag, &first, &rest) != OR_OK)
            return err_set(e, OR_MALFORMED, "looks like an SRS1 address and is none");
        forward_guarded(s, first, rest, local_out);
    } else {
        forward_plain(s, local, domain, now, local_out);
    }
    return buf_finish(local_out) == OR_OK
               ? OR_OK
               : err_set(e, OR_LIMIT, "an address of over %d bytes", SRS_MAX_BYTES);
}

/* ---- reverse */

static or_status
reverse_plain(const struct srs_settings *s, struct span local, time_t now,
              struct srs_original *original, struct err *e)
{
    struct span rest = span_from(local, 5);
    struct span tag = span_slice(rest, 0, span_find(rest, TAG_SEPARATOR));
    struct span after_tag = span_from(rest, tag.n + 1);
    struct span day = span_slice(after_tag, 0, span_find(after_tag, TAG_SEPARATOR));
    struct span after_day = span_from(after_tag, day.n + 1);
    size_t domain_n = span_find(after_day, TAG_SEPARATOR);

    *original = (struct srs_original){.domain = span_slice(after_day, 0, domain_n),
                                      .local = span_from(after_day, domain_n + 1)};
    if (original->domain.n == 0 || original->local.n == 0)
        return err_set(e, OR_MALFORMED, "looks like an SRS0 address and is none");
    or_status st = check_day(s, day, now, e);
    struct tag_input in = {.parts = {day, original->domain, original->local}, .count = 3};
    return st == OR_OK ? check_tag(s, tag, &in, e) : st;
}

static or_status
reverse_guarded(const struct srs_settings *s, struct span local, struct srs_original *original,
                struct err *e)
{
    struct span tag;

    *original = (struct srs_original){.guarded = true};
    if (split_guarded(local, &tag, &original->domain, &original->local) != OR_OK)
        return err_set(e, OR_MALFORMED, "looks like an SRS1 address and is none");
    struct tag_input in = {.parts = {original->domain, original->local}, .count = 2};
    return check_tag(s, tag, &in, e);
}

or_status
srs_reverse(const struct srs_settings *s, struct span local, time_t now,
            struct srs_original *original_out, struct err *e)
{
    struct srs_original original;

    if (!srs_is_srs(local))
        return OR_ABSENT;
    if (local.n > SRS_MAX_BYTES)
        return err_set(e, OR_MALFORMED, "an address of over %d bytes", SRS_MAX_BYTES);
    or_status st = has_kind(local, '0') ? reverse_plain(s, local, now, &original, e)
                                        : reverse_guarded(s, local, &original, e);
    if (st == OR_OK)
        *original_out = original;
    return st;
}
