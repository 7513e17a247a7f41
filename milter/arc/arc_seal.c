/*
 * Sealing: results, then the message signature, then the seal over all sets.
 */
#include "milter/arc/arc_seal.h"

or_status
arc_seal_start(struct arc_seal *s, struct dkim_message *m, const struct arc_chain *chain,
               const struct arc_seal_settings *settings, struct err *e)
{
    const struct dkim_sign_settings sign = {
        .header_canon = DKIM_RELAXED,
        .body_canon = DKIM_RELAXED,
        .now = settings->now,
        .arc_instance = chain->count + 1,
        .names = settings->names,
        .name_count = settings->name_count,
    };

    s->sign.header = NULL;
    s->chain = chain;
    s->settings = *settings;
    if (arc_set_is_closed(chain))
        return err_set(e, OR_ABSENT, "the newest seal says cv=fail: the chain ends there");
    if (chain->count == ARC_MAX_SETS)
        return err_set(e, OR_ABSENT, "the chain has %d sets, the most there may be", ARC_MAX_SETS);
    return dkim_sign_start(&s->sign, m, &sign, e);
}

static or_status
format_results(struct arc_seal *s, struct span results, struct span *value_out, struct err *e)
{
    struct buf value;

    buf_init(&value, DKIM_SIGN_MAX_VALUE_BYTES);
    buf_addf(&value, " i=%u; ", s->chain->count + 1);
    buf_add_span(&value, span_trim(results));
    or_status st = results.n <= ARC_SEAL_MAX_RESULTS_BYTES ? buf_finish(&value) : OR_LIMIT;
    if (st == OR_OK)
        st = arena_copy(s->sign.message->mem, buf_span(&value), value_out);
    buf_fini(&value);
    return st == OR_OK ? OR_OK : err_set(e, st, "no room for ARC-Authentication-Results");
}

/* The sets that were there before. */
static or_status
hash_chain(struct arc_seal *s, struct dkim_digest *digest)
{
    or_status st = OR_OK;

    for (unsigned i = 0; i < s->chain->count; i++)
        for (int field = 0; field < ARC_FIELDS && st == OR_OK; field++)
            st = dkim_message_hash_field(s->sign.message, DKIM_RELAXED,
                                         s->chain->sets[i].fields[field], digest);
    return st;
}

static or_status
hash_new_field(struct arc_seal *s, enum arc_field field, struct span value,
               struct dkim_digest *digest)
{
    or_status st = dkim_sign_hash_field(DKIM_RELAXED, arc_field_name(field), value,
                                        s->sign.message->mem, digest);

    dkim_digest_update(digest, "\r\n", 2);
    return st;
}

static or_status
make_seal(struct arc_seal *s, enum arc_result status, struct arc_seal_set *set, struct err *e)
{
    struct dkim_sig sig = {
        .kind = DKIM_SIG_OF_ARC_SEAL,
        .header_canon = DKIM_RELAXED,
        .domain = s->settings.domain,
        .selector = s->settings.selector,
        .has_time = true,
        .time_s = (uint64_t)s->settings.now,
        .instance = s->chain->count + 1,
        .chain = span_cstr(arc_result_name(status)),
    };
    struct dkim_digest *covered = dkim_digest_new();
    struct dkim_sign_field field = {
        .sig = &sig, .covered = covered, .key = s->settings.key, .mem = s->sign.message->mem};
    /* RFC 8617 5.1.2: of a broken chain nothing is vouched for. */
    or_status st = status == ARC_PASS ? hash_chain(s, covered) : OR_OK;

    for (int i = 0; i < ARC_FIELD_SEAL && st == OR_OK; i++)
        st = hash_new_field(s, (enum arc_field)i, set->values[i], covered);
    if (st == OR_OK)
        st = dkim_sign_field_value(&field, &set->values[ARC_FIELD_SEAL], e);
    else
        st = err_set(e, st, "no memory left for the seal");
    dkim_digest_free(covered);
    return st;
}

or_status
arc_seal_values(struct arc_seal *s, enum arc_result status, struct span results,
                struct arc_seal_set *set_out, struct err *e)
{
    struct arc_seal_set set;
    or_status st = format_results(s, results, &set.values[ARC_FIELD_RESULTS], e);

    if (st == OR_OK)
        st = dkim_sign_value(&s->sign, s->settings.key, s->settings.domain, s->settings.selector,
                             &set.values[ARC_FIELD_MESSAGE], e);
    if (st == OR_OK)
        st = make_seal(s, status, &set, e);
    if (st == OR_OK)
        *set_out = set;
    return st;
}

void
arc_seal_fini(struct arc_seal *s)
{
    dkim_sign_fini(&s->sign);
}
