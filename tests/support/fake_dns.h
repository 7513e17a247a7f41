/*
 * A DNS for tests that answers from a table, without sockets and without waiting.
 *
 * Threads: immutable once made, but for the query counter.
 */
#ifndef OUTRIDER_TESTS_SUPPORT_FAKE_DNS_H
#define OUTRIDER_TESTS_SUPPORT_FAKE_DNS_H

#include "common/dns/dns.h"

/* One record per line: "NAME TYPE DATA", e.g.
 *     example.org    TXT  "v=spf1 mx -all"
 *     example.org    MX   10 mx.example.org
 *     broken.test    SERVFAIL
 * TXT data: one or more "quoted strings" (\" and \\ escaped), or the rest of the line as one
 * string. Failure words (SERVFAIL, TIMEOUT, NXDOMAIN) as in the vectors. Empty lines and lines
 * beginning with
 * '#' are skipped. A name not listed is NXDOMAIN, or NODATA if a listed name is below it. Aborts
 * with the line on a mistake in the table. */
struct dns *fake_dns_new(const char *table);

/* The zone object of the vectors ("Zones" in vectors/README.md), given as JSON text. */
struct dns *fake_dns_new_json(const char *zone_json);

/* Questions answered so far. */
unsigned fake_dns_queries(const struct dns *dns);

#endif
