/* HELO names: the first line is the name, the second a name of ours. A finding holds its promise:
 * what is fine looks like a name or is the client's own address. */
#include "policyd/helo_name.h"

#include "common/base/xalloc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_finding(const struct helo_facts *f, enum helo_finding finding)
{
    bool bracket = f->name.n > 0 && f->name.p[0] == '[';

    if ((finding == HELO_NONE) != (f->name.n == 0))
        abort();
    if ((finding == HELO_FINE_LITERAL || finding == HELO_WRONG_LITERAL) && !bracket)
        abort();
    if (finding == HELO_FINE_NAME &&
        (bracket || !span_contains_byte(f->name, '.') || span_contains_byte(f->name, ' ')))
        abort();
    if (finding == HELO_NO_ADDRESS || finding == HELO_FINDINGS)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make((const char *)data, size), name, own;

    if (!span_split(&rest, '\n', &name))
        return 0;
    if (!span_split(&rest, '\n', &own) || span_contains_byte(own, '\0'))
        own = SPAN_EMPTY;
    char *ours = xmemdup0(own.p, own.n);
    const struct conf_list our_names = {.items = &ours, .count = 1};
    struct helo_facts facts = {
        .name = name, .hostname = "mx.home.example", .our_names = &our_names};

    if (ip_parse(SPAN_LIT("192.0.2.9"), &facts.client) != OR_OK ||
        ip_parse(SPAN_LIT("2001:db8::1"), &facts.server) != OR_OK)
        abort();
    check_finding(&facts, helo_name_judge(&facts));
    /* Nobody is himself and a stranger: our own name said by a client is found, however written. */
    facts.name = SPAN_LIT("MX.Home.Example.");
    if (helo_name_judge(&facts) != HELO_OUR_NAME)
        abort();
    free(ours);
    return 0;
}
