/*
 * A script as a tree: commands and tests in one kind of node, arguments sorted into their places by
 * sieve_check.c. Lives in the script's arena and never changes once checked.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_TREE_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_TREE_H

#include "lmtp/sieve/sieve_lexer.h"

enum sieve_arg_kind {
    SIEVE_ARG_NONE = 0,
    SIEVE_ARG_NUMBER = 1,
    SIEVE_ARG_STRING = 2,
    SIEVE_ARG_LIST = 4, /* in brackets */
    SIEVE_ARG_TAG = 8,
    /* RFC 5228 2.4.2.1: where a list is allowed, a single string is a list of one. */
    SIEVE_ARG_STRINGS = SIEVE_ARG_STRING | SIEVE_ARG_LIST,
};

struct sieve_arg {
    enum sieve_arg_kind kind;
    struct sieve_pos pos;
    struct span tag;
    uint64_t number;
    struct span *strings; /* one for SIEVE_ARG_STRING */
    size_t count;
    struct sieve_arg *next; /* as written */
};

/* Places for tagged arguments; tags that exclude each other share one. */
enum sieve_slot {
    SIEVE_SLOT_COMPARATOR,
    SIEVE_SLOT_MATCH,
    SIEVE_SLOT_PART,  /* of an address */
    SIEVE_SLOT_LIMIT, /* :over, :under */
    SIEVE_SLOT_COPY,
    SIEVE_SLOT_FLAGS,
    SIEVE_SLOT_CREATE,
    SIEVE_SLOT_INDEX,
    SIEVE_SLOT_LAST,
    SIEVE_SLOT_ZONE, /* of a date, RFC 5260 4.1 */
    SIEVE_SLOT_CASE, /* modifiers of set, RFC 5229 4.1: one of each precedence */
    SIEVE_SLOT_FIRST,
    SIEVE_SLOT_QUOTE,
    SIEVE_SLOT_LENGTH,
    SIEVE_SLOT_PERIOD, /* :days, :seconds */
    SIEVE_SLOT_SUBJECT,
    SIEVE_SLOT_FROM,
    SIEVE_SLOT_ADDRESSES,
    SIEVE_SLOT_MIME,
    SIEVE_SLOT_HANDLE,
    SIEVE_SLOT_FCC,
    SIEVE_SLOT_IMPORTANCE,
    SIEVE_SLOT_OPTIONS,
    SIEVE_SLOT_MESSAGE,
    SIEVE_SLOT_ENCODE,
    SIEVE_SLOT_PLACE, /* of a script that is included */
    SIEVE_SLOT_ONCE,
    SIEVE_SLOT_OPTIONAL,
    SIEVE_SLOT_ID, /* of a message that may be a duplicate */
    SIEVE_SLOT_COUNT,
};

struct sieve_row;
struct sieve_tag;

/* A tag that was given. */
struct sieve_given {
    const struct sieve_tag *tag; /* NULL: not given */
    const struct sieve_arg *arg; /* its value; NULL when it takes none */
};

#define SIEVE_MAX_POSITIONAL 3

struct sieve_node {
    const struct sieve_row *row;
    struct span name;
    struct sieve_pos pos;
    struct sieve_arg *args; /* all, as written */
    struct sieve_given given[SIEVE_SLOT_COUNT];
    const struct sieve_arg *positional[SIEVE_MAX_POSITIONAL];
    const void *compiled;     /* what the row's own check made of it */
    const char *fault;        /* it needs what there is not (RFC 5463 4): an error once it is run */
    struct sieve_node *tests; /* arguments that are tests */
    bool test_list;           /* they stood in parentheses */
    bool has_block;
    struct sieve_node *block;
    struct sieve_node *next;
};

#endif
