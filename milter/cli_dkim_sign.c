/*
 * outrider dkim sign FILE: signs a stored message with the same code as the milter, with the keys
 * of its From domain or with one key named on the command line. The file is not changed.
 */
#include "milter/cli_dkim.h"

#include "common/base/clock.h"
#include "common/text/domain.h"
#include "milter/cli_input.h"
#include "milter/dkim/dkim_keytable.h"
#include "milter/dkim/dkim_sign.h"
#include "milter/milter_author.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES ((size_t)32 << 20)

const char *const cli_dkim_sign_options[] = {
    "directory=DIR", "key=FILE", "domain=D", "selector=S", "canonicalization=H/B", NULL};

struct signing {
    struct cli *cli;
    struct arena mem;
    struct buf text; /* the whole message, CRLF */
    struct dkim_message m;
    struct dkim_sign_settings settings;
    struct dkim_sign sign;
    struct dkim_keytable *table;          /* NULL with --key */
    struct dkim_keytable_row own;         /* of --key */
    const struct dkim_keytable_row *rows; /* what signs */
    size_t count;
    struct span values[DKIM_KEYTABLE_MAX_PER_DOMAIN]; /* the fields made */
};

static int
read_canonicalization(struct signing *s)
{
    const char *text = cli_option(s->cli, "canonicalization");
    struct span words = span_cstr(text != NULL ? text : "relaxed/relaxed");
    size_t slash = span_find(words, '/');

    if (!dkim_canon_find(span_slice(words, 0, slash), &s->settings.header_canon) ||
        !dkim_canon_find(span_from(words, slash + 1), &s->settings.body_canon))
        return cli_fail(s->cli, CLI_USAGE,
                        "--canonicalization is simple or relaxed, twice, as in relaxed/simple");
    return CLI_YES;
}

static int
read_message(struct signing *s)
{
    struct span body;
    struct err e;

    if (cli_input_message(s->cli->argv[0], &s->text, &e) != OR_OK)
        return cli_fail(s->cli, CLI_USAGE, "%s", e.text);
    s->settings.now = clock_now();
    or_status st = dkim_message_add_text(&s->m, buf_span(&s->text), &body, &e);
    if (st == OR_OK)
        st = dkim_sign_start(&s->sign, &s->m, &s->settings, &e);
    if (st != OR_OK)
        return cli_fail_status(s->cli, st, &e);
    dkim_message_add_body(&s->m, body);
    dkim_message_finish_body(&s->m);
    return CLI_YES;
}

/* A name of the command line as it stands in d= or s=; NULL when it is none. */
static char *
canonical_option(struct signing *s, const char *option)
{
    struct span canonical;

    if (domain_canonical(span_cstr(cli_option(s->cli, option)), &s->mem, &canonical, NULL) !=
            OR_OK ||
        !domain_is_hostname(canonical))
        return NULL;
    return arena_strdup(&s->mem, canonical);
}

/* --key, --domain and --selector. */
static int
find_own_key(struct signing *s, const char *path)
{
    struct err e;

    if (cli_option(s->cli, "domain") == NULL || cli_option(s->cli, "selector") == NULL ||
        cli_option(s->cli, "directory") != NULL)
        return cli_fail(s->cli, CLI_USAGE,
                        "--key needs --domain and --selector, and no --directory");
    s->own.domain = canonical_option(s, "domain");
    s->own.selector = canonical_option(s, "selector");
    if (s->own.domain == NULL || s->own.selector == NULL)
        return cli_fail(s->cli, CLI_USAGE, "--domain and --selector must be names");
    or_status st = dkim_private_read(path, &s->own.key, &e);
    if (st != OR_OK)
        return cli_fail_status(s->cli, st, &e);
    s->rows = &s->own;
    s->count = 1;
    return CLI_YES;
}

/* The keys of --domain or of the From field, as the milter would take them. */
static int
find_keys(struct signing *s)
{
    const char *path = cli_option(s->cli, "key");
    char directory[PATH_MAX];
    struct milter_author author = {.domain = SPAN_EMPTY};
    struct span domain = SPAN_EMPTY;
    struct err e;

    if (path != NULL)
        return find_own_key(s, path);
    if (cli_option(s->cli, "selector") != NULL)
        return cli_fail(s->cli, CLI_USAGE, "--selector goes with --key: all keys of a domain sign");
    int status = cli_input_directory(s->cli, directory);
    if (status != CLI_YES)
        return status;
    or_status st =
        cli_option(s->cli, "domain") != NULL
            ? domain_canonical(span_cstr(cli_option(s->cli, "domain")), &s->mem, &domain, &e)
            : milter_author_find(&s->m, &author, &e);
    if (st == OR_OK && cli_option(s->cli, "domain") == NULL)
        domain = author.domain;
    if (st == OR_OK)
        st = dkim_keytable_load(directory, &s->table, &e);
    if (st != OR_OK)
        return cli_fail_status(s->cli, st, &e);
    s->rows = dkim_keytable_find(s->table, domain, &s->count);
    if (s->rows == NULL)
        return cli_fail(s->cli, CLI_NO, "there is no usable key for %.*s in %s", SPAN_ARG(domain),
                        directory);
    return CLI_YES;
}

static int
make_fields(struct signing *s)
{
    struct err e;

    for (size_t i = 0; i < s->count; i++) {
        const struct dkim_keytable_row *row = &s->rows[i];
        or_status st = dkim_sign_value(&s->sign, row->key, span_cstr(row->domain),
                                       span_cstr(row->selector), &s->values[i], &e);

        if (st != OR_OK)
            return cli_fail_status(s->cli, st, &e);
    }
    return CLI_YES;
}

/* The field as it stands in a message: with CRLF. */
static void
print_field(struct span value)
{
    fputs("DKIM-Signature:", stdout);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\n')
            putchar('\r');
        putchar(value.p[i]);
    }
    fputs("\r\n", stdout);
}

static int
print_json(const struct signing *s)
{
    json_t *fields = json_array();

    for (size_t i = 0; i < s->count; i++)
        json_array_append_new(fields,
                              json_pack("{s:s, s:s, s:s, s:s%}", "domain", s->rows[i].domain,
                                        "selector", s->rows[i].selector, "algorithm",
                                        dkim_key_type_name(dkim_private_type(s->rows[i].key)),
                                        "value", s->values[i].p, s->values[i].n));
    cli_print_json(json_pack("{s:o}", "signatures", fields));
    return CLI_YES;
}

static int
print_signed(struct signing *s)
{
    if (s->cli->json)
        return print_json(s);
    for (size_t i = 0; i < s->count; i++)
        print_field(s->values[i]);
    fwrite(s->text.p, 1, s->text.n, stdout);
    if (fflush(stdout) != 0)
        return cli_fail(s->cli, CLI_TEMPFAIL, "the message could not be written");
    return CLI_YES;
}

int
cli_dkim_sign(struct cli *cli)
{
    static int (*const steps[])(struct signing *) = {
        read_canonicalization, read_message, find_keys, make_fields, print_signed,
    };
    struct signing s = {.cli = cli};
    int status = CLI_YES;

    arena_init(&s.mem, ARENA_BYTES);
    buf_init(&s.text, CLI_INPUT_MAX_BYTES);
    dkim_message_init(&s.m, &s.mem);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == CLI_YES; i++)
        status = steps[i](&s);
    dkim_sign_fini(&s.sign);
    dkim_message_fini(&s.m);
    dkim_keytable_free(s.table);
    dkim_private_free(s.own.key);
    buf_fini(&s.text);
    arena_fini(&s.mem);
    return status;
}
