/*
 * outrider dkim keygen DOMAIN: new keys, where the milter looks for them, and what to publish. Both
 * algorithms by default: Ed25519 alone is not verified everywhere, and RSA alone will not last.
 */
#include "milter/cli_dkim_keygen.h"

#include "common/base/clock.h"
#include "common/run/sysuser.h"
#include "common/text/domain.h"
#include "milter/cli_dkim.h"
#include "milter/cli_input.h"
#include "milter/dkim/dkim_keyfile.h"
#include "milter/milter_conf.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_RSA_BITS 2048
#define NAME_ARENA_BYTES ((size_t)1 << 16)
#define RECORD_MAX_BYTES 4096
#define TXT_STRING_BYTES 255 /* RFC 1035 3.3: one character-string */
#define MAX_KEYS 2

const char *const cli_dkim_keygen_options[] = {
    "selector=S", "algorithm=rsa|ed25519|both", "bits=2048", "directory=DIR", "owner=USER", NULL};

struct job {
    enum dkim_key_type type;
    char selector[DOMAIN_MAX_LABEL_BYTES * 2];
    char path[PATH_MAX];
    struct dkim_private *key;
    struct buf record; /* "v=DKIM1; ..." */
};

struct keygen {
    struct cli *cli;
    struct arena mem;
    const char *domain; /* canonical */
    char directory[PATH_MAX];
    unsigned bits;
    uid_t uid;
    gid_t gid;
    struct job jobs[MAX_KEYS];
    size_t count;
    const struct cli_dkim_keygen_hook *hook; /* NULL: none */
};

/* "rYYYYMM": a new key each month can be published before the old one goes. */
static void
default_selector(struct job *job)
{
    time_t now = clock_now();
    struct tm t;

    gmtime_r(&now, &t);
    snprintf(job->selector, sizeof(job->selector), "%c%04d%02d",
             job->type == DKIM_KEY_RSA ? 'r' : 'e', (t.tm_year + 1900) % 10000, t.tm_mon + 1);
}

static void
add_job(struct keygen *g, enum dkim_key_type type, const char *selector, const char *suffix)
{
    struct job *job = &g->jobs[g->count++];

    job->type = type;
    buf_init(&job->record, RECORD_MAX_BYTES);
    if (selector == NULL)
        default_selector(job);
    else
        snprintf(job->selector, sizeof(job->selector), "%s%s", selector, suffix);
}

static int
read_algorithm(struct keygen *g)
{
    const char *word = cli_option(g->cli, "algorithm");
    const char *selector = cli_option(g->cli, "selector");
    bool both = word == NULL || strcmp(word, "both") == 0;

    if (both || strcmp(word, "rsa") == 0)
        add_job(g, DKIM_KEY_RSA, selector, "");
    if (both || strcmp(word, "ed25519") == 0)
        add_job(g, DKIM_KEY_ED25519, selector, both ? "-ed25519" : "");
    if (g->count == 0)
        return cli_fail(g->cli, CLI_USAGE, "--algorithm is rsa, ed25519 or both, not \"%s\"", word);
    return CLI_YES;
}

static int
read_names(struct keygen *g)
{
    const char *selector = cli_option(g->cli, "selector");
    struct span canonical;
    struct err e = {.text = ""};

    if (domain_canonical(span_cstr(g->cli->argv[0]), &g->mem, &canonical, &e) != OR_OK ||
        !domain_is_hostname(canonical))
        return cli_fail(g->cli, CLI_USAGE, "\"%s\" is not a domain name", g->cli->argv[0]);
    g->domain = arena_strdup(&g->mem, canonical);
    if (selector == NULL)
        return CLI_YES;
    /* Room for the suffix that tells the second key apart. */
    if (domain_canonical(span_cstr(selector), &g->mem, &canonical, &e) != OR_OK ||
        !domain_is_hostname(canonical) || strlen(selector) > DOMAIN_MAX_LABEL_BYTES - 8)
        return cli_fail(g->cli, CLI_USAGE, "\"%s\" is not a selector", selector);
    return CLI_YES;
}

static int
read_bits(struct keygen *g)
{
    const char *text = cli_option(g->cli, "bits");
    uint64_t bits = DEFAULT_RSA_BITS;

    if (text != NULL && (span_parse_u64(span_cstr(text), DKIM_MAX_RSA_BITS, &bits) != OR_OK ||
                         bits < DKIM_MIN_RSA_BITS))
        return cli_fail(g->cli, CLI_USAGE, "--bits is 1024 to 4096, not \"%s\"", text);
    g->bits = (unsigned)bits;
    return CLI_YES;
}

static int
read_directory(struct keygen *g)
{
    return cli_input_directory(g->cli, g->directory);
}

/* --owner; for root the daemon's user, where there is one. */
static int
read_owner(struct keygen *g)
{
    const char *owner = cli_option(g->cli, "owner");
    const char *name = owner != NULL ? owner : milter_schema.default_user;

    g->uid = DKIM_KEYFILE_KEEP_OWNER;
    if (owner == NULL && geteuid() != 0)
        return CLI_YES;
    or_status st = sysuser_find(name, &g->uid, &g->gid);
    if (st != OR_OK && owner != NULL)
        return cli_fail(g->cli, CLI_CONFIG, "there is no user \"%s\"", owner);
    return CLI_YES;
}

static int
make_keys(struct keygen *g)
{
    struct err e;

    for (size_t i = 0; i < g->count; i++) {
        struct job *job = &g->jobs[i];
        or_status st = dkim_keyfile_path(g->directory, g->domain, job->selector, job->path, &e);

        if (st == OR_OK && access(job->path, F_OK) == 0)
            st = err_set(&e, OR_CONFIG, "%s exists; choose another --selector", job->path);
        if (st == OR_OK)
            st = dkim_private_generate(job->type, g->bits, &job->key, &e);
        if (st == OR_OK && dkim_private_format_record(job->key, &job->record) != OR_OK)
            st = err_set(&e, OR_BUG, "cannot write the public key");
        if (st != OR_OK)
            return cli_fail_status(g->cli, st, &e);
    }
    return CLI_YES;
}

static int
call_hook(struct keygen *g)
{
    struct cli_dkim_keygen_made made = {.directory = g->directory, .domain = g->domain};

    if (g->hook == NULL)
        return CLI_YES;
    for (size_t i = 0; i < g->count; i++) {
        if (dkim_rotation_add(&made.next, span_cstr(g->jobs[i].selector)) != OR_OK)
            return cli_fail(g->cli, CLI_USAGE, "\"%s\" is too long", g->jobs[i].selector);
        made.has_type[g->jobs[i].type] = true;
    }
    return g->hook->before_store(g->hook->context, &made);
}

static int
store_keys(struct keygen *g)
{
    struct err e;

    for (size_t i = 0; i < g->count; i++) {
        or_status st = dkim_keyfile_create(g->jobs[i].path, g->jobs[i].key, g->uid, g->gid, &e);

        if (st != OR_OK)
            return cli_fail_status(g->cli, st, &e);
    }
    return CLI_YES;
}

/* A line for a zone file: strings of at most 255 bytes, in parentheses when there are several. */
static void
format_zone_line(struct buf *out, const struct keygen *g, const struct job *job)
{
    struct span rest = buf_span(&job->record);
    bool several = rest.n > TXT_STRING_BYTES;

    buf_addf(out, "%s._domainkey.%s. IN TXT", job->selector, g->domain);
    buf_add_cstr(out, several ? " (" : "");
    while (rest.n != 0) {
        struct span string = span_slice(rest, 0, TXT_STRING_BYTES);

        buf_addf(out, "%s\"%.*s\"", several ? "\n\t" : " ", SPAN_ARG(string));
        rest = span_from(rest, string.n);
    }
    buf_add_cstr(out, several ? " )" : "");
}

static json_t *
job_json(const struct keygen *g, const struct job *job)
{
    struct buf zone;

    buf_init(&zone, 2 * (size_t)RECORD_MAX_BYTES);
    format_zone_line(&zone, g, job);
    json_t *row =
        json_pack("{s:s, s:s, s:i, s:s, s:s++, s:s%, s:s%}", "selector", job->selector, "algorithm",
                  dkim_key_type_name(job->type), "bits", (int)dkim_private_bits(job->key), "file",
                  job->path, "name", job->selector, "._domainkey.", g->domain, "record",
                  job->record.p, job->record.n, "zone", zone.p, zone.n);
    buf_fini(&zone);
    return row;
}

static void
print_job(const struct keygen *g, const struct job *job)
{
    struct buf zone;

    buf_init(&zone, 2 * (size_t)RECORD_MAX_BYTES);
    format_zone_line(&zone, g, job);
    printf("; %s key of %u bits: %s\n%.*s\n", dkim_key_type_name(job->type),
           dkim_private_bits(job->key), job->path, SPAN_ARG(buf_span(&zone)));
    buf_fini(&zone);
}

static void
print_keys(const struct keygen *g)
{
    json_t *keys = json_array();

    for (size_t i = 0; i < g->count; i++) {
        if (g->cli->json)
            json_array_append_new(keys, job_json(g, &g->jobs[i]));
        else
            print_job(g, &g->jobs[i]);
    }
    if (g->cli->json)
        cli_print_json(json_pack("{s:s, s:O}", "domain", g->domain, "keys", keys));
    json_decref(keys);
}

int
cli_dkim_keygen_run(struct cli *cli, const struct cli_dkim_keygen_hook *hook)
{
    static int (*const steps[])(struct keygen *) = {
        read_names, read_algorithm, read_bits, read_directory,
        read_owner, make_keys,      call_hook, store_keys,
    };
    struct keygen g = {.cli = cli, .hook = hook};
    int status = CLI_YES;

    arena_init(&g.mem, NAME_ARENA_BYTES);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == CLI_YES; i++)
        status = steps[i](&g);
    if (status == CLI_YES)
        print_keys(&g);
    for (size_t i = 0; i < g.count; i++) {
        dkim_private_free(g.jobs[i].key);
        buf_fini(&g.jobs[i].record);
    }
    arena_fini(&g.mem);
    return status;
}

int
cli_dkim_keygen(struct cli *cli)
{
    return cli_dkim_keygen_run(cli, NULL);
}
