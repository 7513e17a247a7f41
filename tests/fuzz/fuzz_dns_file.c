/* Zone files, and what is answered from them. */
#include "common/dns/dns_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dns_answer *answer;
    struct dns *dns = NULL;
    struct arena mem;
    struct err e;

    if (dns_file_parse(span_make((const char *)data, size), &dns, &e) != OR_OK) {
        if (dns != NULL)
            abort();
        return 0;
    }
    arena_init(&mem, 1 << 16); /* small: answers that do not fit are part of it */
    if (dns_query(dns, DNS_TXT, SPAN_LIT("a.b"), INT64_MAX, &mem, &answer, &e) == OR_OK)
        for (size_t i = 0; i < answer->count; i++)
            if (answer->records[i].txt.count == 0 ||
                answer->records[i].txt.joined.n < answer->records[i].txt.strings[0].n)
                abort();
    dns_free(dns);
    arena_fini(&mem);
    return 0;
}
