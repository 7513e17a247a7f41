/*
 * Copies of answers, each in one block of exactly known size: the cache counts what it keeps and
 * shares nothing with its askers.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_DNS_DNS_ANSWER_H
#define OUTRIDER_COMMON_DNS_DNS_ANSWER_H

#include "common/dns/dns.h"

/* How many bytes a copy of `answer` to a question for `type` takes. */
size_t dns_answer_bytes(enum dns_type type, const struct dns_answer *answer);

/* Copies into `block`, aligned for any type and of dns_answer_bytes() bytes. The copy is the start
 * of the block and refers to nothing outside it. */
struct dns_answer *
dns_answer_copy(enum dns_type type, const struct dns_answer *answer, void *block);

#endif
