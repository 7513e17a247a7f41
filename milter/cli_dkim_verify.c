/*
 * outrider dkim verify FILE: verifies a stored message with the same code and limits as the milter
 * and says of each signature what became of it.
 */
#include "milter/cli_dkim.h"

#include "common/base/clock.h"
#include "milter/cli_input.h"
#include "milter/cli_message.h"
#include "milter/dkim/dkim_verify.h"

#include <stdio.h>

#define TEXT_BYTES 1024

const char *const cli_dkim_verify_options[] = {"dns=ADDRESS", "dns-file=FILE", NULL};

static or_status
verify(struct span text, struct dns *dns, struct dkim_message *m, struct dkim_verify *v,
       struct err *e)
{
    struct dkim_verify_settings settings = {
        .max_signatures = DKIM_MAX_SIGNATURES,
        .now = clock_now(),
        .deadline_mono_ms = clock_mono_ms() + CLI_INPUT_DEADLINE_MS,
        .clock_skew_s = DKIM_VERIFY_CLOCK_SKEW_S,
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
        cli_json_text(mem, buf_span(&text)), "domain", cli_json_text(mem, sig->domain), "selector",
        cli_json_text(mem, sig->selector), "algorithm", cli_json_text(mem, sig->algorithm_name),
        "identity", cli_json_text(mem, sig->identity), "b", cli_json_text(mem, sig->b_prefix),
        "key_bits", (int)item->key_bits, "testing", item->testing, "dnssec",
        item->key_authenticated);
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
print_item(struct arena *mem, const struct dkim_verify_item *item)
{
    struct buf text;

    buf_init(&text, TEXT_BYTES);
    dkim_verify_describe(&text, item);
    struct span described = cli_printable(mem, buf_span(&text));
    printf("%s: %.*s\n   ", dkim_result_name(item->result), SPAN_ARG(described));
    cli_message_print_part(mem, "d", item->sig.domain);
    cli_message_print_part(mem, "s", item->sig.selector);
    cli_message_print_part(mem, "a", item->sig.algorithm_name);
    cli_message_print_part(mem, "i", item->sig.identity);
    cli_message_print_part(mem, "b", item->sig.b_prefix);
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

    arena_init(&mem, CLI_MESSAGE_ARENA_BYTES);
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
    return cli_message_run(cli, verify_and_print);
}
