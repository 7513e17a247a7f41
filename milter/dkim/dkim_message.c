/*
 * Header fields and body hashes of one message. Decides which fields a signature's h= means.
 */
#include "milter/dkim/dkim_message.h"

#include "common/text/header.h"

#include <assert.h>
#include <string.h>

#define FIRST_ROOM 32u

/* FNV-1a without case: only to skip most comparisons, collisions do no harm. */
static uint32_t
hash_name(struct span name)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];

        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
    }
    return h;
}

void
dkim_message_init(struct dkim_message *m, struct arena *mem)
{
    *m = (struct dkim_message){.mem = mem};
}

void
dkim_message_fini(struct dkim_message *m)
{
    for (size_t i = 0; i < m->hash_count; i++)
        dkim_digest_free(m->hashes[i].digest);
    m->hash_count = 0;
    m->field_count = 0;
}

static or_status
make_room(struct dkim_message *m)
{
    if (m->field_count < m->field_room)
        return OR_OK;
    if (m->field_count >= DKIM_MESSAGE_MAX_FIELDS)
        return OR_LIMIT;
    size_t room = m->field_room == 0 ? FIRST_ROOM : m->field_room * 2;
    if (room > DKIM_MESSAGE_MAX_FIELDS)
        room = DKIM_MESSAGE_MAX_FIELDS;
    struct dkim_field *fields = arena_alloc_array(m->mem, room, sizeof(*fields));
    if (fields == NULL)
        return OR_LIMIT;
    if (m->field_count != 0)
        memcpy(fields, m->fields, m->field_count * sizeof(*fields));
    m->fields = fields;
    m->field_room = room;
    return OR_OK;
}

static size_t
count_lfs(struct span value)
{
    size_t count = 0;

    for (size_t at = span_find(value, '\n'); at < value.n;
         at += 1 + span_find(span_from(value, at + 1), '\n'))
        count++;
    return count;
}

/* "Name:value\r\n" with CRLF folds. `out` has room. */
static size_t
write_raw(char *out, struct span name, struct span value)
{
    size_t n = name.n;

    memcpy(out, name.p, n);
    out[n++] = ':';
    for (size_t at = 0; at < value.n; at++) {
        size_t line = span_find(span_from(value, at), '\n');

        memcpy(out + n, value.p + at, line);
        n += line;
        at += line;
        if (at == value.n)
            break;
        if (at == 0 || value.p[at - 1] != '\r')
            out[n++] = '\r';
        out[n++] = '\n';
    }
    out[n++] = '\r';
    out[n++] = '\n';
    return n;
}

or_status
dkim_message_add_header(struct dkim_message *m, struct span name, struct span value, struct err *e)
{
    if (make_room(m) != OR_OK)
        return err_set(e, OR_LIMIT, "more than %zu header fields", m->field_count);
    char *raw = arena_alloc(m->mem, name.n + value.n + count_lfs(value) + 3);
    if (raw == NULL)
        return err_set(e, OR_LIMIT, "the header is too large");
    size_t n = write_raw(raw, name, value);
    struct dkim_field *field = &m->fields[m->field_count++];
    *field = (struct dkim_field){
        .raw = span_make(raw, n),
        .name = span_trim(span_make(raw, name.n)),
        .value = span_make(raw + name.n + 1, n - name.n - 3),
    };
    field->name_hash = hash_name(field->name);
    return OR_OK;
}

or_status
dkim_message_add_text(struct dkim_message *m, struct span message, struct span *body_out,
                      struct err *e)
{
    struct header_block block = {0};
    or_status st = header_parse(message, m->mem, &block, e);

    for (size_t i = 0; i < block.count && st == OR_OK; i++) {
        const struct header_field *field = &block.fields[i];
        size_t colon = (size_t)(field->value.p - field->raw.p) - 1;

        st = dkim_message_add_header(m, span_slice(field->raw, 0, colon), field->value, e);
    }
    if (st == OR_OK)
        *body_out = span_from(message, block.body_offset);
    return st;
}

static bool
is_named(const struct dkim_field *field, struct span name, uint32_t name_hash)
{
    return field->name_hash == name_hash && span_equal_nocase(field->name, name);
}

size_t
dkim_message_count(const struct dkim_message *m, struct span name)
{
    uint32_t name_hash = hash_name(name);
    size_t count = 0;

    for (size_t i = 0; i < m->field_count; i++)
        count += is_named(&m->fields[i], name, name_hash);
    return count;
}

/* RFC 6376 5.4.2: from the bottom up; NULL when all fields of that name are used up. */
static struct dkim_field *
take_field(struct dkim_message *m, struct span name)
{
    uint32_t name_hash = hash_name(name);

    for (size_t i = m->field_count; i-- > 0;) {
        struct dkim_field *field = &m->fields[i];

        if (field->taken_by == m->selections || !is_named(field, name, name_hash))
            continue;
        field->taken_by = m->selections;
        return field;
    }
    return NULL;
}

static or_status
canonical_field(struct dkim_message *m, enum dkim_canon canon, struct dkim_field *field,
                struct span *canonical_out)
{
    if (canon == DKIM_RELAXED && field->relaxed.p == NULL) {
        or_status st = dkim_canon_field(DKIM_RELAXED, field->raw, m->mem, &field->relaxed);
        if (st != OR_OK)
            return st;
    }
    *canonical_out = canon == DKIM_RELAXED ? field->relaxed : field->raw;
    return OR_OK;
}

or_status
dkim_message_hash_field(struct dkim_message *m, enum dkim_canon canon, size_t index,
                        struct dkim_digest *digest)
{
    struct span canonical;
    or_status st = canonical_field(m, canon, &m->fields[index], &canonical);

    if (st == OR_OK)
        dkim_digest_update(digest, canonical.p, canonical.n);
    return st;
}

or_status
dkim_message_hash_fields(struct dkim_message *m, enum dkim_canon canon, const struct span *names,
                         size_t name_count, size_t own, struct dkim_digest *digest)
{
    m->selections++;
    if (own != DKIM_NO_FIELD)
        m->fields[own].taken_by = m->selections;
    for (size_t i = 0; i < name_count; i++) {
        struct dkim_field *field = take_field(m, names[i]);

        /* A name without a field hashes nothing: that is how adding one later is caught. */
        if (field == NULL)
            continue;
        or_status st = dkim_message_hash_field(m, canon, (size_t)(field - m->fields), digest);
        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

or_status
dkim_message_hash_own(enum dkim_canon canon, struct span raw, struct arena *mem,
                      struct dkim_digest *digest)
{
    struct span canonical;
    or_status st = dkim_canon_field(canon, raw, mem, &canonical);

    if (st == OR_OK)
        dkim_digest_update(digest, canonical.p, canonical.n - 2);
    return st;
}

/* Gets one canonical form of the body: each hash takes what its length still allows. */
static void
feed_hashes(void *ctx, const char *p, size_t n)
{
    struct dkim_body_feed *feed = ctx;
    struct dkim_message *m = feed->message;

    for (size_t i = 0; i < m->hash_count; i++) {
        struct dkim_body_hash *hash = &m->hashes[i];

        if (hash->canon != feed->canon.canon)
            continue;
        size_t take = n < hash->left ? n : (size_t)hash->left;
        hash->is_cut = hash->is_cut || take < n;
        dkim_digest_update(hash->digest, p, take);
        if (hash->length != DKIM_WHOLE_BODY)
            hash->left -= take;
    }
}

static or_status
want_feed(struct dkim_message *m, enum dkim_canon canon)
{
    if (m->feeds[canon] != NULL)
        return OR_OK;
    struct dkim_body_feed *feed = arena_alloc(m->mem, sizeof(*feed));
    if (feed == NULL)
        return OR_LIMIT;
    feed->message = m;
    dkim_canon_body_init(&feed->canon, canon, feed_hashes, feed);
    m->feeds[canon] = feed;
    return OR_OK;
}

or_status
dkim_message_want_body(struct dkim_message *m, enum dkim_canon canon, uint64_t length,
                       size_t *slot_out)
{
    for (size_t i = 0; i < m->hash_count; i++) {
        if (m->hashes[i].canon == canon && m->hashes[i].length == length) {
            *slot_out = i;
            return OR_OK;
        }
    }
    if (m->hash_count == DKIM_MESSAGE_MAX_BODY_HASHES || want_feed(m, canon) != OR_OK)
        return OR_LIMIT;
    *slot_out = m->hash_count;
    m->hashes[m->hash_count++] = (struct dkim_body_hash){
        .canon = canon, .length = length, .left = length, .digest = dkim_digest_new()};
    return OR_OK;
}

void
dkim_message_add_body(struct dkim_message *m, struct span chunk)
{
    for (size_t i = 0; i < 2; i++)
        if (m->feeds[i] != NULL)
            dkim_canon_body_update(&m->feeds[i]->canon, chunk);
}

void
dkim_message_finish_body(struct dkim_message *m)
{
    for (size_t i = 0; i < 2; i++)
        if (m->feeds[i] != NULL)
            dkim_canon_body_finish(&m->feeds[i]->canon);
    for (size_t i = 0; i < m->hash_count; i++)
        dkim_digest_final(m->hashes[i].digest, m->hashes[i].value);
}

const struct dkim_body_hash *
dkim_message_body_hash(const struct dkim_message *m, size_t slot)
{
    assert(slot < m->hash_count);
    return &m->hashes[slot];
}

bool
dkim_body_hash_is_short(const struct dkim_body_hash *hash)
{
    return hash->length != DKIM_WHOLE_BODY && hash->left != 0;
}

bool
dkim_body_hash_is_cut(const struct dkim_body_hash *hash)
{
    return hash->is_cut;
}
