/*
 * addheader and deleteheader (RFC 5293). Each edit makes a new list of fields: actions that were
 * asked for before keep theirs.
 */
#include "lmtp/sieve/sieve_fields.h"
#include "lmtp/sieve/sieve_match.h"
#include "lmtp/sieve/sieve_rows.h"

#include "common/base/buf.h"
#include "common/text/encoded_word.h"
#include "common/text/utf8.h"

#define LINE_BYTES 78      /* RFC 5322 2.1.1: where it can be had */
#define MAX_WORD_BYTES 990 /* so that no line is over 998 */

/* RFC 5293 6: how a message has come is not the owner's to forget, nor that it was sent on. */
static bool
is_protected(struct span name, bool deletes)
{
    static const char *const names[] = {"Received", "X-Sieve-Redirected-From", "Auto-Submitted"};
    size_t count = deletes ? 3 : 2; /* that a message is automatic may be said of it */

    for (size_t i = 0; i < count; i++)
        if (span_equal_nocase_cstr(name, names[i]))
            return true;
    return false;
}

/* RFC 5322 2.2 */
static bool
is_field_name(struct span name)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || (unsigned char)name.p[i] >= 0x7f || name.p[i] == ':')
            return false;
    return name.n > 0 && name.n <= MAX_WORD_BYTES / 2;
}

static or_status
check_name(struct sieve_check *c, const struct sieve_arg *name)
{
    if ((c->required & SIEVE_VARIABLES) != 0 && sieve_vars_has(name->strings[0]))
        return OR_OK;
    if (is_field_name(name->strings[0]))
        return OR_OK;
    return sieve_check_fail(c, name->pos, "expected the name of a header field");
}

or_status
cmd_editheader_check(struct sieve_check *c, struct sieve_node *node)
{
    return check_name(c, node->positional[0]);
}

static or_status
read_name(struct sieve_run *r, const struct sieve_node *node, struct span *out)
{
    or_status st = sieve_vars_expand(r, node->positional[0]->strings[0], out);

    if (st == OR_OK && !is_field_name(*out))
        st = err_set(r->e, OR_MALFORMED, "%s: no header field can have that name", node->row->name);
    return st;
}

/* ---- adding */

/* Words of a line that gets too long go to the next one (RFC 5322 2.2.3). */
static or_status
add_folded(struct buf *out, size_t at, struct span value)
{
    struct span word;

    for (bool first = true; span_split(&value, ' ', &word); first = false) {
        if (word.n > MAX_WORD_BYTES)
            return OR_LIMIT;
        bool folds = !first && word.n > 0 && at + 1 + word.n > LINE_BYTES;

        if (!first)
            buf_add_cstr(out, folds ? "\n " : " ");
        at = (folds ? 0 : at) + 1 + word.n;
        buf_add_span(out, word);
    }
    return OR_OK;
}

/* No value ends its field. */
static struct span
without_controls(struct arena *mem, struct span value)
{
    char *clean = arena_strdup(mem, span_trim(value));
    size_t n = span_trim(value).n;

    for (size_t i = 0; clean != NULL && i < n; i++)
        if (((unsigned char)clean[i] < ' ' && clean[i] != '\t') || clean[i] == '\x7f')
            clean[i] = ' ';
    return span_make(clean, clean != NULL ? n : 0);
}

/* The whole field, as it will stand in the message. */
static or_status
write_field(struct sieve_run *r, struct span name, struct span value, struct header_field *out)
{
    struct span clean = without_controls(&r->mem, value), raw = SPAN_EMPTY;
    struct buf text;
    or_status st = OR_OK;

    if (clean.p == NULL)
        return OR_LIMIT;
    if (!utf8_is_valid(clean))
        return err_set(r->e, OR_MALFORMED, "addheader: the value is not UTF-8");
    buf_init(&text, 8 * SIEVE_MAX_STRING_BYTES);
    buf_addf(&text, "%.*s: ", SPAN_ARG(name));
    if (utf8_is_ascii(clean))
        st = add_folded(&text, text.n, clean);
    else
        encoded_word_encode(&text, clean);
    if (st == OR_OK)
        st = buf_finish(&text);
    if (st != OR_OK)
        (void)err_set(r->e, st, "addheader: the value is too long");
    if (st == OR_OK)
        st = arena_copy(&r->mem, buf_span(&text), &raw);
    buf_fini(&text);
    *out = (struct header_field){
        .name = span_slice(raw, 0, name.n), .value = span_from(raw, name.n + 1), .raw = raw};
    return st;
}

/* A copy of the fields with room for `more`. */
static or_status
begin_edit(struct sieve_run *r, size_t more, struct header_block **out)
{
    struct header_block *block = arena_alloc(&r->mem, sizeof(*block));

    if (++r->edits > SIEVE_MAX_EDITS)
        return err_set(r->e, OR_LIMIT, "the script edits the header more than %d times",
                       SIEVE_MAX_EDITS);
    if (block == NULL)
        return OR_LIMIT;
    *block = *r->header;
    block->count = 0;
    block->fields =
        arena_alloc_array(&r->mem, r->header->count + more, sizeof(struct header_field));
    *out = block;
    return block->fields != NULL ? sieve_run_charge(r, r->header->count) : OR_LIMIT;
}

or_status
cmd_addheader(struct sieve_run *r, const struct sieve_node *node)
{
    bool last = node->given[SIEVE_SLOT_LAST].tag != NULL;
    struct header_block *block = NULL;
    struct header_field field;
    struct span name = SPAN_EMPTY, value = SPAN_EMPTY;
    or_status st = read_name(r, node, &name);

    if (st == OR_OK)
        st = sieve_vars_expand(r, node->positional[1]->strings[0], &value);
    if (st != OR_OK || is_protected(name, false))
        return st;
    st = write_field(r, name, value, &field);
    if (st == OR_OK)
        st = begin_edit(r, 1, &block);
    if (st != OR_OK || block == NULL)
        return st;
    if (!last)
        block->fields[block->count++] = field;
    for (size_t i = 0; i < r->header->count; i++)
        block->fields[block->count++] = r->header->fields[i];
    if (last)
        block->fields[block->count++] = field;
    r->header = block;
    return OR_OK;
}

/* ---- deleting */

/* Whether the patterns, if there are any, ask for this field. */
static or_status
is_meant(struct sieve_run *r, const struct sieve_node *node, const struct header_field *f,
         bool *out)
{
    struct sieve_match m;
    struct span text = SPAN_EMPTY;

    *out = true;
    if (node->positional[1] == NULL)
        return OR_OK;
    or_status st = sieve_fields_text(r, f, true, &text);
    if (st == OR_OK)
        st = sieve_match_begin(&m, r, node);
    if (st != OR_OK)
        return st;
    sieve_match_value(&m, text);
    return sieve_match_end(&m, out);
}

or_status
cmd_deleteheader(struct sieve_run *r, const struct sieve_node *node)
{
    struct header_block *block = NULL;
    struct sieve_fields fields;
    const struct header_field *f;
    struct span name = SPAN_EMPTY;
    or_status st = read_name(r, node, &name);

    if (st != OR_OK || is_protected(name, true))
        return st;
    st = begin_edit(r, 0, &block);
    if (st == OR_OK)
        st = sieve_fields_begin(&fields, r, node, name);
    if (st != OR_OK || block == NULL)
        return st;
    bool *gone = arena_alloc_array(&r->mem, r->header->count + 1, sizeof(*gone));
    if (gone == NULL)
        return OR_LIMIT;
    while (st == OR_OK && (f = sieve_fields_next(&fields)) != NULL)
        st = is_meant(r, node, f, &gone[f - r->header->fields]);
    for (size_t i = 0; i < r->header->count; i++)
        if (!gone[i])
            block->fields[block->count++] = r->header->fields[i];
    if (st == OR_OK)
        r->header = block;
    return st;
}
