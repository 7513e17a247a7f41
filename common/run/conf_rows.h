/*
 * Every option that a schema's file may hold, common ones included, as one list: what the loader
 * looks names up in, what --print-options prints, what conf_free() walks.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_CONF_ROWS_H
#define OUTRIDER_COMMON_RUN_CONF_ROWS_H

#include "common/run/conf.h"

struct conf_row {
    struct conf_option option;           /* with the schema's own defaults filled in */
    const struct conf_section *repeated; /* NULL: not of a section that can stand several times */
    unsigned line; /* where the file sets it, in the section under way; 0: it does not (so far) */
};

struct conf_rows {
    struct conf_row *rows;
    size_t count;
};

/* Copies; strings stay the schema's. Freed with conf_rows_fini(). */
void conf_rows_init(struct conf_rows *rows, const struct conf_schema *schema);
void conf_rows_fini(struct conf_rows *rows);
/* NULL when there is none; `section` NULL is the top level. */
struct conf_row *conf_rows_find(struct conf_rows *rows, const char *section, const char *name);
bool conf_rows_same_section(const char *a, const char *b);

/* The options inside `listen NAME { }`, NULL-terminated: conf_listen.c gives them their meaning. */
extern const char *const conf_listen_options[];

#endif
