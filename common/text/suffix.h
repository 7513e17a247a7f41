/*
 * Public suffixes (libpsl with the distribution's list): the domain under which somebody
 * registered, "example.co.uk" of "mail.example.co.uk". An aid for telling pools of hosts apart and
 * a cross-check beside DMARC's tree walk, never what a verdict rests on.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_SUFFIX_H
#define OUTRIDER_COMMON_TEXT_SUFFIX_H

#include "common/base/arena.h"

/* Reads the list from a file in the form of publicsuffix.org instead; before the first use, and
 * before any thread. OR_CONFIG: there is no such list. */
or_status suffix_load(const char *path, struct err *e) OR_MUST_USE;

/* Canonical. OR_ABSENT: the name is a public suffix itself, or no domain name. */
or_status
suffix_registrable(struct span name, struct arena *mem, struct span *registrable_out) OR_MUST_USE;

#endif
