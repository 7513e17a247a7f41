/*
 * What there is in the language: extensions, commands, tests and their tags, one row each. A new
 * command or test is a row here and two functions.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_TABLE_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_TABLE_H

#include "lmtp/sieve/sieve.h"
#include "lmtp/sieve/sieve_tree.h"

struct sieve_check;
struct sieve_run;

struct sieve_extension {
    const char *name;
    uint64_t bits; /* 0: part of every script */
};

struct sieve_tag {
    const char *name; /* without the colon */
    enum sieve_slot slot;
    int choice;     /* which of those that share the slot */
    unsigned value; /* kinds of enum sieve_arg_kind; SIEVE_ARG_NONE */
    uint64_t ext;   /* any of these must be required */
};

enum sieve_tests { SIEVE_NO_TEST, SIEVE_ONE_TEST, SIEVE_TEST_LIST };

#define SIEVE_MAX_TAG_GROUPS 6

struct sieve_row {
    const char *name;
    uint64_t ext;                                       /* any of these must be required; 0: core */
    const struct sieve_tag *tags[SIEVE_MAX_TAG_GROUPS]; /* groups, each ended by a NULL name */
    unsigned positional[SIEVE_MAX_POSITIONAL];          /* kinds of enum sieve_arg_kind */
    unsigned keys; /* which of them (from 1) the match type is about; 0: none */
    bool first_optional, last_optional;
    enum sieve_tests tests;
    bool block;
    /* What the columns cannot say; NULL: nothing. */
    or_status (*check)(struct sieve_check *c, struct sieve_node *node);
    /* One of the two. */
    or_status (*command)(struct sieve_run *r, const struct sieve_node *node);
    or_status (*test)(struct sieve_run *r, const struct sieve_node *node, bool *holds_out);
};

enum sieve_match_type {
    SIEVE_IS, /* RFC 5228 2.7.1: the default */
    SIEVE_CONTAINS,
    SIEVE_MATCHES,
    SIEVE_REGEX_MATCH,
    SIEVE_VALUE, /* RFC 5231 4.1 */
    SIEVE_COUNT,
};

enum sieve_part {
    SIEVE_PART_ALL,
    SIEVE_PART_LOCAL,
    SIEVE_PART_DOMAIN,
    SIEVE_PART_USER,
    SIEVE_PART_DETAIL
};

enum sieve_zone { SIEVE_ZONE_GIVEN, SIEVE_ZONE_ORIGINAL };
enum sieve_case { SIEVE_LOWER, SIEVE_UPPER };
enum sieve_quote { SIEVE_QUOTE_WILDCARD, SIEVE_QUOTE_REGEX };
enum sieve_limit { SIEVE_OVER, SIEVE_UNDER };
enum sieve_period { SIEVE_DAYS, SIEVE_SECONDS };
/* :last counts from the end and needs :index (RFC 5260 6), or stands alone. */
enum sieve_last { SIEVE_LAST_ALONE, SIEVE_LAST_INDEX };
enum sieve_id { SIEVE_ID_FIELD, SIEVE_ID_GIVEN };

/* NULL: unknown. */
const struct sieve_extension *sieve_table_extension(struct span name);
/* The name of the first extension in `bits`. */
const char *sieve_table_extension_name(uint64_t bits);
const struct sieve_row *sieve_table_command(struct span name);
const struct sieve_row *sieve_table_test(struct span name);
/* Among the tags of a row. */
const struct sieve_tag *sieve_table_tag(const struct sieve_row *row, struct span name);

#endif
