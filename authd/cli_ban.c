/*
 * Bans are in the store; authd looks there once a second.
 */
#include "authd/cli_ban.h"

#include "authd/cli_login_log.h"
#include "authd/guard/guard_store.h"
#include "common/base/clock.h"
#include "common/run/conf_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES ((size_t)16 << 20)
#define DEFAULT_STORE "sqlite:/var/lib/outrider/authd/state.sqlite"
#define STORE_TIMEOUT_MS 2000
#define MAX_REASON_BYTES 100

const char *const cli_ban_add_options[] = {"for=TIME", "reason=TEXT", NULL};
const char *const cli_ban_explain_options[] = {"file=PATH", NULL};

/* What a verb works with; `store` NULL: there is none yet. */
struct banning {
    const struct cli *cli;
    struct authd_settings *settings; /* NULL: the defaults */
    struct kvstore *store;
    struct arena mem;
    struct err e;
};

static int
begin(struct banning *b, const struct cli *cli, bool read_only)
{
    *b = (struct banning){.cli = cli};
    arena_init(&b->mem, TEXT_BYTES);
    int status = cli_authd_load(cli, &b->settings);

    if (status != CLI_YES)
        return status;
    const struct authd_settings *s = b->settings;
    const struct kvstore_settings store = {
        .address = s != NULL ? s->store : DEFAULT_STORE,
        .password_file = s != NULL ? s->store_password_file : NULL,
        .timeout_ms = STORE_TIMEOUT_MS,
        .read_only = read_only,
    };
    if (store.address[0] == '\0')
        return cli_fail(cli, CLI_CONFIG, "the configuration names no store");
    or_status st = kvstore_open(&store, &b->store, &b->e);
    return st == OR_OK || (st == OR_ABSENT && read_only) ? CLI_YES
                                                         : cli_fail_status(cli, st, &b->e);
}

static void
end(struct banning *b)
{
    kvstore_close(b->store);
    cli_authd_free(b->settings);
    arena_fini(&b->mem);
}

static int
parse_network(const struct banning *b, struct cidr *network_out)
{
    struct err e = {""};

    if (cidr_parse(span_cstr(b->cli->argv[0]), network_out, &e) != OR_OK)
        return cli_fail(b->cli, CLI_USAGE, "%s: no address and no network", b->cli->argv[0]);
    ip_mask(&network_out->base, network_out->prefix);
    return CLI_YES;
}

static void
format_time(time_t when, char out[32])
{
    struct tm tm;

    strftime(out, 32, "%Y-%m-%d %H:%M:%S", localtime_r(&when, &tm));
}

static json_t *
json_ban(struct banning *b, const struct guard_ban *ban)
{
    char network[GUARD_NETWORK_BYTES], since[32], until[32];

    guard_network_format(&ban->network, network);
    format_time(ban->since, since);
    format_time(ban->until, until);
    return json_pack("{s:s, s:s, s:s, s:i, s:o}", "network", network, "since", since, "until",
                     until, "times", (int)ban->times, "reason",
                     cli_json_text(&b->mem, span_cstr(ban->reason)));
}

static void
print_ban(struct banning *b, const struct guard_ban *ban)
{
    char network[GUARD_NETWORK_BYTES], since[32], until[32];

    guard_network_format(&ban->network, network);
    format_time(ban->since, since);
    format_time(ban->until, until);
    printf("%s since %s until %s: %.*s", network, since, until,
           SPAN_ARG(cli_printable(&b->mem, span_cstr(ban->reason))));
    if (ban->times > 1)
        printf(" (%u times within a week)", ban->times);
    putchar('\n');
}

/* ---- list */

struct listing {
    struct banning *b;
    json_t *list;             /* NULL: for people */
    const struct ip *holding; /* only those that hold this address; NULL: all */
    time_t now;
    size_t count;
};

static bool
show(void *context, const struct guard_ban *ban)
{
    struct listing *l = context;

    if (ban->until <= l->now || (l->holding != NULL && !cidr_contains(&ban->network, l->holding)))
        return true;
    l->count++;
    if (l->list != NULL)
        json_array_append_new(l->list, json_ban(l->b, ban));
    else
        print_ban(l->b, ban);
    return true;
}

int
cli_ban_list(struct cli *cli)
{
    struct banning b;
    struct listing l = {.b = &b, .list = cli->json ? json_array() : NULL, .now = clock_now()};
    int status = begin(&b, cli, true);

    if (status == CLI_YES && b.store != NULL) {
        or_status st = guard_store_each_ban(b.store, show, &l, &b.e);

        status = st == OR_OK ? CLI_YES : cli_fail_status(cli, st, &b.e);
    }
    if (status == CLI_YES && l.list != NULL)
        cli_print_json(json_pack("{s:O}", "bans", l.list));
    else if (status == CLI_YES && l.count == 0)
        puts("nobody is banned");
    json_decref(l.list);
    end(&b);
    return status;
}

/* ---- add */

/* --for, without it a day. */
static int
parse_seconds(const struct cli *cli, int64_t *seconds_out)
{
    static const struct conf_option length = {.name = "--for",
                                              .type = CONF_DURATION,
                                              .def = "1d",
                                              .min = 1000,
                                              .max = INT64_C(3650) * 86400 * 1000};
    const char *text = cli_option(cli, "for");
    int64_t ms = 0;
    struct err e;

    if (conf_value_set(&length, &ms, text != NULL ? text : length.def, &e) != OR_OK)
        return cli_fail(cli, CLI_USAGE, "%s", e.text);
    *seconds_out = ms / 1000;
    return CLI_YES;
}

static int
parse_reason(const struct cli *cli, char out[GUARD_REASON_BYTES])
{
    const char *reason = cli_option(cli, "reason");

    snprintf(out, GUARD_REASON_BYTES, "%s", reason != NULL ? reason : "by the administrator");
    if (reason != NULL && strlen(reason) > MAX_REASON_BYTES)
        return cli_fail(cli, CLI_USAGE, "--reason: at most %d bytes", MAX_REASON_BYTES);
    for (const char *p = out; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == '\x7f')
            return cli_fail(cli, CLI_USAGE, "--reason: one line without control characters");
    return CLI_YES;
}

static int
report(const struct banning *b, or_status st, const char *done, const struct cidr *network)
{
    char text[GUARD_NETWORK_BYTES];

    guard_network_format(network, text);
    if (st == OR_ABSENT)
        return cli_fail(b->cli, CLI_NO, "%s is not banned", text);
    if (st != OR_OK)
        return cli_fail_status(b->cli, st, &b->e);
    if (b->cli->json)
        cli_print_json(json_pack("{s:s}", done, text));
    else
        printf("%s %s\n", done, text);
    return CLI_YES;
}

int
cli_ban_add(struct cli *cli)
{
    struct banning b;
    struct guard_ban ban = {.since = clock_now(), .times = 1};
    int64_t seconds = 0;
    int status = begin(&b, cli, false);

    if (status == CLI_YES)
        status = parse_network(&b, &ban.network);
    if (status == CLI_YES)
        status = parse_seconds(cli, &seconds);
    if (status == CLI_YES)
        status = parse_reason(cli, ban.reason);
    ban.until = ban.since + (time_t)seconds;
    if (status == CLI_YES)
        status = report(&b, guard_store_put_ban(b.store, &ban, &b.e), "banned", &ban.network);
    end(&b);
    return status;
}

int
cli_ban_remove(struct cli *cli)
{
    struct banning b;
    struct cidr network;
    int status = begin(&b, cli, false);

    if (status == CLI_YES)
        status = parse_network(&b, &network);
    if (status == CLI_YES)
        status = report(&b, guard_store_remove_ban(b.store, &network, &b.e), "removed", &network);
    end(&b);
    return status;
}

/* ---- explain */

/* The bans that hold the address, and what it has tried. */
static or_status
explain(struct banning *b, const struct ip *ip, json_t *bans, json_t *logins, size_t *count)
{
    const char *file = cli_option(b->cli, "file");
    struct listing l = {.b = b, .list = bans, .holding = ip, .now = clock_now()};
    char text[IP_TEXT_BYTES];
    or_status st = b->store != NULL ? guard_store_each_ban(b->store, show, &l, &b->e) : OR_OK;

    if (file == NULL)
        file = b->settings != NULL ? b->settings->logins : AUTHD_DEFAULT_LOGINS;
    *count = l.count;
    ip_format(ip, text);
    if (st == OR_OK && file[0] != '\0')
        st = cli_login_log_print(file, span_cstr(text), logins, count, &b->e);
    return st;
}

int
cli_ban_explain(struct cli *cli)
{
    struct banning b;
    struct ip ip;
    json_t *bans = cli->json ? json_array() : NULL, *logins = cli->json ? json_array() : NULL;
    size_t count = 0;
    int status = begin(&b, cli, true);

    if (status == CLI_YES && ip_parse(span_cstr(cli->argv[0]), &ip) != OR_OK)
        status = cli_fail(cli, CLI_USAGE, "%s: no address", cli->argv[0]);
    if (status == CLI_YES) {
        or_status st = explain(&b, &ip, bans, logins, &count);

        status = st == OR_OK ? CLI_YES : cli_fail_status(cli, st, &b.e);
    }
    if (status == CLI_YES && count == 0)
        status = cli_fail(cli, CLI_NO, "%s is not banned, and no failed login of it is kept",
                          cli->argv[0]);
    else if (status == CLI_YES && cli->json)
        cli_print_json(json_pack("{s:O, s:O}", "bans", bans, "logins", logins));
    json_decref(bans);
    json_decref(logins);
    end(&b);
    return status;
}
