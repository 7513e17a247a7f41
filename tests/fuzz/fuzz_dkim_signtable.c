/*
 * Signing rules: lines "PATTERN", then an empty line, then addresses that are looked up. Without
 * keys: what is looked for is which rule counts.
 */
#include "milter/dkim/dkim_signtable.h"

#include "common/text/domain.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RULES 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_up(const struct dkim_signtable *table, struct span address)
{
    struct dkim_signkeys keys;
    struct span domain;
    struct arena mem;
    struct err e = {""};
    size_t at = span_rfind(address, '@');

    arena_init(&mem, 1 << 20);
    if (domain_canonical(span_from(address, at + 1), &mem, &domain, NULL) == OR_OK &&
        (dkim_signtable_find(table, span_slice(address, 0, at), domain, true, &mem, &keys, &e) !=
             OR_ABSENT ||
         e.text[0] == '\0'))
        abort(); /* there are no keys, and a reason is always given */
    arena_fini(&mem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make((const char *)data, size), line;
    struct dkim_signrule rules[MAX_RULES];
    char *patterns[MAX_RULES];
    struct dkim_signtable *table = NULL;
    size_t count = 0;

    while (span_split(&rest, '\n', &line) && line.n != 0 && count < MAX_RULES) {
        patterns[count] = strndup(line.p, line.n);
        rules[count] = (struct dkim_signrule){.pattern = patterns[count], .never = count % 2 == 0};
        count++;
    }
    if (dkim_signtable_new(rules, count, NULL, &table, NULL) == OR_OK)
        while (rest.p != NULL && span_split(&rest, '\n', &line))
            look_up(table, span_slice(line, 0, 1000));
    dkim_signtable_free(table);
    for (size_t i = 0; i < count; i++)
        free(patterns[i]);
    return 0;
}
