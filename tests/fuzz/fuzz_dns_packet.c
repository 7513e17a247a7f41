/*
 * Replies of whatever answers our queries: no bytes may crash the reader, and an answer keeps its
 * bounds.
 */
#include "common/dns/dns_packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_A, DNS_NS, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA};
    struct dns_packet_reply reply;
    enum dns_packet_verdict verdict;
    struct arena mem;

    if (size < 2)
        return 0;
    uint16_t id = (uint16_t)(data[0] << 8 | data[1]);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        arena_init(&mem, 1 << 20);
        or_status st = dns_packet_read(span_make((const char *)data, size), id, types[i], "a.org",
                                       &mem, &verdict, &reply);
        if (st == OR_OK && verdict == DNS_PACKET_ANSWER &&
            (reply.answer->count > DNS_MAX_RECORDS ||
             (reply.answer->result == DNS_FOUND) != (reply.answer->count != 0)))
            abort();
        arena_fini(&mem);
    }
    return 0;
}
