/*
 * One message: collects the envelope and the header, then decides whose it is. What the rest of the
 * milter does with it depends only on that decision.
 */
#include "milter/milter_message.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/text/addr.h"
#include "common/text/domain.h"
#include "common/text/header.h"
#include "milter/dkim/dkim_key.h"
#include "milter/milter_author.h"
#include "milter/milter_metrics.h"
#include "milter/milter_recipient.h"
#include "milter/milter_senders.h"

#include <string.h>

/* Per byte of header: the field itself, its relaxed form, and what is parsed out of it. */
#define ARENA_HEADER_FACTOR 4
#define ARENA_EXTRA_BYTES ((size_t)1 << 20)
#define LAST_LOOK_UP_MS 500 /* what is left for look-ups at the end, however long the body took */

void
milter_message_begin(struct milter_message *m, struct daemon *d, const struct milter_client *client)
{
    *m = (struct milter_message){
        .snapshot = daemon_snapshot_take(d),
        .client = client,
        .began_mono_ms = clock_mono_ms(),
    };
    m->settings = m->snapshot->settings;
    m->built = m->snapshot->built;
    arena_init(&m->mem,
               (size_t)m->settings->max_header_bytes * ARENA_HEADER_FACTOR + ARENA_EXTRA_BYTES);
    dkim_message_init(&m->dkim, &m->mem);
}

void
milter_message_end(struct milter_message *m, struct daemon *d)
{
    if (m->sign != NULL)
        dkim_sign_fini(m->sign);
    if (m->seal != NULL)
        arc_seal_fini(m->seal);
    dkim_message_fini(&m->dkim);
    arena_fini(&m->mem);
    daemon_snapshot_drop(d, m->snapshot);
    m->snapshot = NULL;
}

or_status
milter_message_set_sender(struct milter_message *m, struct span path)
{
    struct buf text;
    struct addr sender;

    if (addr_parse_path(path, true, &m->mem, &sender, NULL, NULL) != OR_OK)
        return arena_copy(&m->mem, path, &m->sender);
    buf_init(&text, ADDR_MAX_BYTES);
    buf_add_span(&text, sender.local);
    if (!addr_is_null(&sender))
        buf_add_char(&text, '@');
    buf_add_span(&text, sender.domain);
    or_status st = buf_finish(&text);
    if (st == OR_OK)
        st = arena_copy(&m->mem, buf_span(&text), &m->sender);
    buf_fini(&text);
    return st;
}

void
milter_message_add_recipient(struct milter_message *m, struct span path)
{
    struct addr address;

    m->recipient_count++;
    if (!milter_recipient_parse(path, &m->mem, &address))
        return;
    bool elsewhere = milter_recipient_is_elsewhere(m->settings, &address);
    m->elsewhere = m->elsewhere || elsewhere;
    if (m->seal_rule == NULL && (elsewhere || m->settings->arc_seal == MILTER_ARC_SEAL_ALWAYS))
        m->seal_rule = milter_recipient_seal(m->settings, m->built->seals, &address);
}

void
milter_message_add_field(struct milter_message *m, struct span name, struct span value)
{
    m->header_bytes += name.n + value.n;
    if (m->header_bytes > (size_t)m->settings->max_header_bytes)
        m->too_large = true;
    if (!m->too_large && dkim_message_add_header(&m->dkim, name, value, NULL) != OR_OK)
        m->too_large = true;
}

static bool
is_internal(const struct milter_message *m)
{
    const struct conf_cidrs *networks = &m->settings->internal_networks;

    for (size_t i = 0; i < networks->count; i++)
        if (cidr_contains(&networks->items[i], &m->client->ip))
            return true;
    return false;
}

/* From's keys, else by option those of Sender. */
static or_status
find_keys(struct milter_message *m, struct err *e)
{
    const struct milter_settings *settings = m->settings;
    struct milter_author author;
    struct err second;

    or_status st = milter_author_find(&m->dkim, &author, e);
    if (st != OR_OK)
        return st;
    st = dkim_signtable_find(m->built->signing, author.local, author.domain,
                             settings->sign_subdomains, &m->mem, &m->keys, e);
    if (st != OR_ABSENT || !settings->sender_fallback ||
        milter_author_find_sender(&m->dkim, &author, &second) != OR_OK)
        return st;
    return dkim_signtable_find(m->built->signing, author.local, author.domain,
                               settings->sign_subdomains, &m->mem, &m->keys, &second) == OR_OK
               ? OR_OK
               : st;
}

/* A signature says that the author's domain stands for the message: not for a From that the user
 * has no right to. */
static or_status
check_sender(struct milter_message *m, struct err *e)
{
    if (!m->settings->require_sender_match || m->login.n == 0)
        return OR_OK;
    or_status st = milter_senders_check(m->settings, &m->dkim, m->login, e);
    if (st != OR_OK && st != OR_ABSENT && st != OR_MALFORMED) {
        m->no_senders = true;
        log_error("%.*s: %s", SPAN_ARG(m->queue_id), e->text);
    }
    return st;
}

/* OR_OK with m->sign set, or why this message is not signed. */
static or_status
prepare_signing(struct milter_message *m, struct err *e)
{
    static const enum dkim_canon canons[][2] = {
        [MILTER_CANON_RELAXED_RELAXED] = {DKIM_RELAXED, DKIM_RELAXED},
        [MILTER_CANON_RELAXED_SIMPLE] = {DKIM_RELAXED, DKIM_SIMPLE},
        [MILTER_CANON_SIMPLE_RELAXED] = {DKIM_SIMPLE, DKIM_RELAXED},
        [MILTER_CANON_SIMPLE_SIMPLE] = {DKIM_SIMPLE, DKIM_SIMPLE},
    };
    const struct dkim_sign_settings settings = {
        .header_canon = canons[m->settings->canonicalization][0],
        .body_canon = canons[m->settings->canonicalization][1],
        .now = clock_now(),
        .omit_time = !m->settings->signature_time,
        .lifetime_s = (uint32_t)(m->settings->signature_lifetime_ms / 1000),
        .fields = &m->built->fields,
    };

    or_status st = find_keys(m, e);
    if (st == OR_OK)
        st = check_sender(m, e);
    if (st != OR_OK)
        return st;
    struct dkim_sign *sign = arena_alloc(&m->mem, sizeof(*sign));
    if (sign == NULL)
        return err_set(e, OR_LIMIT, "header too large");
    st = dkim_sign_start(sign, &m->dkim, &settings, e);
    if (st == OR_OK)
        m->sign = sign;
    else
        dkim_sign_fini(sign);
    return st;
}

/* The look-ups share the deadline of those for DKIM. */
static struct arc_verify_settings
arc_settings(const struct milter_message *m)
{
    return (struct arc_verify_settings){
        .now = m->verify_settings.now,
        .deadline_mono_ms = m->verify_settings.deadline_mono_ms,
        .keys = m->built->public_keys,
    };
}

static or_status
prepare_arc(struct milter_message *m, struct err *e)
{
    const struct arc_verify_settings settings = arc_settings(m);

    if (!m->settings->arc_verify)
        return OR_OK;
    m->arc = arena_alloc(&m->mem, sizeof(*m->arc));
    if (m->arc == NULL)
        return err_set(e, OR_LIMIT, "header too large");
    return arc_verify_begin(m->arc, &m->dkim, &settings, e);
}

/* A message that cannot be sealed is passed on without. */
static void
prepare_seal(struct milter_message *m)
{
    const struct dkim_keytable_row *row =
        milter_build_seal_key(m->built, m->settings, m->seal_rule);

    m->seal_key = row;
    if (row == NULL) {
        if (m->seal_rule != NULL)
            err_set(&m->not_sealed, OR_ABSENT, "seal \"%.100s\" says never",
                    m->seal_rule->head.title);
        return;
    }
    if (m->settings->arc_seal == MILTER_ARC_SEAL_FORWARDED && !m->elsewhere) {
        /* Its connection is older than the configuration. */
        if (m->recipient_count == 0)
            err_set(&m->not_sealed, OR_ABSENT, "the recipients are not known");
        return;
    }
    const struct arc_seal_settings settings = {
        .now = m->verify_settings.now,
        .domain = span_cstr(row->domain),
        .selector = span_cstr(row->selector),
        .key = row->key,
    };
    struct arc_seal *seal = arena_alloc(&m->mem, sizeof(*seal));
    if (seal == NULL)
        err_set(&m->not_sealed, OR_LIMIT, "header too large");
    else if (arc_seal_start(seal, &m->dkim, &m->arc->chain, &settings, &m->not_sealed) == OR_OK)
        m->seal = seal;
}

static or_status
prepare_dkim(struct milter_message *m, struct err *e)
{
    if (m->relayed.has_dkim)
        return OR_OK;
    return dkim_verify_begin(&m->verify, &m->dkim, &m->verify_settings, e);
}

static void
ask_ahead(struct milter_message *m, struct milter_prefetch *prefetch,
          const struct dkim_verify_item *item)
{
    const char *name;

    if (item != NULL && dkim_verify_needs_key(item) &&
        (name = dkim_key_name(&item->sig, &m->mem)) != NULL)
        milter_prefetch_txt(prefetch, m->built->dns, name, m->verify_settings.deadline_mono_ms);
}

/* Of an ARC chain only what is always looked up: nobody gets more questions out of us than he has
 * valid seals (arc_verify.h). */
static void
ask_for_keys(struct milter_message *m, struct milter_prefetch *prefetch)
{
    for (size_t i = 0; i < m->verify.count; i++)
        ask_ahead(m, prefetch, &m->verify.items[i]);
    if (m->arc != NULL && m->arc->sets != NULL) {
        ask_ahead(m, prefetch, m->arc->sets[m->arc->chain.count - 1].message);
        ask_ahead(m, prefetch, m->arc->sets[m->arc->chain.count - 1].seal);
    }
}

static void
prepare_verifying(struct milter_message *m, struct milter_prefetch *prefetch)
{
    struct err e;

    m->verify_settings = (struct dkim_verify_settings){
        .keys = m->built->public_keys,
        .max_signatures = (size_t)m->settings->max_signatures,
        .now = clock_now(),
        .deadline_mono_ms = clock_mono_ms() + m->settings->verify_timeout_ms,
        .max_rsa_bits = (unsigned)m->settings->max_rsa_bits,
        .clock_skew_s = (uint32_t)(m->settings->clock_skew_ms / 1000),
        .accept_length = m->settings->length_tag == MILTER_LENGTH_ACCEPT,
        .strict_singletons = m->settings->singleton_headers == MILTER_SINGLETONS_POLICY,
    };
    if (milter_relayed_is_relay(m->settings, &m->client->ip))
        milter_relayed_read(&m->relayed, m->settings, &m->dkim, m->sender.n == 0, &m->verify);
    if (prepare_dkim(m, &e) != OR_OK || prepare_arc(m, &e) != OR_OK)
        m->too_large = true; /* only the arena's ceiling fails here */
    else
        prepare_seal(m);
    if (!m->too_large && prefetch != NULL)
        ask_for_keys(m, prefetch);
}

void
milter_message_check_keys(struct milter_message *m)
{
    int64_t at_least = clock_mono_ms() + LAST_LOOK_UP_MS;

    /* A body that took long has used up the time in which the answers came, and they may have
     * expired since (TTL 0). */
    if (m->verify_settings.deadline_mono_ms < at_least)
        m->verify_settings.deadline_mono_ms = at_least;
    if (!m->relayed.has_dkim)
        dkim_verify_keys(&m->verify, &m->dkim, &m->verify_settings, m->built->dns);
    if (m->arc != NULL) {
        const struct arc_verify_settings settings = arc_settings(m);

        arc_verify_keys(m->arc, &m->dkim, &settings, m->built->dns);
    }
}

void
milter_message_end_of_header(struct milter_message *m, struct milter_prefetch *prefetch)
{
    /* What a relay passes on is not ours to sign, though its address be one of our own. */
    m->originating = m->originating || m->login.n != 0 ||
                     (is_internal(m) && !milter_relayed_is_relay(m->settings, &m->client->ip));
    if (m->too_large)
        return;
    if (!m->originating) {
        prepare_verifying(m, prefetch);
        return;
    }
    or_status st = prepare_signing(m, &m->not_signed);
    if (st == OR_OK)
        return;
    m->sign = NULL;
    milter_metrics_not_signed(st);
}

void
milter_message_body(struct milter_message *m, struct span bytes)
{
    if (!m->too_large)
        dkim_message_add_body(&m->dkim, bytes);
}
