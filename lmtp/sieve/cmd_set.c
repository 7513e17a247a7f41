/* set and its modifiers (RFC 5229 4), applied from the highest precedence down. */
#include "lmtp/sieve/sieve_rows.h"

#include "common/base/buf.h"
#include "common/text/utf8.h"

#include <stdio.h>

or_status
cmd_set_check(struct sieve_check *c, struct sieve_node *node)
{
    if (!sieve_vars_is_settable(node->positional[0]->strings[0],
                                (c->required & SIEVE_INCLUDE) != 0))
        return sieve_check_fail(c, node->positional[0]->pos, "expected the name of a variable");
    return OR_OK;
}

/* RFC 5229 4.1.1: ASCII letters only; the rest stays. */
static char
fold(char c, int choice)
{
    if (choice == SIEVE_LOWER)
        return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
}

static void
set_case(struct buf *b, const struct sieve_tag *tag, size_t count)
{
    for (size_t i = 0; tag != NULL && i < b->n && i < count; i++)
        b->p[i] = fold(b->p[i], tag->choice);
}

static void
quote(struct buf *b, struct span value, const struct sieve_tag *tag)
{
    struct span special = tag != NULL && tag->choice == SIEVE_QUOTE_REGEX
                              ? SPAN_LIT("\\.*?+()[]{}^$|")
                              : SPAN_LIT("*?\\");

    for (size_t i = 0; i < value.n; i++) {
        if (tag != NULL && span_contains_byte(special, value.p[i]))
            buf_add_char(b, '\\');
        buf_add_char(b, value.p[i]);
    }
}

/* RFC 5229 4.1.4: characters, not bytes. */
static size_t
count_characters(struct span s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

static bool
is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           span_contains_byte(SPAN_LIT("-._~"), c);
}

static void
add_encoded(struct buf *out, struct span character)
{
    for (size_t i = 0; i < character.n; i++)
        if (is_unreserved(character.p[i]))
            buf_add_char(out, character.p[i]);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)character.p[i]);
}

/* RFC 5435 6: what is not "unreserved" in RFC 3986. A character whose bytes do not all fit is left
 * out: half of one would be another. */
static void
encode_url(struct buf *out, struct span value)
{
    uint32_t character;
    size_t before;

    for (struct span rest = value; value.n > 0; value = rest) {
        if (utf8_next(&rest, &character) != OR_OK)
            rest = span_from(value, 1);
        before = out->n;
        add_encoded(out, span_slice(value, 0, value.n - rest.n));
        if (out->n > SIEVE_MAX_VARIABLE_BYTES) {
            out->n = before;
            return;
        }
    }
}

static or_status
assign(struct sieve_run *r, const struct sieve_node *node, struct buf *value)
{
    struct span name = node->positional[0]->strings[0];
    char number[24];

    if (node->given[SIEVE_SLOT_LENGTH].tag == NULL)
        return sieve_vars_set(r, name, buf_span(value));
    int n = snprintf(number, sizeof(number), "%zu", count_characters(buf_span(value)));
    return sieve_vars_set(r, name, span_make(number, (size_t)n));
}

or_status
cmd_set(struct sieve_run *r, const struct sieve_node *node)
{
    bool encodes = node->given[SIEVE_SLOT_ENCODE].tag != NULL;
    struct span value;
    struct buf b, encoded;
    or_status st = sieve_vars_expand(r, node->positional[1]->strings[0], &value);

    if (st == OR_OK)
        st = sieve_run_charge(r, value.n);
    if (st != OR_OK)
        return st;
    buf_init(&b, 2 * SIEVE_MAX_SCRIPT_BYTES);
    quote(&b, value, node->given[SIEVE_SLOT_QUOTE].tag);
    set_case(&b, node->given[SIEVE_SLOT_CASE].tag, b.n);
    set_case(&b, node->given[SIEVE_SLOT_FIRST].tag, 1);
    buf_init(&encoded, 2 * SIEVE_MAX_VARIABLE_BYTES);
    if (encodes)
        encode_url(&encoded, buf_span(&b));
    st = assign(r, node, encodes ? &encoded : &b);
    buf_fini(&encoded);
    buf_fini(&b);
    return st;
}
