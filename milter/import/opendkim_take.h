/*
 * What becomes of one directive: each function writes a line into import->conf and a note.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_IMPORT_OPENDKIM_TAKE_H
#define OUTRIDER_MILTER_IMPORT_OPENDKIM_TAKE_H

#include "milter/import/opendkim_import.h"

struct opendkim_option;

typedef void (*opendkim_take)(struct opendkim_import *import, const struct opendkim_option *option,
                              const struct opendkim_setting *s);

struct opendkim_option {
    const char *name;
    opendkim_take run;  /* NULL: not taken over, `word` says why */
    const char *target; /* our option */
    uint64_t max;       /* of a number; `min` too */
    uint64_t min;
    const char *word;    /* why not, or what is different */
    bool off_by_default; /* a Boolean that says nothing while it is off */
    bool harmless;       /* what it asked for needs nothing here */
};

void opendkim_take_elsewhere(struct opendkim_import *import, const struct opendkim_option *option,
                             const struct opendkim_setting *s);
void opendkim_take_string(struct opendkim_import *import, const struct opendkim_option *option,
                          const struct opendkim_setting *s);
void opendkim_take_number(struct opendkim_import *import, const struct opendkim_option *option,
                          const struct opendkim_setting *s);
void opendkim_take_bool(struct opendkim_import *import, const struct opendkim_option *option,
                        const struct opendkim_setting *s);
void opendkim_take_syslog(struct opendkim_import *import, const struct opendkim_option *option,
                          const struct opendkim_setting *s);
void
opendkim_take_canonicalization(struct opendkim_import *import, const struct opendkim_option *option,
                               const struct opendkim_setting *s);
void opendkim_take_action(struct opendkim_import *import, const struct opendkim_option *option,
                          const struct opendkim_setting *s);
void opendkim_take_fields(struct opendkim_import *import, const struct opendkim_option *option,
                          const struct opendkim_setting *s);
void opendkim_take_networks(struct opendkim_import *import, const struct opendkim_option *option,
                            const struct opendkim_setting *s);
void opendkim_take_socket(struct opendkim_import *import, const struct opendkim_option *option,
                          const struct opendkim_setting *s);
void opendkim_take_nameservers(struct opendkim_import *import, const struct opendkim_option *option,
                               const struct opendkim_setting *s);
void opendkim_take_mta(struct opendkim_import *import, const struct opendkim_option *option,
                       const struct opendkim_setting *s);
void opendkim_take_macros(struct opendkim_import *import, const struct opendkim_option *option,
                          const struct opendkim_setting *s);
void
opendkim_take_sender_headers(struct opendkim_import *import, const struct opendkim_option *option,
                             const struct opendkim_setting *s);
void opendkim_take_mode(struct opendkim_import *import, const struct opendkim_option *option,
                        const struct opendkim_setting *s);

#endif
