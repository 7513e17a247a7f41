/*
 * outrider spf explain DOMAIN: prints the tree of a domain's SPF record, then what it comes to and
 * what is wrong with it.
 */
#include "policyd/cli_spf.h"

#include "common/base/clock.h"
#include "common/cli/cli_dns.h"
#include "policyd/spf/spf_tree.h"

#include <inttypes.h>
#include <stdio.h>

#define DEADLINE_MS 60000
#define TREE_BYTES ((size_t)16 << 20)
#define INDENT 2

static const char *const severity_words[] = {
    [SPF_ADVICE] = "warning", [SPF_ERROR] = "error", [SPF_UNKNOWN] = "unknown"};

/* What a node adds to its text: "look-up 3, 12.4 ms: 192.0.2.1". */
static void
print_remarks(struct arena *mem, const struct spf_node *n)
{
    const char *before = "   [";

    if (n->lookup != 0) {
        printf("%slook-up %u", before, n->lookup);
        before = ", ";
    }
    if (n->us != 0) {
        printf("%s%.1f ms", before, (double)n->us / 1000);
        before = ", ";
    }
    if (n->found != NULL) {
        printf("%s%.*s", before, SPAN_ARG(cli_printable(mem, span_cstr(n->found))));
        before = ", ";
    }
    puts(before[0] == ',' ? "]" : "");
}

static void
print_nodes(struct arena *mem, const struct spf_tree *t)
{
    for (size_t i = 0; i < t->node_count; i++) {
        const struct spf_node *n = &t->nodes[i];
        int indent = (int)n->depth * 2 * INDENT;

        if (n->is_record)
            printf("%*s%.*s: %.*s", indent, "", SPAN_ARG(cli_printable(mem, n->domain)),
                   SPAN_ARG(cli_printable(mem, n->text)));
        else
            printf("%*s%.*s", indent - INDENT, "", SPAN_ARG(cli_printable(mem, n->text)));
        print_remarks(mem, n);
    }
}

static void
print_addresses(const struct spf_tree *t)
{
    printf("%-13s ", "may send:");
    if (t->everybody) {
        puts("everybody");
        return;
    }
    printf("%" PRIu64 " IPv4 addresses", t->ipv4_addresses);
    if (t->ipv6_log2 >= 0)
        printf(", about 2^%.0f IPv6 addresses", t->ipv6_log2);
    printf(" in %zu networks%s\n", t->network_count,
           t->depends ? ", and what depends on sender or client" : "");
}

static void
print_people(struct arena *mem, const struct spf_tree *t)
{
    print_nodes(mem, t);
    printf("%-13s %u of %d allowed\n", "look-ups:", t->lookups, SPF_MAX_TERMS);
    printf("%-13s %u of %d allowed\n", "void:", t->voids, SPF_MAX_VOIDS);
    print_addresses(t);
    for (size_t i = 0; i < t->finding_count; i++)
        printf("%s: %.*s\n", severity_words[t->findings[i].severity],
               SPAN_ARG(cli_printable(mem, span_cstr(t->findings[i].text))));
}

static json_t *
json_nodes(struct arena *mem, const struct spf_tree *t)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->node_count; i++) {
        const struct spf_node *n = &t->nodes[i];

        json_array_append_new(
            list, json_pack("{s:i, s:s, s:o, s:o, s:i, s:f, s:o}", "depth", (int)n->depth, "kind",
                            n->is_record ? "record" : "term", "record_of",
                            cli_json_text(mem, n->domain), "text", cli_json_text(mem, n->text),
                            "lookup", (int)n->lookup, "ms", (double)n->us / 1000, "found",
                            cli_json_text(mem, span_cstr(n->found != NULL ? n->found : ""))));
    }
    return list;
}

static void
print_json(struct arena *mem, const struct spf_tree *t)
{
    json_t *findings = json_array();

    for (size_t i = 0; i < t->finding_count; i++)
        json_array_append_new(
            findings, json_pack("{s:s, s:o}", "severity", severity_words[t->findings[i].severity],
                                "text", cli_json_text(mem, span_cstr(t->findings[i].text))));
    cli_print_json(json_pack("{s:o, s:o, s:i, s:i, s:I, s:f, s:i, s:b, s:b}", "tree",
                             json_nodes(mem, t), "findings", findings, "lookups", (int)t->lookups,
                             "void_lookups", (int)t->voids, "ipv4_addresses",
                             (json_int_t)t->ipv4_addresses, "ipv6_addresses_log2", t->ipv6_log2,
                             "networks", (int)t->network_count, "everybody", (int)t->everybody,
                             "depends_on_client", (int)t->depends));
}

static int
exit_status(const struct spf_tree *t)
{
    int status = CLI_YES;

    for (size_t i = 0; i < t->finding_count; i++) {
        if (t->findings[i].severity == SPF_UNKNOWN)
            return CLI_TEMPFAIL;
        if (t->findings[i].severity == SPF_ERROR)
            status = CLI_NO;
    }
    return status;
}

int
cli_spf_explain(struct cli *cli)
{
    struct spf_tree tree;
    struct arena mem;
    struct err e;
    struct spf_tree_query query = {
        .domain = span_cstr(cli->argv[0]),
        .deadline_mono_ms = clock_mono_ms() + DEADLINE_MS,
        .clock_us = clock_mono_us,
        .mem = &mem,
    };

    or_status st = cli_dns_open(cli, &query.dns, &e);
    if (st != OR_OK)
        return cli_fail_status(cli, st, &e);
    arena_init(&mem, TREE_BYTES);
    st = spf_tree_build(&query, &tree, &e);
    int status = st == OR_OK ? exit_status(&tree) : cli_fail_status(cli, st, &e);
    if (st == OR_OK && cli->json)
        print_json(&mem, &tree);
    else if (st == OR_OK)
        print_people(&mem, &tree);
    arena_fini(&mem);
    dns_free(query.dns);
    return status;
}
