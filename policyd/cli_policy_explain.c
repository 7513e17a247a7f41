/*
 * outrider policy explain QUEUE-ID|INSTANCE: the records that the daemon keeps, one block each,
 * times in local time.
 */
#include "common/run/decisions.h"
#include "policyd/cli_policy.h"
#include "policyd/cli_policyd.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define RECORD_BYTES ((size_t)1 << 20) /* arena for printing one record */
#define LABEL_WIDTH 12

const char *const cli_policy_explain_options[] = {"file=PATH", NULL};

struct explaining {
    json_t *list; /* NULL: for people */
    size_t count;
};

/* Keys may come twice (a check says several words), so the pairs are a list. */
static json_t *
json_decision(const struct decision *d, struct arena *mem)
{
    json_t *pairs = json_array();
    struct span rest = d->text, key, value;
    char when[32];

    while (decision_next_pair(&rest, &key, &value))
        json_array_append_new(
            pairs, json_pack("[o, o]", cli_json_text(mem, key), cli_json_text(mem, value)));
    cli_policyd_format_time(d->time_ms, when);
    return json_pack("{s:s, s:I, s:o, s:o, s:o}", "time", when, "time_ms", (json_int_t)d->time_ms,
                     "queue_id", cli_json_text(mem, d->queue_id), "instance",
                     cli_json_text(mem, d->instance), "decision", pairs);
}

static void
print_pair(struct arena *mem, struct span key, struct span value)
{
    struct span label = cli_printable(mem, key), text = cli_printable(mem, value);

    printf("  %-*.*s %.*s\n", LABEL_WIDTH, SPAN_ARG(label), SPAN_ARG(text));
}

static void
print_decision(const struct decision *d, struct arena *mem)
{
    struct span rest = d->text, key, value;
    struct span queue_id = cli_printable(mem, d->queue_id);
    char when[32];

    cli_policyd_format_time(d->time_ms, when);
    printf("%s  %.*s\n", when, SPAN_ARG(queue_id.n > 0 ? queue_id : SPAN_LIT("NOQUEUE")));
    if (d->instance.n > 0)
        print_pair(mem, SPAN_LIT("instance"), d->instance);
    while (decision_next_pair(&rest, &key, &value))
        print_pair(mem, key, value);
}

static bool
take_decision(void *context, const struct decision *d)
{
    struct explaining *x = context;
    struct arena mem;

    arena_init(&mem, RECORD_BYTES);
    if (x->list != NULL) {
        json_array_append_new(x->list, json_decision(d, &mem));
    } else {
        printf("%s", x->count > 0 ? "\n" : "");
        print_decision(d, &mem);
    }
    x->count++;
    arena_fini(&mem);
    return true;
}

/* --file, or what the configuration says; without one, the default. */
static int
find_path(const struct cli *cli, char out[PATH_MAX])
{
    const char *file = cli_option(cli, "file");
    struct policyd_settings *settings = NULL;
    char path[PATH_MAX];

    snprintf(out, PATH_MAX, "%s", file != NULL ? file : POLICYD_DEFAULT_DECISIONS);
    conf_default_path(policyd_conf_schema.daemon, path, sizeof(path));
    if (file != NULL || (cli->config == NULL && access(path, F_OK) != 0))
        return CLI_YES;
    int status = cli_policyd_load(cli, &settings);
    if (status != CLI_YES)
        return status;
    snprintf(out, PATH_MAX, "%s", settings->decisions);
    cli_policyd_free(settings);
    return out[0] != '\0' ? CLI_YES
                          : cli_fail(cli, CLI_CONFIG, "the configuration keeps no decisions");
}

int
cli_policy_explain(struct cli *cli)
{
    struct explaining x = {.list = NULL};
    char path[PATH_MAX];
    struct err e;
    int status = find_path(cli, path);

    if (status != CLI_YES)
        return status;
    if (cli->json)
        x.list = json_array();
    or_status st = decisions_find(path, span_cstr(cli->argv[0]), take_decision, &x, &e);
    if (st != OR_OK || x.count == 0)
        json_decref(x.list);
    if (st != OR_OK)
        return cli_fail_status(cli, st, &e);
    if (x.count == 0)
        return cli_fail(cli, CLI_NO, "nothing is kept about %s in %s", cli->argv[0], path);
    if (cli->json)
        cli_print_json(json_pack("{s:o}", "decisions", x.list));
    else if (x.count == DECISIONS_MAX_FOUND)
        printf("\n(there may be more: these are the oldest %d)\n", DECISIONS_MAX_FOUND);
    return CLI_YES;
}
