/*
 * One value as written in a configuration file -> the field that its row points at, and back to
 * nothing.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_CONF_VALUE_H
#define OUTRIDER_COMMON_RUN_CONF_VALUE_H

#include "common/run/conf.h"

/* Sets, or for list types appends to, the field of `option` inside `settings`. OR_CONFIG: what
 * stood there, what is allowed, an example; without file, line and option. */
or_status conf_value_set(const struct conf_option *option, void *settings, const char *value,
                         struct err *e) OR_MUST_USE;
/* The row's default, if any. */
or_status
conf_value_set_default(const struct conf_option *option, void *settings, struct err *e) OR_MUST_USE;
/* Frees and empties the field. */
void conf_value_clear(const struct conf_option *option, void *settings);

bool conf_value_is_list(enum conf_type type);
/* "duration", for --print-options. */
const char *conf_value_type_name(enum conf_type type);

#endif
