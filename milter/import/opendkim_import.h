/*
 * What an OpenDKIM installation becomes here: a milter.conf, the keys it needs, and a report that
 * leaves no directive of the old configuration unmentioned. Reads through a function, so that it
 * knows no files.
 *
 * Everything lives in the arena that was handed in. Ceilings: OPENDKIM_MAX_*.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_IMPORT_OPENDKIM_IMPORT_H
#define OUTRIDER_MILTER_IMPORT_OPENDKIM_IMPORT_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "milter/import/opendkim_text.h"

#define OPENDKIM_MAX_SETTINGS 1000
#define OPENDKIM_MAX_INCLUDES 5    /* opendkim.conf(5) */
#define OPENDKIM_MAX_ENTRIES 10000 /* of one table: as many sections as a configuration takes */
#define OPENDKIM_MAX_NOTES 4000
#define OPENDKIM_MAX_CONF_BYTES ((size_t)8 << 20)

struct opendkim_reader {
    /* The whole text of a file; it must outlive the import. */
    or_status (*read)(void *context, const char *path, struct span *text_out, struct err *e);
    void *context;
};

enum opendkim_note_kind { OPENDKIM_TAKEN, OPENDKIM_CHANGED, OPENDKIM_IMPOSSIBLE };

struct opendkim_note {
    enum opendkim_note_kind kind;
    struct span option; /* as OpenDKIM calls it */
    struct span text;   /* may hold any byte of the old configuration */
};

struct opendkim_setting {
    struct span name;
    struct span value;
    struct span file;
    unsigned line;
};

struct opendkim_entries {
    struct opendkim_entry *items;
    size_t count;
    bool wildcards; /* from a refile */
};

/* One signature for one kind of sender. */
struct opendkim_rule {
    struct span pattern; /* opendkim_pattern.h */
    struct span domain;  /* d= */
    struct span selector;
    struct span key; /* path, or base64 */
    bool key_is_path;
    unsigned line; /* of the SigningTable; 0: Domain */
};

struct opendkim_rules {
    struct opendkim_rule *items;
    size_t count;
};

struct opendkim_import {
    /* The caller's. */
    struct arena *mem;
    const struct opendkim_reader *reader;
    bool observe;              /* mode = observe, and the socket left to OpenDKIM */
    const char *key_directory; /* for the configuration */
    /* The result. */
    struct buf conf;
    struct buf macros; /* of MTA and MacroList: items of originating-macros */
    struct opendkim_setting *settings;
    size_t setting_count;
    struct opendkim_note *notes;
    size_t note_count;
    struct opendkim_rules rules;
};

/* Reads `path` and all that it names. OR_CONFIG, OR_LIMIT, OR_MALFORMED for what makes the whole
 * useless (no such file, a line without a value); the rest goes into the notes. */
or_status
opendkim_import(struct opendkim_import *import, const char *path, struct err *e) OR_MUST_USE;
/* Only buf and counters; the arena is the caller's. */
void opendkim_import_fini(struct opendkim_import *import);

/* For the files of this folder. */

/* The last setting of that name, any case; NULL when there is none. */
const struct opendkim_setting *
opendkim_import_find(const struct opendkim_import *import, const char *name);
void opendkim_import_note(struct opendkim_import *import, enum opendkim_note_kind kind,
                          struct span option, const char *fmt, ...) OR_PRINTF(4, 5);
/* The elements of the data set that a setting names, in order. OR_ABSENT (noted already) when its
 * kind or its file cannot be read. */
or_status
opendkim_import_entries(struct opendkim_import *import, const struct opendkim_setting *setting,
                        struct opendkim_entries *entries_out) OR_MUST_USE;
/* False for what a string of our configuration cannot hold. */
bool opendkim_import_quotable(struct span s);

/* Fills import->rules from SigningTable and KeyTable, or from Domain, Selector and KeyFile. */
void opendkim_signing_collect(struct opendkim_import *import);
/* Appends `sign` sections where the rules are more than "each domain with its own keys". */
void opendkim_signing_format(struct opendkim_import *import);
/* Every setting in turn: one line in import->conf, or a note. */
void opendkim_options_convert(struct opendkim_import *import);
/* Whether OpenDKIM 2.11 has a directive of that name. */
bool opendkim_options_has(struct span name);

#endif
