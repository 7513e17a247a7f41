/* A DMARC record: whatever the text, policies are policies and URIs are mailto URIs within it. */
#include "policyd/dmarc/dmarc_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_uris(const struct dmarc_uris *uris)
{
    if (uris->count > DMARC_RECORD_MAX_URIS)
        abort();
    for (size_t i = 0; i < uris->count; i++) {
        if (!span_has_prefix_nocase(uris->items[i], SPAN_LIT("mailto:")) ||
            !span_contains_byte(uris->items[i], '@') || span_contains_byte(uris->items[i], '!'))
            abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dmarc_record record;
    struct arena mem;

    arena_init(&mem, 65536);
    if (dmarc_record_parse(span_make((const char *)data, size), &mem, &record) == OR_OK) {
        check_uris(&record.rua);
        check_uris(&record.ruf);
        if ((unsigned)record.p > DMARC_POLICY_REJECT || (unsigned)record.sp > DMARC_POLICY_REJECT ||
            (unsigned)record.np > DMARC_POLICY_REJECT || record.fo == 0 || record.fo > 15)
            abort();
        if (record.usable != DMARC_USABLE && (record.p || record.sp || record.np))
            abort();
    }
    arena_fini(&mem);
    return 0;
}
