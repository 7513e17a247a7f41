/* Recursive descent with one token of look-ahead; depth and number of nodes are counted. */
#include "lmtp/sieve/sieve_parser.h"

#include "lmtp/sieve/sieve.h"

struct parser {
    struct sieve_lexer lexer;
    struct sieve_token token; /* the one to be looked at */
    struct arena *mem;
    size_t nodes;
    unsigned depth;
    struct err *e;
};

static or_status
advance(struct parser *p)
{
    return sieve_lexer_next(&p->lexer, &p->token, p->e);
}

static bool
is_punctuation(const struct parser *p, char c)
{
    return p->token.kind == SIEVE_TOKEN_PUNCTUATION && p->token.text.p[0] == c;
}

static or_status
fail_expected(struct parser *p, const char *expected)
{
    char found[64];

    return sieve_lexer_locate(p->lexer.name, p->token.pos,
                              err_set(p->e, OR_MALFORMED, "expected %s, found %s", expected,
                                      sieve_lexer_describe(&p->token, found)),
                              p->e);
}

static or_status
fail_limit(struct parser *p, const char *text)
{
    return sieve_lexer_locate(p->lexer.name, p->token.pos, err_set(p->e, OR_LIMIT, "%s", text),
                              p->e);
}

static or_status
fail_memory(struct parser *p)
{
    return fail_limit(p, "the script is too large");
}

static or_status
expect(struct parser *p, char c, const char *expected)
{
    return is_punctuation(p, c) ? advance(p) : fail_expected(p, expected);
}

/* Room for twice as many strings, when `count` has reached a power of two. */
static or_status
grow_strings(struct parser *p, struct sieve_arg *arg)
{
    if (arg->count != 0 && (arg->count & (arg->count - 1)) != 0)
        return OR_OK;
    size_t room = arg->count == 0 ? 1 : 2 * arg->count;
    struct span *strings = arena_alloc_array(p->mem, room, sizeof(*strings));
    if (strings == NULL)
        return fail_memory(p);
    for (size_t i = 0; i < arg->count; i++)
        strings[i] = arg->strings[i];
    arg->strings = strings;
    return OR_OK;
}

static or_status
take_string(struct parser *p, struct sieve_arg *arg)
{
    if (p->token.kind != SIEVE_TOKEN_STRING)
        return fail_expected(p, "a string");
    or_status st = grow_strings(p, arg);
    if (st != OR_OK)
        return st;
    arg->strings[arg->count++] = p->token.text;
    return advance(p);
}

/* RFC 5228 8.2: "[" string *("," string) "]"; at least one. */
static or_status
parse_list(struct parser *p, struct sieve_arg *arg)
{
    or_status st = advance(p);

    arg->kind = SIEVE_ARG_LIST;
    if (st == OR_OK)
        st = take_string(p, arg);
    while (st == OR_OK && is_punctuation(p, ',')) {
        st = advance(p);
        if (st == OR_OK)
            st = take_string(p, arg);
    }
    return st == OR_OK ? expect(p, ']', "\",\" or \"]\"") : st;
}

static or_status
parse_argument(struct parser *p, struct sieve_arg *arg)
{
    switch (p->token.kind) {
    case SIEVE_TOKEN_NUMBER:
        arg->kind = SIEVE_ARG_NUMBER;
        arg->number = p->token.number;
        return advance(p);
    case SIEVE_TOKEN_TAG:
        arg->kind = SIEVE_ARG_TAG;
        arg->tag = p->token.text;
        return advance(p);
    case SIEVE_TOKEN_STRING:
        arg->kind = SIEVE_ARG_STRING;
        return take_string(p, arg);
    default:
        return parse_list(p, arg);
    }
}

static bool
is_argument(const struct parser *p)
{
    return p->token.kind == SIEVE_TOKEN_NUMBER || p->token.kind == SIEVE_TOKEN_TAG ||
           p->token.kind == SIEVE_TOKEN_STRING || is_punctuation(p, '[');
}

static or_status
parse_arguments(struct parser *p, struct sieve_node *node)
{
    struct sieve_arg **last = &node->args;

    while (is_argument(p)) {
        struct sieve_arg *arg = arena_alloc(p->mem, sizeof(*arg));

        if (arg == NULL)
            return fail_memory(p);
        arg->pos = p->token.pos;
        *last = arg;
        last = &arg->next;
        or_status st = parse_argument(p, arg);
        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

static or_status parse_test(struct parser *p, struct sieve_node **node_out);

static or_status
parse_test_list(struct parser *p, struct sieve_node *node)
{
    struct sieve_node **last = &node->tests;
    or_status st = OR_OK;

    node->test_list = true;
    do {
        st = advance(p); /* the parenthesis or the comma */
        if (st == OR_OK)
            st = parse_test(p, last);
        if (st != OR_OK || *last == NULL)
            return st;
        last = &(*last)->next;
    } while (is_punctuation(p, ','));
    return expect(p, ')', "\",\" or \")\"");
}

/* A name and its arguments; `expected` says what kind of name. */
static or_status
parse_head(struct parser *p, const char *expected, struct sieve_node **node_out)
{
    if (p->token.kind != SIEVE_TOKEN_IDENTIFIER)
        return fail_expected(p, expected);
    if (p->nodes++ >= SIEVE_MAX_NODES)
        return fail_limit(p, "the script has too many commands and tests");
    if (p->depth++ >= SIEVE_MAX_NESTING)
        return fail_limit(p, "expected at most 32 levels of nesting");
    struct sieve_node *node = arena_alloc(p->mem, sizeof(*node));
    if (node == NULL)
        return fail_memory(p);
    node->name = p->token.text;
    node->pos = p->token.pos;
    *node_out = node;
    or_status st = advance(p);
    if (st == OR_OK)
        st = parse_arguments(p, node);
    if (st == OR_OK && is_punctuation(p, '('))
        st = parse_test_list(p, node);
    else if (st == OR_OK && p->token.kind == SIEVE_TOKEN_IDENTIFIER)
        st = parse_test(p, &node->tests);
    return st;
}

static or_status
parse_test(struct parser *p, struct sieve_node **node_out)
{
    or_status st = parse_head(p, "a test", node_out);

    p->depth--;
    return st;
}

static or_status parse_commands(struct parser *p, struct sieve_node **last);

static or_status
parse_block(struct parser *p, struct sieve_node *node)
{
    or_status st = advance(p);

    node->has_block = true;
    if (st == OR_OK)
        st = parse_commands(p, &node->block);
    return st == OR_OK ? expect(p, '}', "a command or \"}\"") : st;
}

static or_status
parse_command(struct parser *p, struct sieve_node **node_out)
{
    or_status st = parse_head(p, "a command", node_out);

    if (st == OR_OK)
        st = is_punctuation(p, '{') ? parse_block(p, *node_out)
                                    : expect(p, ';', "\";\", an argument or a block");
    p->depth--;
    return st;
}

static or_status
parse_commands(struct parser *p, struct sieve_node **last)
{
    while (p->token.kind == SIEVE_TOKEN_IDENTIFIER) {
        struct sieve_node *node = NULL;
        or_status st = parse_command(p, &node);

        if (st != OR_OK || node == NULL)
            return st;
        *last = node;
        last = &node->next;
    }
    return OR_OK;
}

or_status
sieve_parser_run(const char *name, struct span text, struct arena *mem,
                 struct sieve_node **first_out, struct err *e)
{
    struct parser p = {.mem = mem, .e = e};
    struct sieve_node *first = NULL;

    sieve_lexer_init(&p.lexer, name, text, mem);
    or_status st = advance(&p);
    if (st == OR_OK)
        st = parse_commands(&p, &first);
    if (st == OR_OK && p.token.kind != SIEVE_TOKEN_END)
        st = fail_expected(&p, "a command");
    if (st == OR_OK)
        *first_out = first;
    return st;
}
