/* outrider brake list and release. */
#include "policyd/cli_brake.h"

#include "common/base/clock.h"
#include "policyd/brake.h"
#include "policyd/cli_policyd.h"

#include <stdio.h>

#define TEXT_BYTES ((size_t)16 << 20)

/* CLI_YES, or the exit after having said why; *store_out may be NULL then: there is none yet. */
static int
open_store(const struct cli *cli, bool read_only, struct kvstore **store_out)
{
    struct policyd_settings *settings = NULL;
    struct err e;
    int status = cli_policyd_load(cli, &settings);

    *store_out = NULL;
    if (status != CLI_YES)
        return status;
    or_status st = cli_policyd_open_store(settings, read_only, store_out, &e);
    cli_policyd_free(settings);
    return st == OR_OK || st == OR_ABSENT ? CLI_YES : cli_fail_status(cli, st, &e);
}

/* ---- list */

struct listing {
    const struct cli *cli;
    json_t *logins; /* with --json */
    struct arena mem;
    size_t count;
};

static bool
print_held(void *context, struct span login, struct span reason)
{
    struct listing *l = context;

    l->count++;
    if (l->cli->json)
        json_array_append_new(l->logins,
                              json_pack("{s:o, s:o}", "login", cli_json_text(&l->mem, login),
                                        "reason", cli_json_text(&l->mem, reason)));
    else
        printf("%.*s: %.*s\n", SPAN_ARG(cli_printable(&l->mem, login)),
               SPAN_ARG(cli_printable(&l->mem, reason)));
    return true;
}

int
cli_brake_list(struct cli *cli)
{
    struct listing l = {.cli = cli, .logins = json_array()};
    struct kvstore *store;
    or_status st = OR_OK;
    struct err e;
    int status = open_store(cli, true, &store);

    arena_init(&l.mem, TEXT_BYTES);
    if (status == CLI_YES && store != NULL)
        st = brake_each(store, print_held, &l, &e);
    if (st != OR_OK)
        status = cli_fail_status(cli, st, &e);
    else if (status == CLI_YES && cli->json)
        cli_print_json(json_pack("{s:O}", "held", l.logins));
    else if (status == CLI_YES && l.count == 0)
        puts("nobody is held");
    json_decref(l.logins);
    arena_fini(&l.mem);
    kvstore_close(store);
    return status;
}

/* ---- release */

static int
release(const struct cli *cli, struct kvstore *store)
{
    struct err e;
    or_status st =
        store == NULL ? OR_ABSENT : brake_release(store, span_cstr(cli->argv[0]), clock_now(), &e);

    if (st == OR_ABSENT)
        return cli_fail(cli, CLI_NO, "%s is not held", cli->argv[0]);
    if (st != OR_OK)
        return cli_fail_status(cli, st, &e);
    if (cli->json)
        cli_print_json(json_pack("{s:s}", "released", cli->argv[0]));
    else
        printf("released %s; what waits in the queue: postsuper -H QUEUE-ID, or -d\n",
               cli->argv[0]);
    return CLI_YES;
}

int
cli_brake_release(struct cli *cli)
{
    struct kvstore *store;
    int status = open_store(cli, false, &store);

    if (status == CLI_YES)
        status = release(cli, store);
    kvstore_close(store);
    return status;
}
