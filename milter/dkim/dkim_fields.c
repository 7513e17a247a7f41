/*
 * A short list without repetition, in the order in which it was made. Names compare without case.
 */
#include "milter/dkim/dkim_fields.h"

#include <assert.h>
#include <string.h>

/* f->count when it is not there. */
static size_t
find(const struct dkim_fields *f, struct span name)
{
    size_t at = 0;

    while (at < f->count && !span_equal_nocase(f->items[at].name, name))
        at++;
    return at;
}

bool
dkim_fields_is_name(struct span name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':' || name.p[i] == ';')
            return false;
    return name.n != 0;
}

or_status
dkim_fields_add(struct dkim_fields *f, struct span name, struct err *e)
{
    if (!dkim_fields_is_name(name))
        return err_set(e, OR_MALFORMED, "\"%.*s\" is not a field's name", SPAN_ARG(name));
    if (find(f, name) != f->count)
        return OR_OK;
    if (f->count == DKIM_FIELDS_MAX)
        return err_set(e, OR_LIMIT, "more than %d fields", DKIM_FIELDS_MAX);
    f->items[f->count].oversigned = false;
    f->items[f->count++].name = name;
    return OR_OK;
}

void
dkim_fields_oversign(struct dkim_fields *f, struct span name)
{
    size_t at = find(f, name);

    if (at != f->count)
        f->items[at].oversigned = true;
}

void
dkim_fields_remove(struct dkim_fields *f, struct span name)
{
    size_t at = find(f, name);

    if (at == f->count)
        return;
    f->count--;
    memmove(&f->items[at], &f->items[at + 1], (f->count - at) * sizeof(f->items[0]));
}

bool
dkim_fields_has(const struct dkim_fields *f, struct span name)
{
    return find(f, name) != f->count;
}

void
dkim_fields_init_default(struct dkim_fields *f)
{
    struct span signed_names = SPAN_LIT(DKIM_FIELDS_SIGNED), name;
    struct span oversigned_names = SPAN_LIT(DKIM_FIELDS_OVERSIGNED);

    f->count = 0;
    while (span_split(&signed_names, ',', &name)) {
        or_status st = dkim_fields_add(f, name, NULL);
        assert(st == OR_OK);
        (void)st;
    }
    while (span_split(&oversigned_names, ',', &name))
        dkim_fields_oversign(f, name);
}
