/* What the defence reads that others write: bans in a shared store (the first line is the network),
 * lines of a country file. */
#include "authd/guard/country.h"
#include "authd/guard/guard_store.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data, size), rest = bytes, network;
    struct guard_ban ban;
    struct country_row row = {.code = ""};
    char text[GUARD_NETWORK_BYTES];
    struct cidr again;

    if (span_split(&rest, '\n', &network) && guard_store_parse(network, rest, &ban) == OR_OK) {
        /* What is shown is what is banned. */
        guard_network_format(&ban.network, text);
        if (cidr_parse(span_cstr(text), &again, NULL) != OR_OK ||
            again.prefix != ban.network.prefix || !ip_equal(&again.base, &ban.network.base) ||
            strlen(ban.reason) >= GUARD_REASON_BYTES)
            abort();
    }
    if (country_parse_line(bytes, &row, NULL) == OR_OK && row.network.prefix > 128)
        abort();
    return 0;
}
