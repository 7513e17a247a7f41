/* Addresses and blocks: what parses must format to a text that parses to the same. */
#include "common/text/ip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span s = span_make((const char *)data, size);
    char text[IP_TEXT_BYTES], reverse[IP_REVERSE_BYTES];
    struct ip ip, again;
    struct cidr block;
    struct err e;

    if (ip_parse(s, &ip) == OR_OK) {
        ip_format(&ip, text);
        ip_reverse(&ip, reverse);
        if (ip_parse(span_cstr(text), &again) != OR_OK || !ip_equal(&ip, &again))
            abort();
    }
    if (cidr_parse(s, &block, &e) == OR_OK && !cidr_contains(&block, &block.base))
        abort();
    return 0;
}
