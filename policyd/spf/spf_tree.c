/* One walk in the order of evaluation; what depends on the client is shown, not followed. */
#include "policyd/spf/spf_tree.h"

#include "common/text/domain.h"
#include "policyd/spf/spf_networks.h"
#include "policyd/spf/spf_parse.h"
#include "policyd/spf/spf_macro.h"

#include <string.h>
#include <sys/socket.h>

#define FOUND_BYTES 200            /* of the addresses listed beside a term */
#define CLIENT_MACROS "slopihcrtv" /* all but %{d} */

struct walk {
    struct spf_tree *tree;
    const struct spf_tree_query *query;
    struct arena *mem;                   /* the query's */
    struct span path[SPF_MAX_DEPTH + 1]; /* the domains we are in */
    unsigned depth;
    bool passes;  /* what matches here passes: no include above has another qualifier */
    bool dropped; /* a bound was reached; said once */
};

static void
add_finding(struct walk *w, enum spf_severity severity, const char *text)
{
    struct spf_tree *t = w->tree;

    if (text == NULL || t->finding_count == SPF_TREE_MAX_FINDINGS)
        return;
    for (size_t i = 0; i < t->finding_count; i++)
        if (strcmp(t->findings[i].text, text) == 0)
            return;
    t->findings[t->finding_count++] = (struct spf_finding){severity, text};
}

static struct spf_node *
add_node(struct walk *w, bool is_record, struct span domain, struct span text)
{
    struct spf_tree *t = w->tree;
    /* The last place is where further ones are written over each other. */
    struct spf_node *node = &t->nodes[t->node_count];

    if (t->node_count + 1 < SPF_TREE_MAX_NODES) {
        t->node_count++;
    } else if (!w->dropped) {
        w->dropped = true;
        add_finding(w, SPF_ADVICE, "there is more than is shown here");
    }
    *node = (struct spf_node){
        .depth = w->depth, .is_record = is_record, .domain = domain, .text = text};
    return node;
}

static void
add_network(struct walk *w, const struct ip *ip, unsigned prefix)
{
    struct spf_tree *t = w->tree;

    if (w->passes && t->network_count < SPF_TREE_MAX_NETWORKS)
        t->networks[t->network_count++] = (struct cidr){.base = *ip, .prefix = prefix};
}

/* ---- questions */

/* NULL: nothing to be had; the node or a finding says why. */
static const struct dns_answer *
ask(struct walk *w, enum dns_type type, struct span name, struct spf_node *node)
{
    const struct dns_answer *answer = NULL;
    int64_t before = w->query->clock_us();
    struct err e;
    or_status st =
        dns_query(w->query->dns, type, name, w->query->deadline_mono_ms, w->mem, &answer, &e);

    node->us += w->query->clock_us() - before;
    if (st == OR_OK)
        return answer;
    if (st == OR_MALFORMED) {
        node->found = "nothing (no such name is possible)";
        return NULL;
    }
    node->found = "unknown (DNS)";
    add_finding(w, SPF_UNKNOWN, arena_printf(w->mem, "%s", e.text));
    return NULL;
}

static void
add_found(struct walk *w, struct spf_node *node, const struct ip *ip)
{
    char text[IP_TEXT_BYTES];

    if (node->found != NULL && strlen(node->found) > FOUND_BYTES)
        return;
    ip_format(ip, text);
    node->found = arena_printf(w->mem, "%s%s%s", node->found != NULL ? node->found : "",
                               node->found != NULL ? ", " : "", text);
}

/* Addresses of both families, of one host. */
static void
find_addresses(struct walk *w, const struct spf_term *term, struct span host, struct spf_node *node)
{
    for (int v6 = 0; v6 <= 1; v6++) {
        const struct dns_answer *answer = ask(w, v6 ? DNS_AAAA : DNS_A, host, node);

        for (size_t i = 0; answer != NULL && i < answer->count; i++) {
            add_found(w, node, &answer->records[i].ip);
            if (term->qualifier == SPF_PASS)
                add_network(w, &answer->records[i].ip, v6 ? term->prefix6 : term->prefix4);
        }
    }
}

static void
count_void(struct walk *w, struct spf_node *node)
{
    if (node->found != NULL)
        return;
    node->found = "nothing";
    w->tree->voids++;
}

/* ---- terms. The name is the expanded target. */

static void check_host(struct walk *w, struct span domain, struct spf_node *node);

static void
walk_all(struct walk *w, const struct spf_term *term, struct span name, struct spf_node *node)
{
    (void)name;
    (void)node;
    if (term->qualifier != SPF_PASS || !w->passes)
        return;
    w->tree->everybody = true;
    add_finding(w, SPF_ADVICE, "\"+all\" lets every host of the Internet send this domain's mail");
}

static void
walk_include(struct walk *w, const struct spf_term *term, struct span name, struct spf_node *node)
{
    bool passes = w->passes;

    w->passes = passes && term->qualifier == SPF_PASS;
    check_host(w, name, node);
    w->passes = passes;
}

static void
walk_a(struct walk *w, const struct spf_term *term, struct span name, struct spf_node *node)
{
    find_addresses(w, term, name, node);
    count_void(w, node);
}

static void
walk_mx(struct walk *w, const struct spf_term *term, struct span name, struct spf_node *node)
{
    const struct dns_answer *answer = ask(w, DNS_MX, name, node);

    if (answer != NULL && answer->count > SPF_MAX_NAMES)
        add_finding(w, SPF_ERROR,
                    arena_printf(w->mem, "%.*s has %zu MX hosts; more than %d are an error",
                                 SPAN_ARG(name), answer->count, SPF_MAX_NAMES));
    for (size_t i = 0; answer != NULL && i < answer->count && i < SPF_MAX_NAMES; i++)
        if (answer->records[i].mx.host.n != 0) /* RFC 7505: null MX */
            find_addresses(w, term, answer->records[i].mx.host, node);
    count_void(w, node);
}

static void
walk_ptr(struct walk *w, const struct spf_term *term, struct span name, struct spf_node *node)
{
    (void)term;
    (void)name;
    node->found = "depends on the client's host name";
    w->tree->depends = true;
    add_finding(w, SPF_ADVICE,
                "\"ptr\" is slow and unreliable and should not be published (RFC 7208 5.5)");
}

static void
walk_network(struct walk *w, const struct spf_term *term, struct span name, struct spf_node *node)
{
    (void)name;
    (void)node;
    if (term->qualifier == SPF_PASS)
        add_network(w, &term->network.base, term->network.prefix);
}

static void
walk_exists(struct walk *w, const struct spf_term *term, struct span name, struct spf_node *node)
{
    const struct dns_answer *answer = ask(w, DNS_A, name, node);

    if (answer != NULL && answer->count != 0) {
        node->found = "exists: matches everybody";
        w->tree->everybody |= w->passes && term->qualifier == SPF_PASS;
    }
    count_void(w, node);
}

static const struct {
    void (*walk)(struct walk *w, const struct spf_term *term, struct span name,
                 struct spf_node *node);
    bool asks_dns; /* counts against the ten (RFC 7208 4.6.4) */
} mechanisms[] = {
    [SPF_MECH_ALL] = {walk_all, false},     [SPF_MECH_INCLUDE] = {walk_include, true},
    [SPF_MECH_A] = {walk_a, true},          [SPF_MECH_MX] = {walk_mx, true},
    [SPF_MECH_PTR] = {walk_ptr, true},      [SPF_MECH_IP4] = {walk_network, false},
    [SPF_MECH_IP6] = {walk_network, false}, [SPF_MECH_EXISTS] = {walk_exists, true},
};

/* The target where it does not depend on the client; *name_out is empty where it does. */
static or_status
expand(struct walk *w, struct span spec, struct span domain, struct span *name_out)
{
    const struct spf_macro_values values = {.domain = domain};
    struct buf text;

    *name_out = domain;
    if (spec.n == 0)
        return OR_OK;
    *name_out = SPAN_EMPTY;
    if (spf_macro_uses(spec, CLIENT_MACROS))
        return OR_OK;
    buf_init(&text, SPF_MAX_RECORD_BYTES);
    or_status st = spf_macro_expand(spec, SPF_MACRO_TERM, &values, &text, NULL);
    if (st == OR_OK)
        st = arena_copy(w->mem, buf_span(&text), name_out);
    buf_fini(&text);
    return st;
}

static void
walk_term(struct walk *w, const struct spf_term *term, struct span domain)
{
    struct spf_node *node = add_node(w, false, domain, term->text);
    struct span name = domain;

    if (mechanisms[term->mechanism].asks_dns) {
        node->lookup = ++w->tree->lookups;
        if (w->tree->lookups > SPF_TREE_MAX_LOOKUPS ||
            expand(w, term->target, domain, &name) != OR_OK)
            return;
    }
    if (name.n == 0) {
        node->found = "depends on the sender or the client";
        w->tree->depends = true;
        return;
    }
    mechanisms[term->mechanism].walk(w, term, name, node);
}

/* ---- records */

static bool
is_above(const struct walk *w, struct span domain)
{
    for (unsigned i = 0; i < w->depth; i++)
        if (domain_equal(w->path[i], domain))
            return true;
    return false;
}

static void
walk_redirect(struct walk *w, struct span target, struct span domain)
{
    char *text = arena_printf(w->mem, "redirect=%.*s", SPAN_ARG(target));
    struct spf_node *node = add_node(w, false, domain, text != NULL ? span_cstr(text) : target);
    struct span name;

    node->lookup = ++w->tree->lookups;
    if (w->tree->lookups > SPF_TREE_MAX_LOOKUPS || expand(w, target, domain, &name) != OR_OK)
        return;
    if (name.n != 0)
        check_host(w, name, node);
    else
        node->found = "depends on the sender or the client";
}

/* Terms after "all" are never reached (RFC 7208 5.1), nor is a redirect (6.1). */
static void
walk_terms(struct walk *w, const struct spf_record *record, struct span domain)
{
    for (size_t i = 0; i < record->count; i++) {
        walk_term(w, &record->terms[i], domain);
        if (record->terms[i].mechanism != SPF_MECH_ALL)
            continue;
        if (i + 1 < record->count || record->redirect.n != 0)
            add_finding(w, SPF_ADVICE,
                        arena_printf(w->mem,
                                     "what stands behind \"%.*s\" in the record of %.*s "
                                     "is never looked at",
                                     SPAN_ARG(record->terms[i].text), SPAN_ARG(domain)));
        return;
    }
    if (record->redirect.n == 0) {
        if (w->depth == 1)
            add_finding(
                w, SPF_ADVICE,
                "the record has neither \"all\" nor \"redirect=\": other hosts are neutral");
        return;
    }
    walk_redirect(w, record->redirect, domain);
}

static void
walk_record(struct walk *w, struct span text, struct span domain, const struct spf_node *from)
{
    struct spf_node *node = add_node(w, true, domain, text);
    struct spf_record record;
    struct err e;

    node->us = w->depth == 0 ? from->us : 0; /* otherwise told with the term */
    if (text.n > SPF_TREE_ADVISED_BYTES)
        add_finding(w, SPF_ADVICE,
                    arena_printf(w->mem, "the record of %.*s has %zu bytes; up to %d are advised",
                                 SPAN_ARG(domain), text.n, SPF_TREE_ADVISED_BYTES));
    if (spf_parse(text, w->mem, &record, &e) != OR_OK) {
        add_finding(w, SPF_ERROR, arena_printf(w->mem, "%.*s: %s", SPAN_ARG(domain), e.text));
        return;
    }
    w->path[w->depth++] = domain;
    walk_terms(w, &record, domain);
    w->depth--;
}

/* `node` is the term that leads here. */
static void
check_host(struct walk *w, struct span domain, struct spf_node *node)
{
    struct span text;
    struct err e;

    if (w->depth == SPF_MAX_DEPTH || is_above(w, domain)) {
        add_finding(w, SPF_ERROR,
                    arena_printf(w->mem, "the record of %.*s leads back to itself, or too deep",
                                 SPAN_ARG(domain)));
        return;
    }
    const struct dns_answer *answer = ask(w, DNS_TXT, domain, node);
    if (answer == NULL)
        return;
    or_status st = spf_parse_select(answer, &text, &e);
    if (st == OR_OK) {
        walk_record(w, text, domain, node);
        return;
    }
    node->found = st == OR_ABSENT ? "no SPF record" : "more than one SPF record";
    add_finding(w, SPF_ERROR, arena_printf(w->mem, "%.*s: %s", SPAN_ARG(domain), node->found));
}

/* ---- the whole */

static void
judge(struct walk *w)
{
    struct spf_tree *t = w->tree;

    if (t->lookups > SPF_MAX_TERMS)
        add_finding(
            w, SPF_ERROR,
            arena_printf(w->mem, "%u%s terms need look-ups; more than %d are an error",
                         t->lookups > SPF_TREE_MAX_LOOKUPS ? SPF_TREE_MAX_LOOKUPS : t->lookups,
                         t->lookups > SPF_TREE_MAX_LOOKUPS ? " and more" : "", SPF_MAX_TERMS));
    if (t->voids > SPF_MAX_VOIDS)
        add_finding(w, SPF_ERROR,
                    arena_printf(w->mem, "%u terms find nothing; more than %d are an error",
                                 t->voids, SPF_MAX_VOIDS));
    else if (t->voids > 0)
        add_finding(w, SPF_ADVICE, "a term that finds nothing should go");
    t->network_count = spf_networks_reduce(t->networks, t->network_count);
    t->ipv4_addresses = spf_networks_ipv4(t->networks, t->network_count);
    t->ipv6_log2 = spf_networks_ipv6_log2(t->networks, t->network_count);
}

or_status
spf_tree_build(const struct spf_tree_query *query, struct spf_tree *tree_out, struct err *e)
{
    struct spf_tree *t = tree_out;
    struct arena *mem = query->mem;
    struct walk w = {.tree = t, .query = query, .mem = mem, .passes = true};
    struct spf_node root = {.depth = 0};
    struct span name;

    *t = (struct spf_tree){
        .nodes = arena_alloc_array(mem, SPF_TREE_MAX_NODES, sizeof(*t->nodes)),
        .findings = arena_alloc_array(mem, SPF_TREE_MAX_FINDINGS, sizeof(*t->findings)),
        .networks = arena_alloc_array(mem, SPF_TREE_MAX_NETWORKS, sizeof(*t->networks)),
    };
    if (t->nodes == NULL || t->findings == NULL || t->networks == NULL)
        return err_set(e, OR_LIMIT, "not enough memory for a record");
    if (domain_canonical(query->domain, mem, &name, e) != OR_OK)
        return OR_MALFORMED;
    check_host(&w, name, &root);
    judge(&w);
    return OR_OK;
}
