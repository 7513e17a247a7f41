/*
 * Replies of whatever answers our queries: no bytes may crash the reader, and an answer keeps its
 * bounds. The same bytes as a name (senders choose what SPF and DKIM ask for): canonical text is
 * its own canonical text, and can be asked for.
 */
#include "common/dns/dns_packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(struct span bytes)
{
    char name[DNS_PACKET_NAME_BYTES], again[DNS_PACKET_NAME_BYTES];
    struct buf query;

    if (dns_packet_name(bytes, name, NULL) != OR_OK)
        return;
    buf_init(&query, 1024);
    if (dns_packet_name(span_cstr(name), again, NULL) != OR_OK || strcmp(name, again) != 0 ||
        dns_packet_query(&query, 1, DNS_TXT, name, true, NULL) != OR_OK)
        abort();
    buf_fini(&query);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_A, DNS_NS, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA};
    struct dns_packet_reply reply;
    enum dns_packet_verdict verdict;
    struct arena mem;

    check_name(span_make((const char *)data, size));
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
