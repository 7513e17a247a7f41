/*
 * Writing DKIM-Signature and its ARC kin: tags in a fixed order, folded between words.
 */
#include "milter/dkim/dkim_sig.h"

#include "common/text/base64.h"

#include <stdio.h>
#include <string.h>

#define LINE_COLUMNS 77 /* under 78 with any line end */

/* Lines with a column count: words move to the next line as a whole. */
struct folder {
    struct buf *out;
    size_t column;
};

/* A name of the h= list with what follows it, ":" or ";". */
static void
fold_name(struct folder *f, struct span name, char end)
{
    if (f->column + name.n + 1 > LINE_COLUMNS) {
        buf_add_cstr(f->out, "\n\t");
        f->column = 1;
    }
    buf_add_span(f->out, name);
    buf_add_char(f->out, end);
    f->column += name.n + 1;
}

/* " TAG=VALUE", on a line of its own where it does not fit. */
static void
fold_open_tag(struct folder *f, const char *name, struct span value)
{
    size_t n = strlen(name) + 1 + value.n;

    if (f->column + 1 + n + 1 > LINE_COLUMNS) {
        buf_add_cstr(f->out, "\n\t");
        f->column = 1;
    } else {
        buf_add_char(f->out, ' ');
        f->column++;
    }
    buf_addf(f->out, "%s=", name);
    buf_add_span(f->out, value);
    f->column += n;
}

static void
fold_tag(struct folder *f, const char *name, struct span value)
{
    fold_open_tag(f, name, value);
    buf_add_char(f->out, ';');
    f->column++;
}

static void
fold_number(struct folder *f, const char *name, uint64_t number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    fold_tag(f, name, span_cstr(digits));
}

static void
fold_hash(struct folder *f, struct span body_hash)
{
    struct buf text;

    buf_init(&text, 2 * (size_t)DKIM_HASH_BYTES);
    base64_encode(&text, body_hash);
    fold_tag(f, "bh", buf_span(&text));
    buf_fini(&text);
}

/* What only one kind of field begins with; RFC 8617 4.1.2: i= comes first. */
static void
fold_start(struct folder *f, const struct dkim_sig *sig)
{
    if (sig->kind == DKIM_SIG_OF_MESSAGE)
        fold_tag(f, "v", SPAN_LIT("1"));
    else
        fold_number(f, "i", sig->instance);
    fold_tag(f, "a", span_cstr(dkim_algorithm_name(sig->algorithm)));
    if (sig->kind == DKIM_SIG_OF_ARC_SEAL)
        fold_tag(f, "cv", sig->chain);
}

static void
fold_canons(struct folder *f, const struct dkim_sig *sig)
{
    char canons[32];

    snprintf(canons, sizeof(canons), "%s/%s", dkim_canon_name(sig->header_canon),
             dkim_canon_name(sig->body_canon));
    fold_tag(f, "c", span_cstr(canons));
}

static void
fold_names(struct folder *f, const struct dkim_sig *sig)
{
    fold_open_tag(f, "h", SPAN_EMPTY);
    for (size_t i = 0; i < sig->name_count; i++)
        fold_name(f, sig->names[i], i + 1 < sig->name_count ? ':' : ';');
}

void
dkim_sig_format(struct buf *out, const struct dkim_sig *sig)
{
    struct folder f = {.out = out, .column = strlen(dkim_sig_field_name(sig->kind)) + 1};
    bool is_seal = sig->kind == DKIM_SIG_OF_ARC_SEAL;

    fold_start(&f, sig);
    if (!is_seal)
        fold_canons(&f, sig);
    fold_tag(&f, "d", sig->domain);
    fold_tag(&f, "s", sig->selector);
    if (sig->has_time)
        fold_number(&f, "t", sig->time_s);
    if (sig->has_expiry)
        fold_number(&f, "x", sig->expires_s);
    if (!is_seal) {
        fold_hash(&f, sig->body_hash);
        fold_names(&f, sig);
    }
    buf_add_cstr(out, "\n\tb=");
}

void
dkim_sig_format_b(struct buf *out, struct span signature)
{
    struct buf text;
    size_t column = 3; /* "\tb=" */

    buf_init(&text, DKIM_SIG_MAX_BYTES);
    base64_encode(&text, signature);
    struct span rest = buf_span(&text);
    while (rest.n != 0) {
        struct span line = span_slice(rest, 0, LINE_COLUMNS - column);

        buf_add_span(out, line);
        rest = span_from(rest, line.n);
        column = 1;
        if (rest.n != 0)
            buf_add_cstr(out, "\n\t");
    }
    buf_fini(&text);
}
