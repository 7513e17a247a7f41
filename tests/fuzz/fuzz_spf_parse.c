/* Any bytes as an SPF record. What is accepted keeps the promises of spf_parse.h. */
#include "policyd/spf/spf_macro.h"
#include "policyd/spf/spf_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_target(struct span target)
{
    if (spf_macro_check(target, SPF_MACRO_TERM, NULL) != OR_OK)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem;
    struct spf_record record;
    struct err e;

    arena_init(&mem, (size_t)1 << 20);
    if (spf_parse(span_make((const char *)data, size), &mem, &record, &e) == OR_OK) {
        check_target(record.redirect);
        check_target(record.explanation);
        for (size_t i = 0; i < record.count; i++) {
            check_target(record.terms[i].target);
            if (record.terms[i].text.n == 0 || record.terms[i].prefix4 > 32 ||
                record.terms[i].prefix6 > 128)
                abort();
        }
    }
    arena_fini(&mem);
    return 0;
}
