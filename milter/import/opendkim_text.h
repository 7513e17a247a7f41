/*
 * The text formats of OpenDKIM 2.11: lines of opendkim.conf(5) and of its tables, the words that
 * name a data set, comma lists, KeyTable values.
 *
 * Everything returned points into the text that was handed in.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_IMPORT_OPENDKIM_TEXT_H
#define OUTRIDER_MILTER_IMPORT_OPENDKIM_TEXT_H

#include "common/base/span.h"

/* "name value": of a configuration, a table or a list. */
struct opendkim_entry {
    struct span name;
    struct span value; /* may be empty */
    unsigned line;     /* from 1; in lists the place in the list */
};

struct opendkim_cursor {
    struct span rest;
    unsigned line;
};

enum opendkim_source_kind {
    OPENDKIM_FILE,    /* lines: exact names, values */
    OPENDKIM_REFILE,  /* lines: wildcard patterns, values */
    OPENDKIM_LIST,    /* the specification itself, comma separated; name=value for tables */
    OPENDKIM_FOREIGN, /* a data base, a directory server, a script */
};

struct opendkim_source {
    enum opendkim_source_kind kind;
    struct span prefix; /* "ldap" of OPENDKIM_FOREIGN */
    struct span rest;   /* path or list */
};

/* The third part of a KeyTable value: a path when it begins with "/", "./" or "../", else key data.
 */
struct opendkim_key {
    struct span domain;
    struct span selector;
    struct span key;
    bool is_path;
};

/* The next line that says something, '#' and what follows cut off. False at the end. */
bool opendkim_line_next(struct opendkim_cursor *cursor, struct opendkim_entry *entry_out);
/* The next element of a comma list; empty ones are skipped. */
bool opendkim_list_next(struct opendkim_cursor *cursor, struct opendkim_entry *entry_out);
/* What kind of data set a value names. Never fails: what has no known prefix is a path when it
 * begins with '/', else a list, as in opendkim(8). */
struct opendkim_source opendkim_source_parse(struct span text);
/* "domain:selector:key". OR_MALFORMED when a part is missing or empty. */
or_status opendkim_key_parse(struct span value, struct opendkim_key *key_out) OR_MUST_USE;
/* The first byte decides, as in OpenDKIM. OR_MALFORMED for another one than tTyY1fFnN0. */
or_status opendkim_bool_parse(struct span value, bool *value_out) OR_MUST_USE;

#endif
