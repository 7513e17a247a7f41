/*
 * From an address as Postfix asks it to an address as Postfix wants it.
 */
#include "policyd/map_srs.h"

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/text/addr.h"
#include "common/text/domain.h"
#include "policyd/srs/srs.h"
#include "policyd/srs_secrets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DAY_MS ((int64_t)86400 * 1000)
#define TOKEN_BYTES 15 /* 120 bits, 24 characters */
#define TOKEN_CHARS 24
/* All clients together, in clients: a flood from many addresses ends here. */
#define CLIENTS_AT_FULL_RATE 100
#define IPV4_NET 24
#define IPV6_NET 64

struct map_srs {
    struct srs_settings srs;
    struct srs_secrets secrets; /* what srs.secrets views */
    struct arena mem;           /* domains */
    struct span domain;
    struct span *local_domains; /* canonical; ".example.org": its subdomains */
    size_t local_domain_count;
    int64_t long_sender_limit; /* per client and day */
};

/* ---- from settings */

static or_status
canonical_local_domain(struct map_srs *m, const char *text, struct span *out, struct err *e)
{
    bool subdomains = text[0] == '.';
    struct span domain;
    or_status st = domain_canonical(span_cstr(text + subdomains), &m->mem, &domain, e);

    if (st != OR_OK)
        return err_wrap(e, OR_CONFIG, "srs-local-domains: \"%s\"", text);
    const char *whole = arena_printf(&m->mem, "%s%.*s", subdomains ? "." : "", SPAN_ARG(domain));
    if (whole == NULL)
        return err_set(e, OR_CONFIG, "srs-local-domains: too many domains");
    *out = span_cstr(whole);
    return OR_OK;
}

static or_status
read_domains(struct map_srs *m, const struct policyd_settings *set, struct err *e)
{
    const struct conf_list *list = &set->srs_local_domains;

    if (domain_canonical(span_cstr(set->srs_domain), &m->mem, &m->domain, e) != OR_OK)
        return err_wrap(e, OR_CONFIG, "srs-domain: \"%s\"", set->srs_domain);
    /* A $myhostname that somebody expected to be expanded would go into addresses. */
    if (!domain_is_hostname(m->domain))
        return err_set(e, OR_CONFIG, "srs-domain: \"%s\" is not a domain name", set->srs_domain);
    m->local_domains = arena_alloc_array(&m->mem, list->count, sizeof(*m->local_domains));
    if (m->local_domains == NULL)
        return err_set(e, OR_CONFIG, "srs-local-domains: too many domains");
    for (size_t i = 0; i < list->count; i++) {
        or_status st = canonical_local_domain(m, list->items[i], &m->local_domains[i], e);

        if (st != OR_OK)
            return st;
        m->local_domain_count++;
    }
    return OR_OK;
}

static or_status
fill(struct map_srs *m, const struct policyd_settings *set, struct err *e)
{
    static const char separators[] = {'=', '+', '-'};

    m->long_sender_limit = set->srs_long_sender_limit;
    m->srs = (struct srs_settings){
        .digest = set->srs_digest == POLICYD_SRS_SHA256 ? CRYPTO_SHA256 : CRYPTO_SHA1,
        .separator = separators[set->srs_separator],
        .plain_base64 = set->srs_alphabet == POLICYD_SRS_BASE64,
        .tag_chars = (size_t)set->srs_tag_length,
        .min_tag_chars = (size_t)set->srs_tag_min_length,
        .max_age_days = (unsigned)(set->srs_max_age_ms / DAY_MS),
    };
    or_status st = read_domains(m, set, e);
    if (st == OR_OK)
        st = srs_secrets_read(set->srs_secrets_file, &m->secrets, e);
    if (st != OR_OK)
        return st;
    m->srs.secret_count = m->secrets.count;
    memcpy(m->srs.secrets, m->secrets.items, sizeof(m->srs.secrets));
    return OR_OK;
}

or_status
map_srs_new(const struct policyd_settings *settings, struct map_srs **srs_out, struct err *e)
{
    *srs_out = NULL;
    if (settings->srs_domain == NULL || settings->srs_domain[0] == '\0')
        return OR_OK;
    struct map_srs *m = xcalloc(1, sizeof(*m));
    arena_init(&m->mem, 16 << 20);
    or_status st = fill(m, settings, e);
    if (st != OR_OK) {
        map_srs_free(m);
        return st;
    }
    *srs_out = m;
    return OR_OK;
}

void
map_srs_free(struct map_srs *srs)
{
    if (srs == NULL)
        return;
    srs_secrets_wipe(&srs->secrets);
    arena_fini(&srs->mem);
    free(srs);
}

/* ---- whose address it is */

static bool
is_local_domain(const struct map_srs *m, struct span domain)
{
    for (size_t i = 0; i < m->local_domain_count; i++) {
        struct span local = m->local_domains[i];
        bool subdomains = local.p[0] == '.';

        if (subdomains ? span_has_suffix_nocase(domain, local) : span_equal(domain, local))
            return true;
    }
    return false;
}

/* OR_ABSENT for what is no address with a domain: the null sender, a bare name, a literal. */
static or_status
parse_key(const struct map_srs_query *q, struct addr *address_out, struct span *domain_out)
{
    if (q->srs == NULL || addr_parse_path(q->key, true, q->mem, address_out, NULL, NULL) != OR_OK ||
        address_out->domain.n == 0 ||
        domain_canonical(address_out->domain, q->mem, domain_out, NULL) != OR_OK ||
        !domain_is_hostname(*domain_out))
        return OR_ABSENT;
    return OR_OK;
}

static void
log_refusal(const struct map_srs_query *q, const char *table, const char *reason)
{
    struct log_line line;

    log_line_start(&line, LOG_LEVEL_INFO, SPAN_EMPTY);
    log_line_add(&line, "table", span_cstr(table));
    log_line_add(&line, "address", q->key);
    log_line_add(&line, "reason", span_cstr(reason));
    log_line_end(&line);
}

/* ---- senders that are too long */

/* The same sender always gets the same key, so that a list's mail adds one and not thousands. */
static void
make_token(const struct map_srs *m, struct span address, char out[TOKEN_CHARS + 1])
{
    static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char mac[CRYPTO_DIGEST_MAX_BYTES];

    crypto_hmac(CRYPTO_SHA256, m->srs.secrets[0], address, mac);
    for (size_t i = 0; i < TOKEN_CHARS; i++) {
        size_t bit = i * 5, byte = bit / 8;
        unsigned two = (unsigned)mac[byte] << 8 | mac[byte + 1];

        out[i] = base32[two >> (11 - bit % 8) & 31];
    }
    out[TOKEN_CHARS] = '\0';
}

static const char *
store_key(struct arena *mem, struct span token)
{
    char *key = arena_printf(mem, "srs/%.*s", SPAN_ARG(token));

    for (char *c = key; c != NULL && *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    return key;
}

/* The client's share for today, and everybody's. */
static or_status
charge_client(const struct map_srs_query *q, struct err *e)
{
    struct kvstore_bucket buckets[2] = {
        {SPAN_LIT("srs-new/all"), q->srs->long_sender_limit * CLIENTS_AT_FULL_RATE, DAY_MS, 1}};
    char address[IP_TEXT_BYTES];
    struct kvstore_taken taken;
    struct ip client;
    size_t count = 1;

    if (q->senders != NULL && recent_senders_find(q->senders, q->key, &client)) {
        ip_mask(&client, client.family == AF_INET ? IPV4_NET : IPV6_NET);
        ip_format(&client, address);
        const char *key = arena_printf(q->mem, "srs-new/%s", address);
        if (key == NULL)
            return err_set(e, OR_LIMIT, "no memory left");
        buckets[count++] =
            (struct kvstore_bucket){span_cstr(key), q->srs->long_sender_limit, DAY_MS, 1};
    }
    or_status st = kvstore_take(q->store, buckets, count, (int64_t)q->now * 1000, &taken, e);
    if (st == OR_OK && !taken.granted)
        st = err_set(e, OR_LIMIT, "%s added srs-long-sender-limit long senders today",
                     taken.refused == 0 ? "all clients together" : address);
    return st;
}

/* The key for an address, made if it is new. */
static or_status
remember(const struct map_srs_query *q, struct span address, char token[TOKEN_CHARS + 1],
         struct err *e)
{
    int64_t ttl_s = ((int64_t)q->srs->srs.max_age_days + 1) * 86400;
    struct span known;

    if (q->store == NULL)
        return err_set(e, OR_TEMPFAIL, "there is no state store");
    make_token(q->srs, address, token);
    const char *key = store_key(q->mem, span_make(token, TOKEN_CHARS));
    if (key == NULL)
        return err_set(e, OR_LIMIT, "no memory left");
    or_status st = kvstore_get(q->store, span_cstr(key), q->mem, &known, e);
    if (st == OR_ABSENT)
        st = charge_client(q, e);
    /* Written again each time: the address must live as long as the newest mail from it. */
    return st == OR_OK ? kvstore_put(q->store, span_cstr(key), address, ttl_s, e) : st;
}

static or_status
forward_stored(const struct map_srs_query *q, const struct addr *sender, struct buf *local,
               struct err *e)
{
    char token[TOKEN_CHARS + 1];
    struct buf address;

    buf_init(&address, SRS_MAX_BYTES);
    addr_format(&address, sender);
    or_status st = buf_finish(&address);
    if (st == OR_OK)
        st = remember(q, buf_span(&address), token, e);
    buf_fini(&address);
    if (st != OR_OK)
        return st;
    buf_reset(local);
    return srs_forward(&q->srs->srs, span_cstr(token), SPAN_LIT(SRS_STORED_DOMAIN), q->now, local,
                       e);
}

/* ---- the tables */

static or_status
forward_local(const struct map_srs_query *q, const struct addr *sender, struct buf *local,
              struct err *e)
{
    struct span rest;

    /* Our own SRS0 address, guarded by a forwarder behind us, comes by again: it becomes what it
     * was, or it would run in circles. */
    if (srs_guards(sender->local, q->srs->domain, &rest)) {
        buf_add_cstr(local, "SRS0");
        buf_add_span(local, rest);
        return OR_OK;
    }
    or_status st = srs_forward(&q->srs->srs, sender->local, sender->domain, q->now, local, e);
    if (st == OR_OK && local->n > ADDR_MAX_LOCAL_BYTES)
        st = forward_stored(q, sender, local, e);
    return st;
}

or_status
map_srs_forward(const struct map_srs_query *q, struct buf *value, struct err *e)
{
    struct addr sender, rewritten;
    struct span domain;
    struct buf local;
    or_status st = parse_key(q, &sender, &domain);

    if (st != OR_OK || span_equal(domain, q->srs->domain) || is_local_domain(q->srs, domain))
        return OR_ABSENT;
    buf_init(&local, SRS_MAX_BYTES);
    st = forward_local(q, &sender, &local, e);
    if (st == OR_OK) {
        rewritten = (struct addr){.local = buf_span(&local), .domain = q->srs->domain};
        addr_format(value, &rewritten);
    } else {
        /* The message goes on with its own sender: SPF may fail then, but nothing is held up. */
        log_refusal(q, "srs-forward", e->text);
        st = OR_ABSENT;
    }
    buf_fini(&local);
    return st;
}

static or_status
fetch_stored(const struct map_srs_query *q, struct span token, struct buf *value, struct err *e)
{
    const char *key = store_key(q->mem, token);
    struct span address;

    if (q->store == NULL)
        return err_set(e, OR_TEMPFAIL, "there is no state store");
    if (key == NULL)
        return err_set(e, OR_LIMIT, "no memory left");
    or_status st = kvstore_get(q->store, span_cstr(key), q->mem, &address, e);
    if (st == OR_OK)
        buf_add_span(value, address);
    else if (st == OR_ABSENT)
        log_refusal(q, "srs-reverse", "the long sender is not in the state store");
    return st;
}

static or_status
format_original(const struct map_srs_query *q, const struct srs_original *original,
                struct buf *value)
{
    const char *local =
        arena_printf(q->mem, "%s%.*s", original->guarded ? "SRS0" : "", SPAN_ARG(original->local));
    struct span canonical;

    /* A tag of ours says that we made it, not that its domain can be written. */
    if (local == NULL || domain_canonical(original->domain, q->mem, &canonical, NULL) != OR_OK ||
        !domain_is_hostname(canonical))
        return OR_ABSENT;
    struct addr address = {.local = span_cstr(local), .domain = original->domain};
    addr_format(value, &address);
    return OR_OK;
}

or_status
map_srs_reverse(const struct map_srs_query *q, struct buf *value, struct err *e)
{
    struct srs_original original;
    struct addr recipient;
    struct span domain;
    or_status st = parse_key(q, &recipient, &domain);

    if (st != OR_OK || (!span_equal(domain, q->srs->domain) && !is_local_domain(q->srs, domain)))
        return OR_ABSENT;
    st = srs_reverse(&q->srs->srs, recipient.local, q->now, &original, e);
    if (st == OR_MALFORMED)
        log_refusal(q, "srs-reverse", e->text);
    if (st != OR_OK)
        return OR_ABSENT;
    if (!original.guarded && span_equal_cstr(original.domain, SRS_STORED_DOMAIN))
        return fetch_stored(q, original.local, value, e);
    return format_original(q, &original, value);
}
