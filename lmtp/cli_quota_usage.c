/*
 * With lmtpd's configuration, look-up, rules and file: what is printed is what the next delivery
 * goes by. Works as the mailbox's owner, as a delivery does.
 */
#include "lmtp/cli_quota_usage.h"

#include "lmtp/quota.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define MEMORY_BYTES 65536

struct report {
    struct span account_name;
    struct maildir_usage usage;
    struct quota_limits limits;
};

/* What `limit` is used up by, in percent; a mailbox may be fuller than full. */
static int64_t
percent(int64_t used, int64_t limit)
{
    return used > INT64_MAX / 100 ? used / limit * 100 : used * 100 / limit;
}

static void
print_part(const char *unit, int64_t used, int64_t limit)
{
    if (limit > 0)
        printf("%" PRId64 " of %" PRId64 " %s (%" PRId64 "%%)", used, limit, unit,
               percent(used, limit));
    else
        printf("%" PRId64 " %s, no limit", used, unit);
}

static json_t *
limit_or_null(int64_t limit)
{
    return limit > 0 ? json_integer(limit) : json_null();
}

static void
print(const struct cli *cli, const struct report *r, struct arena *mem)
{
    if (cli->json) {
        cli_print_json(json_pack(
            "{s:o, s:I, s:o, s:I, s:o}", "user", cli_json_text(mem, r->account_name), "bytes",
            (json_int_t)r->usage.bytes, "bytes_limit", limit_or_null(r->limits.bytes), "messages",
            (json_int_t)r->usage.messages, "messages_limit", limit_or_null(r->limits.messages)));
        return;
    }
    printf("%.*s: ", SPAN_ARG(cli_printable(mem, r->account_name)));
    print_part("bytes", r->usage.bytes, r->limits.bytes);
    fputs("; ", stdout);
    print_part("messages", r->usage.messages, r->limits.messages);
    putchar('\n');
}

static or_status
measure(const struct recipient *r, const struct lmtp_settings *settings, bool anew,
        struct report *report_out, struct err *e)
{
    struct owner_switch back = {.active = false};

    if (r->proxy != NULL)
        return err_set(e, OR_ABSENT, "the mailbox is on another server, %s", r->proxy);
    or_status st = owner_enter(&r->owner, &back, e);
    if (st != OR_OK)
        return st;
    report_out->account_name = r->account_name;
    report_out->limits = r->quota != NULL ? r->quota->limits : (struct quota_limits){0, 0};
    st = quota_usage(r, settings, anew, &report_out->usage, e);
    owner_leave(&back);
    return st;
}

static or_status
ask(const struct cli *cli, const struct recipient_source *source, bool anew,
    struct report *report_out, struct err *e)
{
    struct recipient recipient;
    struct addr address;
    or_status st = addr_parse_path(span_cstr(cli->argv[0]), true, source->mem, &address, NULL, e);

    if (st == OR_OK && addr_is_null(&address))
        st = err_set(e, OR_MALFORMED, "an address is needed");
    if (st == OR_OK)
        st = recipient_lookup(source, &address, &recipient, e);
    if (st == OR_ABSENT)
        return err_set(e, OR_ABSENT, "%s: no such user", cli->argv[0]);
    return st == OR_OK ? measure(&recipient, source->settings, anew, report_out, e) : st;
}

static int
load(const struct cli *cli, struct lmtp_settings **settings_out)
{
    char path[PATH_MAX];
    void *settings = NULL;
    struct err e = {""};

    conf_default_path(lmtp_schema.daemon, path, sizeof(path));
    or_status st = conf_load(&lmtp_schema, cli->config != NULL ? cli->config : path, &settings, &e);
    if (st != OR_OK)
        return cli_fail_status(cli, st, &e);
    *settings_out = settings;
    return CLI_YES;
}

static int
run(const struct cli *cli, bool anew)
{
    struct lmtp_settings *settings = NULL;
    struct report report = {.account_name = SPAN_EMPTY};
    struct arena mem;
    struct err e = {""};
    int status = load(cli, &settings);

    if (settings == NULL)
        return status;
    arena_init(&mem, MEMORY_BYTES);
    struct recipient_source source = {
        settings, account_client_new(settings->userdb, settings->userdb_timeout_ms), &mem};
    or_status st = ask(cli, &source, anew, &report, &e);
    if (st == OR_OK)
        print(cli, &report, &mem);
    else
        status = cli_fail_status(cli, st, &e);
    account_client_free(source.accounts);
    arena_fini(&mem);
    conf_free(&lmtp_schema, settings);
    return status;
}

int
cli_quota_usage_show(struct cli *cli)
{
    return run(cli, false);
}

int
cli_quota_usage_recalc(struct cli *cli)
{
    return run(cli, true);
}
