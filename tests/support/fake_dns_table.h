/*
 * What fake_dns.c answers from, and how the text table and the JSON zones of the vectors become it.
 *
 * Threads: immutable once filled.
 */
#ifndef OUTRIDER_TESTS_SUPPORT_FAKE_DNS_TABLE_H
#define OUTRIDER_TESTS_SUPPORT_FAKE_DNS_TABLE_H

#include "common/dns/dns.h"

enum { FAKE_DNS_CNAME = 5, FAKE_DNS_SPF = 99, FAKE_DNS_ANY = 255 };
enum fake_dns_kind {
    FAKE_DNS_DATA,
    FAKE_DNS_SERVFAIL,
    FAKE_DNS_TIMEOUT,
    FAKE_DNS_NXDOMAIN,
    FAKE_DNS_NONE
};

struct fake_dns_record {
    char *name; /* lower case, no final dot */
    int type;   /* enum dns_type or one of the above; FAKE_DNS_ANY for words about the whole name */
    enum fake_dns_kind kind;
    struct ip ip;
    char *target; /* PTR, NS, MX, CNAME */
    uint16_t preference;
    char **strings; /* TXT, SPF */
    size_t *lengths;
    size_t string_count;
};

struct fake_dns_table {
    struct fake_dns_record *records;
    size_t count;
};

/* Lower case, final dot dropped. The caller frees. */
char *fake_dns_table_name(struct span s);

/* Both add to an empty table and abort on a mistake in it (fake_dns.h has the grammar). */
void fake_dns_table_read(struct fake_dns_table *table, const char *text);
void fake_dns_table_read_json(struct fake_dns_table *table, const char *zone_json);
void fake_dns_table_fini(struct fake_dns_table *table);

#endif
