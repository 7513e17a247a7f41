/* outrider rate list and reset. */
#include "policyd/cli_rate.h"

#include "common/base/clock.h"
#include "policyd/cli_policyd.h"
#include "policyd/ratelimit_list.h"

#include <stdio.h>
#include <string.h>

/* What both verbs open. */
struct rates {
    const struct cli *cli;
    struct policyd_settings *settings;
    struct ratelimit limits;
    struct kvstore *store; /* NULL: there is none yet */
    struct err e;
};

/* CLI_YES, or the exit after having said why; ended in both cases. */
static int
begin(struct rates *r, const struct cli *cli, bool read_only)
{
    *r = (struct rates){.cli = cli};
    int status = cli_policyd_load(cli, &r->settings);

    if (status != CLI_YES)
        return status;
    or_status st = ratelimit_init(&r->limits, r->settings, &r->e);
    if (st == OR_OK)
        st = cli_policyd_open_store(r->settings, read_only, &r->store, &r->e);
    return st == OR_OK || st == OR_ABSENT ? CLI_YES : cli_fail_status(cli, st, &r->e);
}

static void
end(struct rates *r)
{
    kvstore_close(r->store);
    ratelimit_fini(&r->limits);
    cli_policyd_free(r->settings);
}

/* ---- list */

static void
format_window(int64_t window_ms, char out[32])
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'d', 86400000}, {'h', 3600000}, {'m', 60000}};
    int64_t number = window_ms / 1000;
    char unit = 's';

    for (size_t i = sizeof(units) / sizeof(units[0]); i-- > 0;) {
        if (window_ms % units[i].ms != 0)
            continue;
        number = window_ms / units[i].ms;
        unit = units[i].unit;
    }
    snprintf(out, 32, "%lld%c", (long long)number, unit);
}

static json_t *
json_level(const struct ratelimit_level *l, struct arena *mem)
{
    return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I}", "rule", l->rule->conf->head.title,
                     "key", cli_json_text(mem, l->key), "used", (json_int_t)l->used, "limit",
                     (json_int_t)l->rule->windows[l->window].limit, "window_ms",
                     (json_int_t)l->rule->windows[l->window].window_ms, "wait_ms",
                     (json_int_t)l->wait_ms, "free_at_ms", (json_int_t)l->full_at_ms);
}

static void
print_level(const struct ratelimit_level *l, struct arena *mem, int64_t now_ms)
{
    struct span key = cli_printable(mem, l->key);
    char window[32], until[32];

    format_window(l->rule->windows[l->window].window_ms, window);
    cli_policyd_format_time(l->full_at_ms, until);
    printf("%-16s %-32.*s %6lld of %lld/%s, free at %s", l->rule->conf->head.title, SPAN_ARG(key),
           (long long)l->used, (long long)l->rule->windows[l->window].limit, window, until);
    if (l->wait_ms > 0) {
        cli_policyd_format_time(now_ms + l->wait_ms, until);
        printf(", the next one at %s", until);
    }
    printf("\n");
}

static void
print_list(const struct cli *cli, const struct ratelimit_list *list, struct arena *mem,
           int64_t now_ms)
{
    json_t *levels = json_array();

    for (size_t i = 0; i < list->count && cli->json; i++)
        json_array_append_new(levels, json_level(&list->items[i], mem));
    for (size_t i = 0; i < list->count && !cli->json; i++)
        print_level(&list->items[i], mem, now_ms);
    if (cli->json)
        cli_print_json(json_pack("{s:O, s:b}", "buckets", levels, "cut", (int)list->cut));
    else if (list->cut)
        printf("(there are more: say a KEY)\n");
    else if (list->count == 0)
        printf("nothing is in use\n");
    json_decref(levels);
}

static int
list_levels(struct rates *r)
{
    const struct cli *cli = r->cli;
    const struct ratelimit_list_query query = {
        .limits = &r->limits,
        .store = r->store,
        .part = span_cstr(cli->argc > 0 ? cli->argv[0] : ""),
        .now_ms = (int64_t)clock_now() * 1000,
    };
    struct ratelimit_list list = {.count = 0};
    struct arena mem;
    or_status st = OR_OK;

    arena_init(&mem, RATELIMIT_LIST_BYTES);
    if (r->store != NULL)
        st = ratelimit_list_read(&query, &mem, &list, &r->e);
    if (st == OR_OK)
        print_list(cli, &list, &mem, query.now_ms);
    arena_fini(&mem);
    return st == OR_OK ? CLI_YES : cli_fail_status(cli, st, &r->e);
}

int
cli_rate_list(struct cli *cli)
{
    struct rates r;
    int status = begin(&r, cli, true);

    if (status == CLI_YES)
        status = list_levels(&r);
    end(&r);
    return status;
}

/* ---- reset */

static const struct ratelimit_rule *
find_rule(const struct ratelimit *limits, const char *title)
{
    for (size_t i = 0; i < limits->count; i++)
        if (strcmp(limits->rules[i].conf->head.title, title) == 0)
            return &limits->rules[i];
    return NULL;
}

static int
reset_key(struct rates *r)
{
    const struct cli *cli = r->cli;
    const struct ratelimit_rule *rule = find_rule(&r->limits, cli->argv[0]);

    if (rule == NULL)
        return cli_fail(cli, CLI_NO, "the configuration has no rate \"%s\"", cli->argv[0]);
    or_status st = r->store == NULL
                       ? OR_ABSENT
                       : ratelimit_list_reset(rule, r->store, span_cstr(cli->argv[1]), &r->e);
    if (st == OR_ABSENT)
        return cli_fail(cli, CLI_NO, "%s has used nothing of rate \"%s\"", cli->argv[1],
                        cli->argv[0]);
    if (st != OR_OK)
        return cli_fail_status(cli, st, &r->e);
    if (cli->json)
        cli_print_json(json_pack("{s:s, s:s}", "rule", cli->argv[0], "reset", cli->argv[1]));
    else
        printf("reset %s of rate %s\n", cli->argv[1], cli->argv[0]);
    return CLI_YES;
}

/* Looked at first without writing: a store that is not there must not be made by this. */
int
cli_rate_reset(struct cli *cli)
{
    struct rates r;
    int status = begin(&r, cli, true);

    if (status == CLI_YES && r.store != NULL) {
        end(&r);
        status = begin(&r, cli, false);
    }
    if (status == CLI_YES)
        status = reset_key(&r);
    end(&r);
    return status;
}
