/*
 * The sections `listen SERVICE { ... }`: which services there are, what may stand inside, and what
 * applies where nothing stands.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_CONF_LISTEN_H
#define OUTRIDER_COMMON_RUN_CONF_LISTEN_H

#include "common/run/conf.h"

/* A section begins at `line`. OR_CONFIG: unknown service (names the known ones), or one that has
 * its section already. */
or_status conf_listen_begin(struct conf_common *common, const struct conf_schema *schema,
                            const char *service, unsigned line, struct err *e) OR_MUST_USE;
/* One value inside the section begun last; `address` may come several times. */
or_status conf_listen_set(struct conf_common *common, const char *option, const char *value,
                          struct err *e) OR_MUST_USE;
/* After the whole file: fills in what the sections left out and adds the services without one. */
void conf_listen_finish(struct conf_common *common, const struct conf_schema *schema);
void conf_listen_clear(struct conf_common *common);

#endif
