/* Bytes from a file, standard input or arguments, and the attributes that are in them. */
#include "policyd/cli_policy_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static or_status
read_stream(FILE *file, struct buf *text, struct err *e)
{
    char chunk[4096];
    size_t n;

    while ((n = fread(chunk, 1, sizeof(chunk), file)) != 0 && !text->failed)
        buf_add(text, chunk, n);
    return ferror(file) != 0 ? err_set(e, OR_TEMPFAIL, "cannot be read") : OR_OK;
}

static or_status
read_file(const char *path, struct buf *text, struct err *e)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");

    if (file == NULL)
        return err_set(e, OR_MALFORMED, "%s: %s", path, os_error_text(errno));
    or_status st = read_stream(file, text, e);
    if (!is_stdin)
        fclose(file);
    return st == OR_OK ? OR_OK : err_wrap(e, st, "%s", path);
}

/* One FILE, or NAME=VALUE each. */
static or_status
read_arguments(const struct cli *cli, struct buf *text, struct err *e)
{
    if (cli->argc == 1 && strchr(cli->argv[0], '=') == NULL)
        return read_file(cli->argv[0], text, e);
    for (int i = 0; i < cli->argc; i++) {
        if (strchr(cli->argv[i], '=') == NULL)
            return err_set(e, OR_MALFORMED, "\"%.60s\" is not NAME=VALUE", cli->argv[i]);
        buf_add_cstr(text, cli->argv[i]);
        buf_add_char(text, '\n');
    }
    return OR_OK;
}

static or_status
parse(struct span text, struct arena *mem, struct policy_request *request_out, struct err *e)
{
    struct attrs *attrs = arena_alloc(mem, sizeof(*attrs));
    struct span copy;

    while (text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    if (attrs == NULL || arena_copy(mem, text, &copy) != OR_OK)
        return err_set(e, OR_LIMIT, "no memory for the request");
    or_status st = attrs_parse(copy, attrs, e);
    if (st != OR_OK)
        return st;
    struct span name = attrs_get(attrs, "request");
    if (name.n > 0 && !span_equal_cstr(name, POLICY_REQUEST_NAME))
        return err_set(e, OR_MALFORMED, "only request=%s can be tested", POLICY_REQUEST_NAME);
    policy_request_parse(attrs, request_out);
    return OR_OK;
}

int
cli_policy_request_read(const struct cli *cli, struct arena *mem,
                        struct policy_request *request_out)
{
    struct policy_request request = {.protocol_state = SPAN_EMPTY};
    struct buf text;
    struct err e;

    buf_init(&text, ATTRS_MAX_BYTES);
    or_status st = read_arguments(cli, &text, &e);
    if (st == OR_OK && buf_finish(&text) != OR_OK)
        st = err_set(&e, OR_LIMIT, "attributes over %d bytes", ATTRS_MAX_BYTES);
    if (st == OR_OK)
        st = parse(buf_span(&text), mem, &request, &e);
    buf_fini(&text);
    if (st != OR_OK)
        return cli_fail_status(cli, st, &e);
    if (request.protocol_state.n == 0)
        request.protocol_state = SPAN_LIT("RCPT");
    *request_out = request;
    return CLI_YES;
}
