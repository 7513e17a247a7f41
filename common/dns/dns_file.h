/*
 * A resolver that answers from a small text file instead of the network: for looking at a stored
 * message offline, or at a record before it is published.
 *
 * One record per line, as in a zone file with full names, so that what `outrider dkim keygen`
 * prints can be used as it is:
 *
 *     NAME [TTL] [IN] TXT "string" ["string" ...]
 *     NAME [TTL] [IN] A 192.0.2.1        likewise AAAA, MX (10 mx.example.org), PTR
 *     NAME SERVFAIL                      asking for this name fails
 *
 * Parentheses let a record go on over several lines; ";" and "#" begin comments; \" \\ and \DDD are
 * escapes inside a string (RFC 1035 5.1). There is no $ORIGIN: names are absolute, with or without
 * final dot. A name not in the file is NXDOMAIN, or NODATA when one below it is.
 *
 * Threads: immutable once made.
 */
#ifndef OUTRIDER_COMMON_DNS_DNS_FILE_H
#define OUTRIDER_COMMON_DNS_DNS_FILE_H

#include "common/dns/dns.h"

#define DNS_FILE_MAX_BYTES ((size_t)4 << 20)
#define DNS_FILE_MAX_RECORDS 10000 /* every question walks through all of them */

/* Reads records. OR_MALFORMED names the line; OR_LIMIT past the ceilings. The caller frees with
 * dns_free(). */
or_status dns_file_parse(struct span text, struct dns **dns_out, struct err *e) OR_MUST_USE;
/* The same from a file. OR_CONFIG when it cannot be read, or for what dns_file_parse() finds; `e`
 * names the file. */
or_status dns_file_open(const char *path, struct dns **dns_out, struct err *e) OR_MUST_USE;

#endif
