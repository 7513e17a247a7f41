/*
 * environment (RFC 5183): what the script runs in. An item that is not known is no error: nothing
 * matches it (RFC 5183 4).
 */
#include "lmtp/sieve/sieve_match.h"
#include "lmtp/sieve/sieve_rows.h"

static struct span
item_domain(const struct sieve_message *m)
{
    return span_from(m->host, span_find(m->host, '.') + (span_contains_byte(m->host, '.') ? 1 : 0));
}

static struct span
item_host(const struct sieve_message *m)
{
    return m->host;
}

static struct span
item_location(const struct sieve_message *m)
{
    (void)m;
    return SPAN_LIT("MDA");
}

static struct span
item_name(const struct sieve_message *m)
{
    (void)m;
    return SPAN_LIT("Outrider");
}

static struct span
item_phase(const struct sieve_message *m)
{
    (void)m;
    return SPAN_LIT("during");
}

static struct span
item_remote_ip(const struct sieve_message *m)
{
    return m->remote_ip;
}

static struct span
item_version(const struct sieve_message *m)
{
    (void)m;
    return SPAN_LIT(OUTRIDER_VERSION);
}

/* RFC 5183 4.1. The client's name is nothing that LMTP tells: "remote-host" is not known. */
static const struct {
    const char *name;
    struct span (*value)(const struct sieve_message *m);
} items[] = {
    {"domain", item_domain},   {"host", item_host},   {"location", item_location},
    {"name", item_name},       {"phase", item_phase}, {"remote-ip", item_remote_ip},
    {"version", item_version},
};

or_status
tst_environment(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    struct sieve_match m;
    struct span name = SPAN_EMPTY;
    or_status st = sieve_vars_expand(r, node->positional[0]->strings[0], &name);

    if (st == OR_OK)
        st = sieve_match_begin(&m, r, node);
    if (st != OR_OK)
        return st;
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        struct span value = SPAN_EMPTY;

        if (span_equal_nocase_cstr(name, items[i].name))
            value = items[i].value(r->message);
        if (value.n > 0)
            sieve_match_value(&m, value);
    }
    return sieve_match_end(&m, out);
}
