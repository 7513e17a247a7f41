/*
 * The titled sections of policyd.conf: check, rate, dmarc-rule, dnslist.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_POLICYD_CONF_SECTIONS_H
#define OUTRIDER_POLICYD_POLICYD_CONF_SECTIONS_H

#include "policyd/policyd_conf.h"

#define POLICYD_CONF_WEIGHT_MAX 1000 /* of one signal, one listing */
#define POLICYD_CONF_SECTIONS 4

/* For policyd_conf_schema. */
extern const struct conf_section policyd_conf_sections[POLICYD_CONF_SECTIONS];

#endif
