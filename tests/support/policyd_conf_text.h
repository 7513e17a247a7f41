/* Settings of policyd for unit tests, from the text of a configuration file. */
#ifndef OUTRIDER_TESTS_SUPPORT_POLICYD_CONF_TEXT_H
#define OUTRIDER_TESTS_SUPPORT_POLICYD_CONF_TEXT_H

#include "policyd/policyd_conf.h"

/* As conf_load(); the caller frees with conf_free(&policyd_conf_schema, ...). */
or_status policyd_conf_text(const char *text, struct policyd_settings **settings_out,
                            struct err *e) OR_MUST_USE;

#endif
