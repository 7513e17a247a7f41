/*
 * outrider dkim status [DOMAIN]: every key that the milter would sign with, and whether receivers
 * find its public half in DNS. A key whose record is missing or another one makes every signature
 * fail, and nothing on the sending side shows it.
 */
#include "milter/cli_dkim.h"

#include "common/base/clock.h"
#include "common/text/domain.h"
#include "common/cli/cli_dns.h"
#include "milter/cli_input.h"
#include "milter/dkim/dkim_published.h"
#include "milter/dkim/dkim_rotation_file.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SINCE_BYTES 40
#define ARENA_BYTES ((size_t)1 << 20) /* for one key at a time */

const char *const cli_dkim_status_options[] = {"directory=DIR", "state-directory=DIR",
                                               "dns=ADDRESS", "dns-file=FILE", NULL};

struct listing {
    struct cli *cli;
    struct arena mem;
    struct dns *dns;
    struct dkim_keytable *table;
    char directory[PATH_MAX], state_directory[PATH_MAX];
    char domain[DOMAIN_MAX_BYTES + 1]; /* canonical; empty: all */
    json_t *keys, *problems;
    size_t shown;
    bool something_wrong, something_unknown;
};

static int
read_domain(struct listing *l)
{
    struct span canonical;

    if (l->cli->argc == 0)
        return CLI_YES;
    if (domain_canonical(span_cstr(l->cli->argv[0]), &l->mem, &canonical, NULL) != OR_OK ||
        !domain_is_hostname(canonical))
        return cli_fail(l->cli, CLI_USAGE, "\"%s\" is not a domain name", l->cli->argv[0]);
    snprintf(l->domain, sizeof(l->domain), "%.*s", SPAN_ARG(canonical));
    return CLI_YES;
}

static int
load(struct listing *l)
{
    struct err e;
    int status = cli_input_directory(l->cli, l->directory);

    if (status == CLI_YES)
        status = cli_input_state_directory(l->cli, l->state_directory);
    if (status != CLI_YES)
        return status;
    or_status st = dkim_keytable_load(l->directory, &l->table, &e);
    if (st == OR_OK)
        st = cli_dns_open(l->cli, &l->dns, &e);
    return st == OR_OK ? CLI_YES : cli_fail_status(l->cli, st, &e);
}

/* "active", or the key's part in a rotation; *since_out: 0, or when that began. */
static const char *
key_state(const struct listing *l, const struct dkim_keytable_row *row, int64_t *since_out)
{
    static const char *const old_words[] = {"active", "retiring", "retired"};
    struct dkim_rotation_state state;

    *since_out = 0;
    if (row->rotation == NULL || row->role == DKIM_KEYTABLE_ACTIVE)
        return "active";
    (void)dkim_rotation_state_read(l->state_directory, row->domain, &row->rotation->plan, &state,
                                   NULL);
    if (row->role == DKIM_KEYTABLE_NEXT || state.phase != DKIM_ROTATION_WAITING)
        *since_out = state.since;
    if (row->role == DKIM_KEYTABLE_NEXT)
        return state.phase == DKIM_ROTATION_WAITING ? "next" : "active";
    return old_words[state.phase];
}

/* A next key need not be published yet, nor a retired one any longer. */
static bool
is_wrong(const char *state, enum dkim_published published)
{
    if (published == DKIM_PUBLISHED || published == DKIM_PUBLISHED_UNKNOWN)
        return false;
    if (strcmp(state, "next") == 0)
        return published != DKIM_PUBLISHED_MISSING;
    return strcmp(state, "retired") != 0;
}

static void
format_since(int64_t since, char out[SINCE_BYTES])
{
    time_t at = (time_t)since;
    struct tm t;

    out[0] = '\0';
    if (since != 0 && gmtime_r(&at, &t) != NULL)
        (void)strftime(out, SINCE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &t);
}

static void
show_key(struct listing *l, const struct dkim_keytable_row *row)
{
    const char *algorithm = dkim_key_type_name(dkim_private_type(row->key));
    int bits = (int)dkim_private_bits(row->key);
    struct span text;
    int64_t since;
    char since_text[SINCE_BYTES];
    const char *state = key_state(l, row, &since);

    format_since(since, since_text);
    arena_reset(&l->mem);
    enum dkim_published published =
        dkim_published_check(row, l->dns, clock_mono_ms() + CLI_INPUT_DEADLINE_MS, &l->mem, &text);
    text = cli_printable(&l->mem, text);
    const char *word = dkim_published_name(published);
    l->something_unknown |= published == DKIM_PUBLISHED_UNKNOWN;
    l->something_wrong |= is_wrong(state, published);
    l->shown++;
    if (l->cli->json)
        json_array_append_new(l->keys,
                              json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s%}", "domain",
                                        row->domain, "selector", row->selector, "algorithm",
                                        algorithm, "bits", bits, "state", state, "since",
                                        since_text, "dns", word, "text", text.p, text.n));
    else
        printf("%s d=%s s=%s %s %d bits, %s%s%s%s%.*s\n", word, row->domain, row->selector,
               algorithm, bits, state, since_text[0] != '\0' ? " since " : "", since_text,
               text.n != 0 ? ": " : "", SPAN_ARG(text));
}

/* Problems begin with a path: DIRECTORY/DOMAIN/SELECTOR.pem, or DIRECTORY/DOMAIN and a colon. */
static bool
is_about(const struct listing *l, struct span problem)
{
    char path[PATH_MAX + DOMAIN_MAX_BYTES + 2];

    if (l->domain[0] == '\0')
        return true;
    snprintf(path, sizeof(path), "%s/%s", l->directory, l->domain);
    struct span rest = span_from(problem, span_cstr(path).n);
    return span_has_prefix_nocase(problem, span_cstr(path)) && rest.n != 0 &&
           (rest.p[0] == '/' || rest.p[0] == ':');
}

static void
show_problem(struct listing *l, struct span problem)
{
    arena_reset(&l->mem);
    problem = cli_printable(&l->mem, problem);
    l->something_wrong = true;
    l->shown++;
    if (l->cli->json)
        json_array_append_new(l->problems, json_stringn(problem.p, problem.n));
    else
        printf("not used %.*s\n", SPAN_ARG(problem));
}

static int
show(struct listing *l)
{
    const struct dkim_keytable_row *row;
    const char *problem;

    for (size_t i = 0; (row = dkim_keytable_row_at(l->table, i)) != NULL; i++)
        if (l->domain[0] == '\0' || span_equal_cstr(span_cstr(row->domain), l->domain))
            show_key(l, row);
    for (size_t i = 0; (problem = dkim_keytable_problem(l->table, i)) != NULL; i++)
        if (is_about(l, span_cstr(problem)))
            show_problem(l, span_cstr(problem));
    if (l->shown == 0)
        return cli_fail(l->cli, CLI_NO, "there is no key%s%s in %s",
                        l->domain[0] != '\0' ? " for " : "", l->domain, l->directory);
    if (l->cli->json)
        cli_print_json(json_pack("{s:O, s:O}", "keys", l->keys, "problems", l->problems));
    if (l->something_wrong)
        return CLI_NO;
    return l->something_unknown ? CLI_TEMPFAIL : CLI_YES;
}

int
cli_dkim_status(struct cli *cli)
{
    static int (*const steps[])(struct listing *) = {read_domain, load, show};
    struct listing l = {.cli = cli, .keys = json_array(), .problems = json_array()};
    int status = CLI_YES;

    arena_init(&l.mem, ARENA_BYTES);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == CLI_YES; i++)
        status = steps[i](&l);
    json_decref(l.keys);
    json_decref(l.problems);
    dns_free(l.dns);
    dkim_keytable_free(l.table);
    arena_fini(&l.mem);
    return status;
}
