/*
 * outrider sieve check FILE, outrider sieve test FILE MESSAGE: with the same parser, checks and
 * limits as a delivery, but nothing is delivered, sent or refused.
 */
#include "lmtp/cli_sieve.h"

#include "common/base/clock.h"
#include "lmtp/sieve/sieve_report.h"
#include "lmtp/sieve/sieve_run.h"
#include "lmtp/sieve_library.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define READ_BYTES 65536
#define MESSAGE_MAX_BYTES ((size_t)256 << 20)
#define HEADER_MEMORY ((size_t)64 << 20) /* of the fields and of what is printed */
#define LINE_BYTES ((size_t)4 * SIEVE_MAX_STRING_BYTES)

const char *const cli_sieve_test_options[] = {
    "from=ADDRESS", "to=ADDRESS", "delimiter=CHARACTER", "personal=DIRECTORY", "global=DIRECTORY",
    "trace",        NULL};

static or_status
read_stream(FILE *f, const char *path, struct buf *out, struct err *e)
{
    char chunk[READ_BYTES];
    size_t n;

    while ((n = fread(chunk, 1, sizeof(chunk), f)) != 0)
        buf_add(out, chunk, n);
    if (ferror(f) != 0)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    return buf_finish(out) == OR_OK ? OR_OK : err_set(e, OR_LIMIT, "%s: too large", path);
}

/* "-": standard input. */
static or_status
read_file(const char *path, struct buf *out, struct err *e)
{
    if (strcmp(path, "-") == 0)
        return read_stream(stdin, path, out, e);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    or_status st = read_stream(f, path, out, e);
    (void)fclose(f);
    return st;
}

/* CLI_YES with the script, or the exit status after saying what is wrong: a faulty script is an
 * answer, not wrong use. */
static int
compile(const struct cli *cli, struct sieve_script **script_out)
{
    const char *path = cli->argv[0];
    struct buf text;
    struct err e = {""};

    buf_init(&text, SIEVE_MAX_SCRIPT_BYTES);
    or_status st = read_file(path, &text, &e);
    if (st != OR_OK) {
        buf_fini(&text);
        return cli_fail_status(cli, st, &e);
    }
    st = sieve_script_compile(path, buf_span(&text), NULL, script_out, &e);
    buf_fini(&text);
    return st == OR_OK ? CLI_YES : cli_fail(cli, CLI_NO, "%s", e.text);
}

int
cli_sieve_check(struct cli *cli)
{
    struct sieve_script *script = NULL;
    int status = compile(cli, &script);

    sieve_script_free(script);
    if (status != CLI_YES)
        return status;
    if (cli->json)
        cli_print_json(json_pack("{s:b}", "valid", 1));
    else
        printf("%s: no errors\n", cli->argv[0]);
    return CLI_YES;
}

/* Sizes are of the message as sent: a line end counts two bytes however the file has it. */
static uint64_t
wire_size(struct span text)
{
    uint64_t size = text.n;

    for (size_t i = 0; i < text.n; i++)
        size += text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r');
    return size;
}

/* People write "<alice@example.org>" and "<>" as they stand in the LMTP dialogue. */
static struct span
address_option(const struct cli *cli, const char *name)
{
    const char *value = cli_option(cli, name);
    struct span s = span_cstr(value != NULL ? value : "");
    bool has = s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>';

    return has ? span_slice(s, 1, s.n - 1) : s;
}

static void
trace_test(void *context, const struct sieve_node *test, bool holds)
{
    (void)context;
    fprintf(stderr, "%u:%u: %.*s: %s\n", test->pos.line, test->pos.column, SPAN_ARG(test->name),
            holds ? "true" : "false");
}

static void
trace_command(void *context, const struct sieve_node *command)
{
    (void)context;
    fprintf(stderr, "%u:%u: %.*s\n", command->pos.line, command->pos.column,
            SPAN_ARG(command->name));
}

static void
print_people(const struct sieve_actions *actions, struct arena *mem)
{
    if (actions->count == 0)
        printf("discard\n");
    for (size_t i = 0; i < actions->count; i++) {
        struct buf line;

        buf_init(&line, LINE_BYTES);
        sieve_report_action(&line, &actions->items[i]);
        struct span text = cli_printable(mem, buf_span(&line));
        printf("%.*s\n", (int)text.n, text.p);
        buf_fini(&line);
    }
}

static json_t *
json_of(const struct sieve_action *a, struct arena *mem)
{
    const struct sieve_vacation *v = a->vacation;
    json_t *action = json_pack("{s:s, s:o, s:o, s:b}", "action", sieve_report_name(a->kind),
                               "target", cli_json_text(mem, a->target), "flags",
                               cli_json_text(mem, a->flags), "create", a->create);

    if (v != NULL)
        (void)json_object_set_new(
            action, "vacation",
            json_pack("{s:I, s:o, s:o, s:o, s:b, s:o}", "seconds", (json_int_t)v->period_s,
                      "subject", cli_json_text(mem, v->subject), "from",
                      cli_json_text(mem, v->from), "handle", cli_json_text(mem, v->handle), "mime",
                      v->mime, "fcc", cli_json_text(mem, v->fcc.folder)));
    return action;
}

static void
print_json(const struct sieve_actions *actions, struct arena *mem)
{
    json_t *list = json_array();

    for (size_t i = 0; i < actions->count; i++)
        (void)json_array_append_new(list, json_of(&actions->items[i], mem));
    cli_print_json(json_pack("{s:o}", "actions", list));
}

static int
run_and_print(const struct cli *cli, const struct sieve_script *script,
              const struct sieve_message *message, struct arena *mem)
{
    static const struct sieve_trace trace = {.test = trace_test, .command = trace_command};
    struct sieve_run run;
    struct err e = {""};

    sieve_run_init(&run, script, message);
    run.trace = cli_option(cli, "trace") != NULL ? &trace : NULL;
    or_status st = sieve_run_execute(&run, &e);
    if (st == OR_OK && cli->json)
        print_json(&run.actions, mem);
    else if (st == OR_OK)
        print_people(&run.actions, mem);
    sieve_run_fini(&run);
    /* What a delivery would do then. */
    return st == OR_OK ? CLI_YES : cli_fail(cli, CLI_NO, "%s; the message is kept", e.text);
}

static long
local_offset_s(time_t when)
{
    struct tm tm;

    return localtime_r(&when, &tm) != NULL ? tm.tm_gmtoff : 0;
}

static or_status
load(void *context, enum sieve_place place, struct span name,
     const struct sieve_script **script_out, struct err *e)
{
    return sieve_library_load(context, place, name, script_out, e);
}

static int
run_on(const struct cli *cli, const struct sieve_script *script, struct span text)
{
    const char *delimiter = cli_option(cli, "delimiter");
    struct sieve_library library = {.cache = sieve_cache_new(),
                                    .personal = cli_option(cli, "personal"),
                                    .global = cli_option(cli, "global")};
    struct header_block header;
    struct arena mem;
    struct err e = {""};
    struct sieve_message message = {
        .header = &header,
        .size_bytes = wire_size(text),
        .sender = address_option(cli, "from"),
        .recipient = address_option(cli, "to"),
        .now = clock_now(),
        .local_offset_s = local_offset_s,
        .detail_separator = delimiter != NULL ? delimiter[0] : '+',
        .load = load,
        .context = &library,
    };

    sieve_library_init(&library);
    arena_init(&mem, HEADER_MEMORY);
    or_status st = header_parse(text, &mem, &header, &e);
    int status =
        st == OR_OK ? run_and_print(cli, script, &message, &mem) : cli_fail_status(cli, st, &e);
    arena_fini(&mem);
    sieve_library_fini(&library);
    sieve_cache_free(library.cache);
    return status;
}

int
cli_sieve_test(struct cli *cli)
{
    struct sieve_script *script = NULL;
    struct buf message;
    struct err e = {""};
    int status = compile(cli, &script);

    if (status != CLI_YES)
        return status;
    buf_init(&message, MESSAGE_MAX_BYTES);
    or_status st = read_file(cli->argv[1], &message, &e);
    status = st == OR_OK ? run_on(cli, script, buf_span(&message)) : cli_fail_status(cli, st, &e);
    buf_fini(&message);
    sieve_script_free(script);
    return status;
}
