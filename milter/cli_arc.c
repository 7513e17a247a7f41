/*
 * outrider arc verify FILE: validates the ARC chain of a stored message with the milter's code, and
 * says of every set what became of it, also of those that cannot change the result.
 */
#include "milter/cli_arc.h"

#include "common/base/clock.h"
#include "milter/arc/arc_verify.h"
#include "milter/cli_input.h"
#include "milter/cli_message.h"

#include <stdio.h>

#define TEXT_BYTES 1024

const char *const cli_arc_verify_options[] = {"dns=ADDRESS", "dns-file=FILE", NULL};

static or_status
verify(struct span text, struct dns *dns, struct dkim_message *m, struct arc_verify *v,
       struct err *e)
{
    const struct arc_verify_settings settings = {
        .now = clock_now(),
        .deadline_mono_ms = clock_mono_ms() + CLI_INPUT_DEADLINE_MS,
        .everything = true,
    };
    struct span body;
    or_status st = dkim_message_add_text(m, text, &body, e);

    if (st == OR_OK)
        st = arc_verify_header(v, m, &settings, dns, e);
    if (st != OR_OK)
        return st;
    dkim_message_add_body(m, body);
    dkim_message_finish_body(m);
    arc_verify_body(v, m);
    return OR_OK;
}

/* The sets that were looked at: none when the chain is not put together as it must be. */
static unsigned
set_count(const struct arc_verify *v)
{
    return v->sets != NULL ? v->chain.count : 0;
}

static json_t *
item_json(struct arena *mem, const struct dkim_verify_item *item)
{
    struct buf text;

    buf_init(&text, TEXT_BYTES);
    dkim_verify_describe(&text, item);
    json_t *row = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o}", "result", dkim_result_name(item->result), "reason",
        dkim_reason_name(item->reason), "text", cli_json_text(mem, buf_span(&text)), "domain",
        cli_json_text(mem, item->sig.domain), "selector", cli_json_text(mem, item->sig.selector),
        "algorithm", cli_json_text(mem, item->sig.algorithm_name));
    buf_fini(&text);
    return row;
}

static void
print_json(struct arena *mem, const struct arc_verify *v)
{
    json_t *sets = json_array();
    struct buf text;

    for (unsigned i = set_count(v); i > 0; i--)
        json_array_append_new(sets, json_pack("{s:i, s:o, s:o, s:o}", "instance", (int)i, "cv",
                                              cli_json_text(mem, v->chain.sets[i - 1].status),
                                              "seal", item_json(mem, v->sets[i - 1].seal),
                                              "message", item_json(mem, v->sets[i - 1].message)));
    buf_init(&text, TEXT_BYTES);
    arc_verify_describe(&text, v);
    cli_print_json(
        json_pack("{s:s, s:s, s:o, s:o, s:o}", "result", arc_result_name(v->result), "reason",
                  arc_reason_name(v->reason), "text", cli_json_text(mem, buf_span(&text)), "set",
                  v->instance != 0 ? json_integer(v->instance) : json_null(), "sets", sets));
    buf_fini(&text);
}

static void
print_item(struct arena *mem, const char *what, const struct dkim_verify_item *item)
{
    struct buf text;

    buf_init(&text, TEXT_BYTES);
    dkim_verify_describe(&text, item);
    struct span described = cli_printable(mem, buf_span(&text));
    printf("    %s %s: %.*s\n       ", what, dkim_result_name(item->result), SPAN_ARG(described));
    cli_message_print_part(mem, "d", item->sig.domain);
    cli_message_print_part(mem, "s", item->sig.selector);
    cli_message_print_part(mem, "a", item->sig.algorithm_name);
    printf("\n");
    buf_fini(&text);
}

static void
print_people(struct arena *mem, const struct arc_verify *v)
{
    struct buf text;

    buf_init(&text, TEXT_BYTES);
    arc_verify_describe(&text, v);
    struct span described = cli_printable(mem, buf_span(&text));
    printf("%s: %.*s\n", arc_result_name(v->result), SPAN_ARG(described));
    for (unsigned i = set_count(v); i > 0; i--) {
        printf("set %u:", i);
        cli_message_print_part(mem, "cv", v->chain.sets[i - 1].status);
        printf("\n");
        print_item(mem, "seal", v->sets[i - 1].seal);
        print_item(mem, "message signature", v->sets[i - 1].message);
    }
    buf_fini(&text);
}

/* To RFC 8617 5.2.1 a failed look-up is a failed chain; to a person it is worth another try. */
static int
exit_status(const struct arc_verify *v)
{
    if (v->result == ARC_PASS)
        return CLI_YES;
    for (unsigned i = 0; i < set_count(v); i++)
        if (v->sets[i].seal->result == DKIM_TEMPERROR ||
            (i + 1 == v->chain.count && v->sets[i].message->result == DKIM_TEMPERROR))
            return CLI_TEMPFAIL;
    return CLI_NO;
}

static int
verify_and_print(struct cli *cli, struct span text, struct dns *dns)
{
    struct arena mem;
    struct dkim_message m;
    struct arc_verify v;
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
        status = exit_status(&v);
    }
    dkim_message_fini(&m);
    arena_fini(&mem);
    return status;
}

int
cli_arc_verify(struct cli *cli)
{
    return cli_message_run(cli, verify_and_print);
}
