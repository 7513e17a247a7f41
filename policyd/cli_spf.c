/*
 * outrider spf check IP HELO SENDER: evaluates with the same code, limits and resolver as the
 * daemon and shows which term of which record decided, or what is wrong with it.
 */
#include "policyd/cli_spf.h"

#include "common/base/clock.h"
#include "common/cli/cli_dns.h"
#include "policyd/spf/spf_eval.h"
#include "policyd/spf/spf_header.h"

#include <stdio.h>
#include <unistd.h>

#define DEADLINE_MS 20000             /* RFC 7208 4.6.4: at least 20 seconds */
#define CHECK_BYTES ((size_t)4 << 20) /* arena of the one check */
#define HOST_NAME_BYTES 256

const char *const cli_spf_options[] = {"dns=ADDRESS", "dns-file=FILE", NULL};

/* People write "<alice@example.org>" and "<>" as they stand in the SMTP dialogue. */
static struct span
without_brackets(struct span s)
{
    bool has = s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>';

    return has ? span_slice(s, 1, s.n - 1) : s;
}

static json_t *
json_place(struct arena *mem, const struct spf_place *place)
{
    if (place->term.n == 0)
        return json_null();
    return json_pack("{s:o, s:o}", "term", cli_json_text(mem, place->term), "record_of",
                     cli_json_text(mem, place->domain));
}

static void
print_json(const struct spf_query *q, const struct spf_outcome *o, struct span field)
{
    cli_print_json(json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:o}", "result",
        spf_result_name(o->result), "scope", spf_scope_name(o->scope), "domain",
        cli_json_text(q->mem, o->domain), "matched", json_place(q->mem, &o->matched), "inner",
        json_place(q->mem, &o->inner), "reason", cli_json_text(q->mem, o->reason), "explanation",
        cli_json_text(q->mem, o->explanation), "lookups", (int)o->terms, "void_lookups",
        (int)o->voids, "void_names", cli_json_text(q->mem, o->void_names), "received_spf",
        cli_json_text(q->mem, field)));
}

static void
print_text(struct arena *mem, const char *label, struct span s)
{
    struct span text = cli_printable(mem, s);

    if (text.n != 0)
        printf("%-13s %.*s\n", label, SPAN_ARG(text));
}

static void
print_place(struct arena *mem, const char *label, const struct spf_place *place)
{
    struct span term = cli_printable(mem, place->term);
    struct span domain = cli_printable(mem, place->domain);

    if (term.n != 0)
        printf("%-13s %.*s in the record of %.*s\n", label, SPAN_ARG(term), SPAN_ARG(domain));
}

static void
print_people(const struct spf_query *q, const struct spf_outcome *o, struct span field)
{
    printf("%-13s %s\n", "result:", spf_result_name(o->result));
    printf("%-13s %s (%s)\n", "identity:", spf_scope_name(o->scope),
           o->scope == SPF_SCOPE_HELO ? "the HELO name" : "the MAIL FROM address");
    print_text(q->mem, "domain:", o->domain);
    print_place(q->mem, "matched:", &o->matched);
    print_place(q->mem, "  because of:", &o->inner);
    print_text(q->mem, "reason:", o->reason);
    print_text(q->mem, "explanation:", o->explanation);
    printf("%-13s %u of %u allowed\n", "look-ups:", o->terms, q->limits.max_terms);
    printf("%-13s %u of %u allowed\n", "void:", o->voids, q->limits.max_voids);
    print_text(q->mem, "  which:", o->void_names);
    print_text(q->mem, "Received-SPF:", field);
}

static int
exit_status(enum spf_result result)
{
    if (result == SPF_PASS)
        return CLI_YES;
    return result == SPF_TEMPERROR ? CLI_TEMPFAIL : CLI_NO;
}

static int
check_and_print(const struct cli *cli, const struct spf_query *q)
{
    struct spf_outcome outcome;
    struct buf field;

    spf_eval(q, &outcome);
    buf_init(&field, SPF_HEADER_MAX_BYTES);
    spf_header_format(q, &outcome, &field);
    if (cli->json)
        print_json(q, &outcome, buf_span(&field));
    else
        print_people(q, &outcome, buf_span(&field));
    buf_fini(&field);
    return exit_status(outcome.result);
}

int
cli_spf_check(struct cli *cli)
{
    char host[HOST_NAME_BYTES] = "";
    struct arena mem;
    struct err e;
    struct spf_query q = {
        .helo = span_cstr(cli->argv[1]),
        .sender = without_brackets(span_cstr(cli->argv[2])),
        .mem = &mem,
        .now = clock_now(),
        .deadline_mono_ms = clock_mono_ms() + DEADLINE_MS,
        .limits = SPF_LIMITS_DEFAULT,
    };

    if (ip_parse(span_cstr(cli->argv[0]), &q.ip) != OR_OK)
        return cli_fail(cli, CLI_USAGE, "\"%s\" is not an IP address", cli->argv[0]);
    or_status st = cli_dns_open(cli, &q.dns, &e);
    if (st != OR_OK)
        return cli_fail_status(cli, st, &e);
    if (gethostname(host, sizeof(host) - 1) == 0)
        q.receiver = span_cstr(host);
    arena_init(&mem, CHECK_BYTES);
    int status = check_and_print(cli, &q);
    arena_fini(&mem);
    dns_free(q.dns);
    return status;
}
