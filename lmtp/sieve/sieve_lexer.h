/*
 * Words of a Sieve script (RFC 5228 2 and 8.1). Every error names line and column, counted from 1
 * (columns in bytes), and says what was expected there.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_LEXER_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_LEXER_H

#include "common/base/arena.h"

struct sieve_pos {
    unsigned line;
    unsigned column;
};

enum sieve_token_kind {
    SIEVE_TOKEN_END,
    SIEVE_TOKEN_IDENTIFIER,
    SIEVE_TOKEN_TAG, /* text is without the colon */
    SIEVE_TOKEN_NUMBER,
    SIEVE_TOKEN_STRING,
    SIEVE_TOKEN_PUNCTUATION, /* one of ; , ( ) [ ] { } in `text` */
};

struct sieve_token {
    enum sieve_token_kind kind;
    struct sieve_pos pos;
    struct span text; /* of a string: its value */
    uint64_t number;  /* quantifier applied */
};

struct sieve_lexer {
    const char *name; /* of the script, in front of every error */
    struct span rest;
    struct sieve_pos pos; /* of rest */
    struct arena *mem;    /* values of strings */
};

void
sieve_lexer_init(struct sieve_lexer *lexer, const char *name, struct span text, struct arena *mem);

/* Takes the next token. OR_MALFORMED with "name:line:column: ..." in `e`; OR_LIMIT: `mem` is used
 * up or a number too large. */
or_status sieve_lexer_next(struct sieve_lexer *lexer, struct sieve_token *token_out,
                           struct err *e) OR_MUST_USE;

/* Puts "name:line:column: " before the text in `e` and returns `st`. */
or_status
sieve_lexer_locate(const char *name, struct sieve_pos pos, or_status st, struct err *e) OR_MUST_USE;

/* What a token is called in an error: `";"`, `string`, `end of script`. */
const char *sieve_lexer_describe(const struct sieve_token *token, char out[64]);

#endif
