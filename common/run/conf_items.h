/*
 * The items of sections that can stand several times: made when a section begins, filled by the
 * loader, freed with the settings.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_CONF_ITEMS_H
#define OUTRIDER_COMMON_RUN_CONF_ITEMS_H

#include "common/run/conf.h"

#define CONF_MAX_TITLE_BYTES 1000

/* A section begins at `line`. OR_CONFIG: a title that is empty, too long or there already, or too
 * many sections. */
or_status conf_items_begin(const struct conf_section *section, void *settings, const char *title,
                           unsigned line, struct err *e) OR_MUST_USE;
/* The item at `at`, to be filled. */
void *conf_items_at(const struct conf_section *section, void *settings, size_t at);
size_t conf_items_count(const struct conf_section *section, void *settings);
/* Frees all items of the section. */
void conf_items_clear(const struct conf_section *section, void *settings);

#endif
