/*
 * Before the first fsync(): a file of its own costs no more than any other.
 */
#include "lmtp/deliver_edit.h"

#include "lmtp/deliver_plan.h"
#include "lmtp/deliver_trace.h"

#include <string.h>

#define MAX_HEADER_BYTES                                                                           \
    ((size_t)20 << 20) /* more than max-header-size and all that can be added */

or_status
deliver_edit_format(const struct header_block *header, struct buf *out)
{
    for (size_t i = 0; i < header->count; i++) {
        /* RFC 5321 4.4: at most one Return-Path, which is ours. */
        if (span_equal_nocase_cstr(header->fields[i].name, "Return-Path"))
            continue;
        buf_add_span(out, header->fields[i].raw);
        buf_add_char(out, '\n');
    }
    buf_add_char(out, '\n');
    return buf_finish(out);
}

uint64_t
deliver_edit_body_at(const struct deliver *d, const struct spool *source)
{
    return source->prologue_bytes + (message_head_needs_separator(&d->head) ? 1 : 0) +
           message_head_kept_bytes(&d->head);
}

/* Room for one spool more. */
static bool
make_room(struct deliver *d)
{
    size_t room = 2 * d->spool_room + 2;

    if (d->spool_count < d->spool_room)
        return true;
    struct spool *spools = arena_alloc_array(d->mem, room, sizeof(*spools));
    struct deliver_target **leaders =
        arena_alloc_array(d->mem, room, sizeof(struct deliver_target *));
    size_t *members = arena_alloc_array(d->mem, room, sizeof(*members));
    if (spools == NULL || leaders == NULL || members == NULL)
        return false;
    memcpy(spools, d->spools, d->spool_count * sizeof(*spools));
    memcpy(leaders, d->leaders, d->spool_count * sizeof(struct deliver_target *));
    memcpy(members, d->members, d->spool_count * sizeof(*members));
    d->spools = spools;
    d->leaders = leaders;
    d->members = members;
    d->spool_room = room;
    return true;
}

static void
write_spool(struct deliver *d, struct spool *s, const struct deliver_target *place,
            const struct header_block *header)
{
    const struct spool *source = &d->spools[place->source];
    struct buf text;

    buf_init(&text, MAX_HEADER_BYTES);
    deliver_trace_prologue(d, &text, place->recipient);
    spool_write(s, buf_span(&text));
    s->prologue_bytes = s->file_bytes;
    buf_reset(&text);
    if (s->status == OR_OK && deliver_edit_format(header, &text) != OR_OK)
        s->status = err_set(&s->fault.err, OR_LIMIT, "the edited header is too large");
    spool_write(s, buf_span(&text));
    spool_append(s, source, deliver_edit_body_at(d, source));
    buf_fini(&text);
}

void
deliver_edit_place(struct deliver *d, struct deliver_target *place,
                   const struct header_block *header)
{
    const struct maildir_name name = deliver_next_name(d);
    struct maildir_fault no_memory = {.err = {"no memory left for this transaction"}};

    if (place->reply.code != 0 || d->spools[place->source].status != OR_OK)
        return;
    if (!make_room(d)) {
        deliver_plan_fail(d, place, &no_memory);
        return;
    }
    size_t i = d->spool_count++;
    struct spool *s = &d->spools[i];
    d->members[place->spool]--;
    place->spool = i;
    d->members[i] = 1;
    d->leaders[i] = place;
    spool_open(s, &place->box, &name);
    write_spool(d, s, place, header);
    if (s->status != OR_OK)
        deliver_plan_fail(d, place, &s->fault);
}
