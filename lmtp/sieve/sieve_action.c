/* Deep copies. */
#include "lmtp/sieve/sieve_action.h"

static or_status
copy_spans(struct span **spans, size_t count, struct arena *mem)
{
    or_status st = OR_OK;

    for (size_t i = 0; i < count && st == OR_OK; i++)
        st = arena_copy(mem, *spans[i], spans[i]);
    return st;
}

static or_status
copy_vacation(const struct sieve_vacation *from, struct arena *mem,
              const struct sieve_vacation **copy_out)
{
    struct sieve_vacation *v = arena_alloc(mem, sizeof(*v));
    struct span *addresses = arena_alloc_array(mem, from->address_count, sizeof(*addresses));

    if (v == NULL || addresses == NULL)
        return OR_LIMIT;
    *v = *from;
    v->addresses = addresses;
    *copy_out = v;
    struct span *spans[] = {&v->subject, &v->from, &v->handle, &v->fcc.folder, &v->fcc.flags};
    or_status st = copy_spans(spans, sizeof(spans) / sizeof(spans[0]), mem);
    for (size_t i = 0; i < v->address_count && st == OR_OK; i++)
        st = arena_copy(mem, from->addresses[i], &addresses[i]);
    return st;
}

static or_status
copy_notification(const struct sieve_notification *from, struct arena *mem,
                  const struct sieve_notification **copy_out)
{
    struct sieve_notification *n = arena_alloc(mem, sizeof(*n));
    or_status st = OR_OK;

    if (n == NULL)
        return OR_LIMIT;
    *n = *from;
    *copy_out = n;
    for (size_t i = 0; i < n->count && st == OR_OK; i++)
        st = arena_copy(mem, from->to[i].address, &n->to[i].address);
    struct span *spans[] = {&n->subject, &n->body,       &n->from,
                            &n->message, &n->fcc.folder, &n->fcc.flags};
    return st == OR_OK ? copy_spans(spans, sizeof(spans) / sizeof(spans[0]), mem) : st;
}

or_status
sieve_action_copy(const struct sieve_action *action, struct arena *mem,
                  struct sieve_action *copy_out)
{
    *copy_out = *action;
    struct span *spans[] = {&copy_out->target, &copy_out->flags};
    or_status st = copy_spans(spans, sizeof(spans) / sizeof(spans[0]), mem);
    if (st == OR_OK && action->vacation != NULL)
        st = copy_vacation(action->vacation, mem, &copy_out->vacation);
    if (st == OR_OK && action->notification != NULL)
        st = copy_notification(action->notification, mem, &copy_out->notification);
    return st;
}

or_status
sieve_action_copy_header(const struct header_block *header, struct arena *mem,
                         const struct header_block **copy_out)
{
    struct header_block *copy = arena_alloc(mem, sizeof(*copy));
    struct header_field *fields =
        arena_alloc_array(mem, header->count + 1, sizeof(struct header_field));

    if (copy == NULL || fields == NULL)
        return OR_LIMIT;
    *copy = *header;
    copy->fields = fields;
    for (size_t i = 0; i < header->count; i++) {
        const struct header_field *from = &header->fields[i];
        struct span raw = SPAN_EMPTY;

        if (arena_copy(mem, from->raw, &raw) != OR_OK)
            return OR_LIMIT;
        fields[i] = (struct header_field){
            .name = span_slice(raw, 0, from->name.n),
            .value = span_from(raw, (size_t)(from->value.p - from->raw.p)),
            .raw = raw,
        };
    }
    *copy_out = copy;
    return OR_OK;
}
