/*
 * Access rules: the first line is HELO, sender and recipient of a request, the rest the file. What
 * parses is asked.
 */
#include "policyd/access_rules.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make((const char *)data, size), line, helo, local, domain;
    struct access_rules *rules;
    struct access_answer answer;
    struct arena mem;
    struct err e;

    if (!span_split(&rest, '\n', &line) || !span_split(&line, ' ', &helo) ||
        !span_split(&line, '@', &local))
        return 0;
    domain = line;
    if (access_rules_parse(rest, &rules, &e) != OR_OK)
        return 0;
    const struct access_facts facts = {
        .client = {.family = 2, .bytes = {192, 0, 2, 1}},
        .client_name = helo,
        .helo = helo,
        .sasl_user = local,
        .sender_local = local,
        .sender_domain = domain,
        .recipient_local = helo,
        .recipient_domain = domain,
    };
    arena_init(&mem, 65536);
    if (access_rules_find(rules, &facts, &mem, &answer) == OR_OK &&
        (answer.line == 0 || access_action_name(answer.action) == NULL))
        abort();
    arena_fini(&mem);
    access_rules_free(rules);
    return 0;
}
