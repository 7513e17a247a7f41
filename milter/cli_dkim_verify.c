/*
 * outrider dkim verify FILE: verifies a stored message with the same code and limits as the milter
 * and says of each signature what became of it.
 */
#include "milter/cli_dkim.h"

#include "common/base/clock.h"
#include "common/dns/dns_cache.h"
#include "common/dns/dns_ldns.h"
#include "milter/dkim/dkim_verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define DEADLINE_MS 20000
#define CACHE_BYTES ((size_t)1 << 20)
#define MESSAGE_MAX_BYTES ((size_t)256 << 20)
#define ARENA_BYTES ((size_t)32 << 20)
#define TEXT_BYTES 1024
#define READ_BYTES 65536

const char *const cli_dkim_verify_options[] = {"dns=ADDRESS", NULL};

/* Reads all of it. A file with LF line ends was stored by something local: signatures are about
 * CRLF. */
static or_status
read_stream(FILE *f, struct buf *out, struct err *e)
{
    char chunk[READ_BYTES];
    char before = '\0';
    size_t n;

    while ((n = fread(chunk, 1, sizeof(chunk), f)) != 0) {
        for (size_t i = 0; i < n; before = chunk[i++]) {
            if (chunk[i] == '\n' && before != '\r')
                buf_add_char(out, '\r');
            buf_add_char(out, chunk[i]);
        }
    }
    if (ferror(f) != 0)
        return err_set(e, OR_CONFIG, "cannot read the message: %s", os_error_text(errno));
    return buf_finish(out) == OR_OK ? OR_OK : err_set(e, OR_LIMIT, "the message is too large");
}

static or_status
read_message(const char *path, struct buf *out, struct err *e)
{
    if (strcmp(path, "-") == 0)
        return read_stream(stdin, out, e);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    or_status st = read_stream(f, out, e);
    fclose(f);
    return st;
}

/* The resolver of --dns, or those of resolv.conf. */
static or_status
open_dns(const struct cli *cli, struct dns **dns_out, struct err *e)
{
    struct dns_ldns_settings settings = {.try_timeout_ms = 3000, .attempts = 2};
    struct dns_cache_settings cache = {.max_bytes = CACHE_BYTES, .max_ttl_s = 3600};
    const char *address = cli_option(cli, "dns");

    or_status st = address != NULL ? dns_ldns_add_server(&settings, span_cstr(address), e)
                                   : dns_ldns_load_resolv_conf(&settings, RESOLV_CONF, e);
    if (st == OR_OK)
        *dns_out = dns_cache_new(dns_ldns_new(&settings), &cache);
    return st;
}

static or_status
verify(struct span text, struct dns *dns, struct dkim_message *m, struct dkim_verify *v,
       struct err *e)
{
    struct dkim_verify_settings settings = {
        .max_signatures = DKIM_MAX_SIGNATURES,
        .now = clock_now(),
        .deadline_mono_ms = clock_mono_ms() + DEADLINE_MS,
    };
    struct span body;
    or_status st = dkim_message_add_text(m, text, &body, e);

    if (st == OR_OK)
        st = dkim_verify_header(v, m, &settings, dns, e);
    if (st != OR_OK)
        return st;
    dkim_message_add_body(m, body);
    dkim_message_finish_body(m);
    dkim_verify_body(v, m, &settings);
    return OR_OK;
}

/* Fields hold any byte, terminals and JSON may not. */
static struct span
printable(struct arena *mem, struct span s)
{
    char *copy = arena_strdup(mem, s);

    for (size_t i = 0; copy != NULL && i < s.n; i++)
        if (copy[i] < ' ' || copy[i] > '~')
            copy[i] = '?';
    return copy != NULL ? span_make(copy, s.n) : SPAN_EMPTY;
}

static json_t *
json_text(struct arena *mem, struct span s)
{
    struct span text = printable(mem, s);

    return text.n != 0 ? json_stringn(text.p, text.n) : json_null();
}

static json_t *
item_json(struct arena *mem, const struct dkim_verify_item *item)
{
    const struct dkim_sig *sig = &item->sig;
    struct buf text;

    buf_init(&text, TEXT_BYTES);
    dkim_verify_describe(&text, item);
    json_t *row = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:b, s:b}", "result",
        dkim_result_name(item->result), "reason", dkim_reason_name(item->reason), "text",
        json_text(mem, buf_span(&text)), "domain", json_text(mem, sig->domain), "selector",
        json_text(mem, sig->selector), "algorithm", json_text(mem, sig->algorithm_name), "identity",
        json_text(mem, sig->identity), "b", json_text(mem, sig->b_prefix), "key_bits",
        (int)item->key_bits, "testing", item->testing, "dnssec", item->key_authenticated);
    buf_fini(&text);
    return row;
}

static void
print_json(struct arena *mem, const struct dkim_verify *v)
{
    json_t *items = json_array();

    for (size_t i = 0; i < v->count; i++)
        json_array_append_new(items, item_json(mem, &v->items[i]));
    cli_print_json(json_pack("{s:s, s:o, s:i}", "result", dkim_result_name(dkim_verify_overall(v)),
                             "signatures", items, "ignored", (int)v->ignored_count));
}

static void
print_part(struct arena *mem, const char *label, struct span value)
{
    struct span text = printable(mem, value);

    if (text.n != 0)
        printf(" %s=%.*s", label, SPAN_ARG(text));
}

static void
print_item(struct arena *mem, const struct dkim_verify_item *item)
{
    struct buf text;

    buf_init(&text, TEXT_BYTES);
    dkim_verify_describe(&text, item);
    struct span described = printable(mem, buf_span(&text));
    printf("%s: %.*s\n   ", dkim_result_name(item->result), SPAN_ARG(described));
    print_part(mem, "d", item->sig.domain);
    print_part(mem, "s", item->sig.selector);
    print_part(mem, "a", item->sig.algorithm_name);
    print_part(mem, "i", item->sig.identity);
    print_part(mem, "b", item->sig.b_prefix);
    if (item->key_bits != 0)
        printf(" key=%u bits", item->key_bits);
    printf("%s\n", item->testing ? " (the domain is testing: t=y)" : "");
    buf_fini(&text);
}

static void
print_people(struct arena *mem, const struct dkim_verify *v)
{
    if (v->count == 0)
        printf("none: the message has no DKIM signature\n");
    for (size_t i = 0; i < v->count; i++)
        print_item(mem, &v->items[i]);
    if (v->ignored_count != 0)
        printf("%zu more signatures were not looked at\n", v->ignored_count);
}

static int
exit_status(enum dkim_result result)
{
    if (result == DKIM_PASS)
        return CLI_YES;
    return result == DKIM_TEMPERROR ? CLI_TEMPFAIL : CLI_NO;
}

static int
verify_and_print(struct cli *cli, struct span text, struct dns *dns)
{
    struct arena mem;
    struct dkim_message m;
    struct dkim_verify v;
    struct err e;
    int status;

    arena_init(&mem, ARENA_BYTES);
    dkim_message_init(&m, &mem);
    or_status st = verify(text, dns, &m, &v, &e);
    if (st != OR_OK) {
        status = cli_fail_status(cli, st, &e);
    } else {
        if (cli->json)
            print_json(&mem, &v);
        else
            print_people(&mem, &v);
        status = exit_status(dkim_verify_overall(&v));
    }
    dkim_message_fini(&m);
    arena_fini(&mem);
    return status;
}

int
cli_dkim_verify(struct cli *cli)
{
    struct dns *dns = NULL;
    struct buf message;
    struct err e;
    int status;

    buf_init(&message, MESSAGE_MAX_BYTES);
    if (read_message(cli->argv[0], &message, &e) != OR_OK) {
        status = cli_fail(cli, CLI_USAGE, "%s", e.text);
    } else {
        or_status st = open_dns(cli, &dns, &e);
        status = st == OR_OK ? verify_and_print(cli, buf_span(&message), dns)
                             : cli_fail_status(cli, st, &e);
    }
    dns_free(dns);
    buf_fini(&message);
    return status;
}
