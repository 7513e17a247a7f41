/* outrider greylist import. Writing again what is there already changes nothing. */
#include "policyd/cli_greylist.h"

#include "common/base/clock.h"
#include "policyd/cli_policyd.h"
#include "policyd/postgrey.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define RECORD_BYTES 65536

struct import {
    const struct cli *cli;
    struct kvstore *store;
    struct greylist_settings settings;
    time_t now;
    size_t triplets, clients; /* taken over */
    size_t old;               /* not any more, or there already */
    size_t skipped;           /* no records of this kind */
};

/* The network of a record's client; NULL when the arena is full. */
static bool
begin(struct import *m, const struct postgrey_record *r, struct arena *mem,
      struct greylist_triplet *t)
{
    arena_init(mem, RECORD_BYTES);
    const char *network = greylist_network(&r->client, mem);
    *t = (struct greylist_triplet){
        .identity = network != NULL ? span_cstr(network) : SPAN_EMPTY,
        .sender = r->sender,
        .recipient = r->recipient,
        .now = m->now,
    };
    return network != NULL;
}

static or_status
import_triplet(void *context, const struct postgrey_record *r, struct err *e)
{
    struct import *m = context;
    struct greylist_triplet t;
    struct arena mem;
    bool taken = false;
    or_status st = begin(m, r, &mem, &t)
                       ? greylist_import(m->store, &m->settings, &t, &r->past, &taken, e)
                       : OR_OK;

    m->triplets += taken;
    m->old += !taken;
    arena_fini(&mem);
    return st;
}

static or_status
import_client(void *context, const struct postgrey_record *r, struct err *e)
{
    struct import *m = context;
    struct greylist_triplet t;
    struct arena mem;
    bool taken = false;
    or_status st = begin(m, r, &mem, &t)
                       ? greylist_import_identity(m->store, &m->settings, &t, &r->past, &taken, e)
                       : OR_OK;

    m->clients += taken;
    m->old += !taken;
    arena_fini(&mem);
    return st;
}

/* postgrey_clients.db is not there with --auto-whitelist-clients=0. */
static or_status
import_all(struct import *m, const char *directory, struct err *e)
{
    char path[PATH_MAX];
    size_t skipped = 0;

    snprintf(path, sizeof(path), "%s/postgrey.db", directory);
    or_status st = postgrey_read_triplets(path, import_triplet, m, &m->skipped, e);
    if (st != OR_OK)
        return st;
    snprintf(path, sizeof(path), "%s/postgrey_clients.db", directory);
    st = postgrey_read_clients(path, import_client, m, &skipped, e);
    m->skipped += skipped;
    return st == OR_ABSENT ? OR_OK : st;
}

static void
report(const struct import *m)
{
    if (m->cli->json)
        cli_print_json(json_pack("{s:I, s:I, s:I, s:I}", "triplets", (json_int_t)m->triplets,
                                 "clients", (json_int_t)m->clients, "old_or_known",
                                 (json_int_t)m->old, "not_understood", (json_int_t)m->skipped));
    else
        printf("taken over: %zu triplets, %zu clients\n"
               "left out:   %zu too old or known already, %zu not understood%s\n",
               m->triplets, m->clients, m->old, m->skipped,
               m->skipped > m->triplets + m->clients + m->old
                   ? " (with postgrey --privacy nothing can be read)"
                   : "");
}

static int
run(struct cli *cli, const struct policyd_settings *set)
{
    struct import m = {
        .cli = cli,
        .settings = greylist_settings_of(set),
        .now = clock_now(),
    };
    struct err e;
    or_status st = cli_policyd_open_store(set, false, &m.store, &e);

    if (st == OR_OK)
        st = import_all(&m, cli->argv[0], &e);
    if (st == OR_OK)
        report(&m);
    kvstore_close(m.store);
    return st == OR_OK ? CLI_YES : cli_fail_status(cli, st, &e);
}

int
cli_greylist_import(struct cli *cli)
{
    struct policyd_settings *settings = NULL;
    int status = cli_policyd_load(cli, &settings);

    if (status == CLI_YES)
        status = run(cli, settings);
    cli_policyd_free(settings);
    return status;
}
