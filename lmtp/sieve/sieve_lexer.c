/*
 * Lenient in one thing: lines may end in LF as well as CRLF. NUL is refused everywhere, as the
 * grammar has it.
 */
#include "lmtp/sieve/sieve_lexer.h"

#include "common/base/buf.h"
#include "lmtp/sieve/sieve.h"

#include <stdio.h>

void
sieve_lexer_init(struct sieve_lexer *lexer, const char *name, struct span text, struct arena *mem)
{
    *lexer = (struct sieve_lexer){.name = name, .rest = text, .pos = {1, 1}, .mem = mem};
}

or_status
sieve_lexer_locate(const char *name, struct sieve_pos pos, or_status st, struct err *e)
{
    char reason[ERR_TEXT_BYTES];

    if (e == NULL)
        return st;
    (void)snprintf(reason, sizeof(reason), "%s", e->text);
    return err_set(e, st, "%s:%u:%u: %s", name, pos.line, pos.column, reason);
}

static or_status
fail(const struct sieve_lexer *l, struct sieve_pos pos, const char *text, struct err *e)
{
    return sieve_lexer_locate(l->name, pos, err_set(e, OR_MALFORMED, "%s", text), e);
}

static or_status
fail_memory(const struct sieve_lexer *l, struct err *e)
{
    return sieve_lexer_locate(l->name, l->pos, err_set(e, OR_LIMIT, "the script is too large"), e);
}

/* Takes `n` bytes and counts lines and columns. */
static struct span
take(struct sieve_lexer *l, size_t n)
{
    struct span taken = span_slice(l->rest, 0, n);

    for (size_t i = 0; i < taken.n; i++) {
        l->pos.column++;
        if (taken.p[i] == '\n')
            l->pos = (struct sieve_pos){l->pos.line + 1, 1};
    }
    l->rest = span_from(l->rest, n);
    return taken;
}

static bool
is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* RFC 5228 2.3: comments in C's manner do not nest. */
static or_status
skip_comment(struct sieve_lexer *l, struct err *e)
{
    struct sieve_pos start = l->pos;

    take(l, 2);
    while (l->rest.n > 0 && !span_has_prefix(l->rest, SPAN_LIT("*/")))
        take(l, span_slice(l->rest, 1, l->rest.n).n == 0
                    ? 1
                    : 1 + span_find(span_from(l->rest, 1), '*'));
    if (l->rest.n == 0)
        return fail(l, start, "this comment does not end: expected \"*/\"", e);
    take(l, 2);
    return OR_OK;
}

static or_status
skip_blanks(struct sieve_lexer *l, struct err *e)
{
    while (l->rest.n > 0) {
        char c = l->rest.p[0];

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            take(l, 1);
        } else if (c == '#') {
            take(l, span_find(l->rest, '\n'));
        } else if (span_has_prefix(l->rest, SPAN_LIT("/*"))) {
            or_status st = skip_comment(l, e);

            if (st != OR_OK)
                return st;
        } else {
            break;
        }
    }
    return OR_OK;
}

static size_t
identifier_length(struct span s)
{
    size_t n = 0;

    while (n < s.n && (is_alpha(s.p[n]) || (n > 0 && is_digit(s.p[n]))))
        n++;
    return n;
}

static or_status
read_number(struct sieve_lexer *l, struct sieve_token *t, struct err *e)
{
    size_t n = 0;
    unsigned shift = 0;

    while (n < l->rest.n && is_digit(l->rest.p[n]))
        n++;
    or_status st = span_parse_u64(span_slice(l->rest, 0, n), SIEVE_MAX_NUMBER, &t->number);
    take(l, n);
    char unit = l->rest.n > 0 ? (char)(l->rest.p[0] & ~0x20) : '\0';
    if (unit == 'K' || unit == 'M' || unit == 'G') {
        shift = unit == 'K' ? 10 : unit == 'M' ? 20 : 30;
        take(l, 1);
    }
    if (st != OR_OK || t->number > ((uint64_t)SIEVE_MAX_NUMBER >> shift))
        return sieve_lexer_locate(l->name, t->pos,
                                  err_set(e, OR_LIMIT, "expected a number up to 4294967295"), e);
    if (l->rest.n > 0 && is_alpha(l->rest.p[0]))
        return fail(l, l->pos, "expected K, M, G or nothing behind a number", e);
    t->kind = SIEVE_TOKEN_NUMBER;
    t->number <<= shift;
    return OR_OK;
}

/* Moves what was gathered into the arena. */
static or_status
keep_string(struct sieve_lexer *l, struct buf *value, struct sieve_token *t, struct err *e)
{
    or_status st = buf_finish(value);

    if (st == OR_OK)
        st = arena_copy(l->mem, buf_span(value), &t->text);
    buf_fini(value);
    t->kind = SIEVE_TOKEN_STRING;
    return st == OR_OK ? OR_OK : fail_memory(l, e);
}

/* RFC 5228 2.4.2: a backslash keeps what follows as it is. */
static or_status
read_quoted(struct sieve_lexer *l, struct sieve_token *t, struct err *e)
{
    struct buf value;

    buf_init(&value, SIEVE_MAX_SCRIPT_BYTES);
    take(l, 1);
    while (l->rest.n > 0 && l->rest.p[0] != '"') {
        if (l->rest.p[0] == '\\' && l->rest.n > 1)
            take(l, 1);
        buf_add_span(&value, take(l, 1));
    }
    if (l->rest.n == 0) {
        buf_fini(&value);
        return fail(l, t->pos, "this string does not end: expected '\"'", e);
    }
    take(l, 1);
    return keep_string(l, &value, t, e);
}

/* One line of a multi-line string with its end; false: it is the dot. */
static bool
read_text_line(struct sieve_lexer *l, struct buf *value)
{
    struct span line = take(l, span_find(l->rest, '\n') + 1), bare = line;

    while (bare.n > 0 && (bare.p[bare.n - 1] == '\n' || bare.p[bare.n - 1] == '\r'))
        bare.n--;
    if (span_equal_cstr(bare, "."))
        return false;
    buf_add_span(value, line.p[0] == '.' ? span_from(line, 1) : line);
    return true;
}

/* RFC 5228 2.4.2, multi-line: "text:", perhaps a comment, lines, a dot alone. */
static or_status
read_text(struct sieve_lexer *l, struct sieve_token *t, struct err *e)
{
    struct buf value;

    take(l, 5);
    while (l->rest.n > 0 && (l->rest.p[0] == ' ' || l->rest.p[0] == '\t'))
        take(l, 1);
    if (l->rest.n > 0 && l->rest.p[0] == '#')
        take(l, span_find(l->rest, '\n'));
    if (l->rest.n > 0 && l->rest.p[0] == '\r')
        take(l, 1);
    if (l->rest.n == 0 || l->rest.p[0] != '\n')
        return fail(l, l->pos, "expected the end of the line behind \"text:\"", e);
    take(l, 1);
    buf_init(&value, SIEVE_MAX_SCRIPT_BYTES);
    while (l->rest.n > 0)
        if (!read_text_line(l, &value))
            return keep_string(l, &value, t, e);
    buf_fini(&value);
    return fail(l, t->pos, "this text does not end: expected a line with a dot alone", e);
}

static or_status
read_tag(struct sieve_lexer *l, struct sieve_token *t, struct err *e)
{
    take(l, 1);
    size_t n = identifier_length(l->rest);
    if (n == 0)
        return fail(l, t->pos, "expected a name behind \":\"", e);
    t->kind = SIEVE_TOKEN_TAG;
    t->text = take(l, n);
    return OR_OK;
}

static or_status
read_other(struct sieve_lexer *l, struct sieve_token *t, struct err *e)
{
    if (!span_contains_byte(SPAN_LIT(";,()[]{}"), l->rest.p[0]))
        return fail(l, t->pos, "expected a command, an argument or punctuation", e);
    t->kind = SIEVE_TOKEN_PUNCTUATION;
    t->text = take(l, 1);
    return OR_OK;
}

static or_status
read_token(struct sieve_lexer *l, struct sieve_token *t, struct err *e)
{
    char c = l->rest.p[0];
    size_t n = identifier_length(l->rest);

    if (c == '"')
        return read_quoted(l, t, e);
    if (c == ':')
        return read_tag(l, t, e);
    if (is_digit(c))
        return read_number(l, t, e);
    if (span_has_prefix_nocase(l->rest, SPAN_LIT("text:")))
        return read_text(l, t, e);
    if (n == 0)
        return read_other(l, t, e);
    t->kind = SIEVE_TOKEN_IDENTIFIER;
    t->text = take(l, n);
    return OR_OK;
}

or_status
sieve_lexer_next(struct sieve_lexer *lexer, struct sieve_token *token_out, struct err *e)
{
    struct sieve_token t = {.kind = SIEVE_TOKEN_END, .text = SPAN_EMPTY};
    or_status st = skip_blanks(lexer, e);

    if (st != OR_OK)
        return st;
    t.pos = lexer->pos;
    if (lexer->rest.n > 0)
        st = read_token(lexer, &t, e);
    if (st == OR_OK && span_contains_byte(t.text, '\0'))
        return fail(lexer, t.pos, "expected text without NUL", e);
    if (st == OR_OK)
        *token_out = t;
    return st;
}

const char *
sieve_lexer_describe(const struct sieve_token *token, char out[64])
{
    static const char *const names[] = {
        [SIEVE_TOKEN_END] = "the end of the script",
        [SIEVE_TOKEN_NUMBER] = "a number",
        [SIEVE_TOKEN_STRING] = "a string",
    };

    if (token->kind != SIEVE_TOKEN_IDENTIFIER && token->kind != SIEVE_TOKEN_TAG &&
        token->kind != SIEVE_TOKEN_PUNCTUATION)
        return names[token->kind];
    (void)snprintf(out, 64, "\"%s%.*s\"", token->kind == SIEVE_TOKEN_TAG ? ":" : "",
                   (int)(token->text.n > 50 ? 50 : token->text.n), token->text.p);
    return out;
}
