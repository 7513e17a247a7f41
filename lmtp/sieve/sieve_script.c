/* The text is copied into the arena first: identifiers and tags are views into it. */
#include "lmtp/sieve/sieve_script.h"

#include "common/base/xalloc.h"
#include "common/text/pattern.h"
#include "lmtp/sieve/sieve_parser.h"

#include <stdlib.h>

static or_status
compile(struct sieve_script *s, const char *name, struct span text, const struct sieve_offer *offer,
        struct err *e)
{
    struct sieve_check check = {.name = name, .mem = &s->mem, .may_require = true, .e = e};
    struct span copy;

    if (text.n > SIEVE_MAX_SCRIPT_BYTES || arena_copy(&s->mem, text, &copy) != OR_OK)
        return err_set(e, OR_LIMIT, "%s:1:1: expected a script of at most %zu bytes", name,
                       SIEVE_MAX_SCRIPT_BYTES);
    if (offer != NULL) {
        check.unavailable = offer->unavailable;
        check.no_redirect = offer->no_redirect;
    }
    or_status st = sieve_parser_run(name, copy, &s->mem, &s->first, e);
    if (st == OR_OK)
        st = sieve_check_run(&check, s->first);
    s->required = check.required;
    s->declared = check.declared;
    s->patterns = check.patterns;
    return st;
}

or_status
sieve_script_compile(const char *name, struct span text, const struct sieve_offer *offer,
                     struct sieve_script **script_out, struct err *e)
{
    struct sieve_script *s = xcalloc(1, sizeof(*s));

    arena_init(&s->mem, SIEVE_MAX_SCRIPT_MEMORY);
    or_status st = compile(s, name, text, offer, e);
    if (st == OR_OK)
        *script_out = s;
    else
        sieve_script_free(s);
    return st;
}

void
sieve_script_free(struct sieve_script *script)
{
    if (script == NULL)
        return;
    for (struct sieve_patterns *set = script->patterns; set != NULL; set = set->next)
        for (size_t i = 0; i < set->count; i++)
            pattern_free(set->items[i]);
    arena_fini(&script->mem);
    free(script);
}
