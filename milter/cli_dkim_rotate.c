/*
 * outrider dkim rotate DOMAIN: the next keys, made beside those that sign, and the plan that tells
 * the milter which is which. The plan is written first and removed last: whatever happens between,
 * no key signs before its record is published.
 */
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/xalloc.h"
#include "common/text/domain.h"
#include "milter/cli_dkim.h"
#include "milter/cli_dkim_keygen.h"
#include "common/cli/cli_dns.h"
#include "milter/cli_input.h"
#include "milter/dkim/dkim_keyfile.h"
#include "milter/dkim/dkim_published.h"
#include "milter/dkim/dkim_rotation_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)1 << 20)

const char *const cli_dkim_rotate_options[] = {"abort",
                                               "finish",
                                               "selector=S",
                                               "algorithm=rsa|ed25519|both",
                                               "bits=2048",
                                               "directory=DIR",
                                               "state-directory=DIR",
                                               "owner=USER",
                                               "dns=ADDRESS",
                                               "dns-file=FILE",
                                               NULL};

struct rotate {
    struct cli *cli;
    struct arena mem;
    char directory[PATH_MAX], state_directory[PATH_MAX];
    char domain[DOMAIN_MAX_BYTES + 1]; /* canonical */
    struct dkim_rotation_plan plan;
    struct dkim_rotation_state state;
    struct dkim_keytable *table;
};

static int
read_names(struct rotate *r)
{
    struct span canonical;
    int status = cli_input_directory(r->cli, r->directory);

    if (status == CLI_YES)
        status = cli_input_state_directory(r->cli, r->state_directory);
    if (status != CLI_YES)
        return status;
    if (domain_canonical(span_cstr(r->cli->argv[0]), &r->mem, &canonical, NULL) != OR_OK ||
        !domain_is_hostname(canonical))
        return cli_fail(r->cli, CLI_USAGE, "\"%s\" is not a domain name", r->cli->argv[0]);
    snprintf(r->domain, sizeof(r->domain), "%.*s", SPAN_ARG(canonical));
    return CLI_YES;
}

/* The plan under way, and how far this host is with it. CLI_NO: there is none. */
static int
read_plan(struct rotate *r)
{
    struct err e = {.text = ""};
    or_status st = dkim_rotation_plan_read(r->directory, r->domain, &r->plan, &e);

    if (st == OR_ABSENT)
        return CLI_NO;
    if (st == OR_OK && dkim_rotation_state_read(r->state_directory, r->domain, &r->plan, &r->state,
                                                &e) == OR_CONFIG)
        st = OR_CONFIG;
    return st == OR_OK ? CLI_YES : cli_fail_status(r->cli, st, &e);
}

static int
load_table(struct rotate *r)
{
    struct err e;
    or_status st = dkim_keytable_load(r->directory, &r->table, &e);

    return st == OR_OK ? CLI_YES : cli_fail_status(r->cli, st, &e);
}

/* Keys of the kinds made now, which sign until then: what the next ones replace. */
static int
write_plan(void *context, const struct cli_dkim_keygen_made *made)
{
    struct rotate *r = context;
    const struct dkim_keytable_row *row;
    struct err e;

    memset(&r->plan, 0, sizeof(r->plan));
    crypto_random_hex(r->plan.id, DKIM_ROTATION_ID_BYTES / 2);
    r->plan.started = (int64_t)clock_now();
    r->plan.next = made->next;
    for (size_t i = 0; (row = dkim_keytable_row_at(r->table, i)) != NULL; i++)
        if (strcmp(row->domain, made->domain) == 0 && made->has_type[dkim_private_type(row->key)] &&
            dkim_rotation_add(&r->plan.old, span_cstr(row->selector)) != OR_OK)
            return cli_fail(r->cli, CLI_NO, "%s has too many keys", made->domain);
    if (r->plan.old.count == 0)
        return cli_fail(r->cli, CLI_NO, "%s has no such key to replace; see keygen", made->domain);
    or_status st = dkim_rotation_plan_create(made->directory, made->domain, &r->plan, &e);
    return st == OR_OK ? CLI_YES : cli_fail_status(r->cli, st, &e);
}

static int
begin(struct rotate *r)
{
    const struct cli_dkim_keygen_hook hook = {.before_store = write_plan, .context = r};
    int status = read_plan(r);

    if (status == CLI_YES)
        return cli_fail(r->cli, CLI_NO,
                        "%s: a rotation is under way (%s); see --finish and --abort", r->domain,
                        dkim_rotation_phase_name(r->state.phase));
    if (status == CLI_NO)
        status = load_table(r);
    if (status == CLI_YES)
        status = cli_dkim_keygen_run(r->cli, &hook);
    if (status == CLI_YES && !r->cli->json)
        printf("; 1. Publish these records. 2. Reload outrider-milter (SIGHUP) on every host.\n"
               "; The milter signs with these keys once DNS shows all of their records, keeps\n"
               "; the old ones for rotation-grace, and then logs which records may go.\n"
               "; See \"outrider dkim status %s\"; at the end: rotate --finish.\n",
               r->domain);
    return status;
}

/* Key files first, then the plan that keeps them from signing. */
static int
remove_keys(struct rotate *r, const struct dkim_rotation_names *names)
{
    char path[PATH_MAX];
    struct err e;
    or_status st = OR_OK;

    for (size_t i = 0; i < names->count && st == OR_OK; i++) {
        st = dkim_keyfile_path(r->directory, r->domain, names->name[i], path, &e);
        if (st == OR_OK && unlink(path) != 0 && errno != ENOENT)
            st = err_set(&e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    }
    if (st == OR_OK)
        st = dkim_rotation_plan_remove(r->directory, r->domain, &e);
    if (st != OR_OK)
        return cli_fail_status(r->cli, st, &e);
    json_t *removed = json_array();
    for (size_t i = 0; i < names->count; i++) {
        json_array_append_new(removed, json_string(names->name[i]));
        if (!r->cli->json)
            printf("removed d=%s s=%s\n", r->domain, names->name[i]);
    }
    if (r->cli->json)
        cli_print_json(json_pack("{s:s, s:O}", "domain", r->domain, "removed", removed));
    json_decref(removed);
    return CLI_YES;
}

/* A milter on any host may switch to a key whose record can be seen, or has done so. */
static int
check_unpublished(struct rotate *r)
{
    const struct dkim_keytable_row *row;
    struct dns *dns = NULL;
    struct span text;
    struct err e;
    int status = CLI_YES;

    if (cli_dns_open(r->cli, &dns, &e) != OR_OK)
        return cli_fail_status(r->cli, OR_CONFIG, &e);
    for (size_t i = 0; (row = dkim_keytable_row_at(r->table, i)) != NULL && status == CLI_YES;
         i++) {
        if (row->role != DKIM_KEYTABLE_NEXT || strcmp(row->domain, r->domain) != 0)
            continue;
        arena_reset(&r->mem);
        enum dkim_published published =
            dkim_published_check(row, dns, clock_mono_ms() + CLI_INPUT_DEADLINE_MS, &r->mem, &text);
        if (published == DKIM_PUBLISHED)
            status = cli_fail(r->cli, CLI_NO, "the record of %s is published; take it back first",
                              row->selector);
        else if (published == DKIM_PUBLISHED_UNKNOWN)
            status = cli_fail(r->cli, CLI_TEMPFAIL, "DNS does not answer for %s", row->selector);
    }
    dns_free(dns);
    return status;
}

static int
end(struct rotate *r, bool is_abort)
{
    int status = read_plan(r);

    if (status == CLI_NO)
        return cli_fail(r->cli, CLI_NO, "%s: no rotation is under way", r->domain);
    if (status != CLI_YES)
        return status;
    if (is_abort ? r->state.phase != DKIM_ROTATION_WAITING
                 : r->state.phase != DKIM_ROTATION_RETIRED)
        return cli_fail(r->cli, CLI_NO, "%s: too %s: the rotation is in state \"%s\"", r->domain,
                        is_abort ? "late" : "early", dkim_rotation_phase_name(r->state.phase));
    if (!is_abort)
        return remove_keys(r, &r->plan.old);
    status = load_table(r);
    if (status == CLI_YES)
        status = check_unpublished(r);
    return status == CLI_YES ? remove_keys(r, &r->plan.next) : status;
}

int
cli_dkim_rotate(struct cli *cli)
{
    bool is_abort = cli_option(cli, "abort") != NULL, is_end = cli_option(cli, "finish") != NULL;
    struct rotate *r = xcalloc(1, sizeof(*r));
    int status;

    if (is_abort && is_end) {
        free(r);
        return cli_fail(cli, CLI_USAGE, "say --abort or --finish, not both");
    }
    r->cli = cli;
    arena_init(&r->mem, ARENA_BYTES);
    status = read_names(r);
    if (status == CLI_YES)
        status = is_abort || is_end ? end(r, is_abort) : begin(r);
    dkim_keytable_free(r->table);
    arena_fini(&r->mem);
    free(r);
    return status;
}
