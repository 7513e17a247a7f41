/*
 * Which country an address is in, by a file of lines "network,CC" as the free databases give them.
 *
 * Threads: immutable once read.
 */
#ifndef OUTRIDER_AUTHD_GUARD_COUNTRY_H
#define OUTRIDER_AUTHD_GUARD_COUNTRY_H

#include "common/text/ip.h"

#define COUNTRY_MAX_LINES 4000000

struct country_table;

/* Further fields of a line, an empty line, one that begins with '#' and a first line of titles are
 * passed over. OR_CONFIG: the file cannot be read, or a line is none of these; `e` names it. */
or_status
country_load(const char *path, struct country_table **table_out, struct err *e) OR_MUST_USE;
void country_free(struct country_table *table); /* NULL is allowed */

/* Two letters; empty: nobody says. */
struct span country_find(const struct country_table *table, const struct ip *ip);

/* One line; OR_ABSENT: nothing in it. */
struct country_row {
    struct cidr network;
    char code[2];
};
or_status
country_parse_line(struct span line, struct country_row *row_out, struct err *e) OR_MUST_USE;

#endif
