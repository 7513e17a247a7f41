/*
 * Keeps a passwd-file (passwd_export.h) as the accounts are: export-passwd-file of authd.conf. Once
 * a second it is seen whether somebody has changed the database; at the start the file is written
 * in any case, for what was changed while nobody looked.
 *
 * Threads: locked.
 */
#ifndef OUTRIDER_AUTHD_EXPORT_WATCH_H
#define OUTRIDER_AUTHD_EXPORT_WATCH_H

#include "authd/authd_conf.h"

struct export_watch;

struct export_watch *export_watch_start(void);
void export_watch_stop(struct export_watch *watch);
/* From here on as these settings say; they are copied. */
void export_watch_set(struct export_watch *watch, const struct authd_settings *settings);

#endif
