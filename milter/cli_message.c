/*
 * Reading a message from a file and asking a resolver about it, for the verbs that verify.
 */
#include "milter/cli_message.h"

#include "common/dns/dns_cache.h"
#include "common/dns/dns_ldns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define CACHE_BYTES ((size_t)1 << 20)
#define READ_BYTES 65536

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

/* Fields hold any byte, terminals and JSON may not. */
struct span
cli_message_printable(struct arena *mem, struct span s)
{
    char *copy = arena_strdup(mem, s);

    for (size_t i = 0; copy != NULL && i < s.n; i++)
        if (copy[i] < ' ' || copy[i] > '~')
            copy[i] = '?';
    return copy != NULL ? span_make(copy, s.n) : SPAN_EMPTY;
}

json_t *
cli_message_json(struct arena *mem, struct span s)
{
    struct span text = cli_message_printable(mem, s);

    return text.n != 0 ? json_stringn(text.p, text.n) : json_null();
}

void
cli_message_print_part(struct arena *mem, const char *label, struct span value)
{
    struct span text = cli_message_printable(mem, value);

    if (text.n != 0)
        printf(" %s=%.*s", label, SPAN_ARG(text));
}

int
cli_message_run(struct cli *cli, int (*run)(struct cli *cli, struct span text, struct dns *dns))
{
    struct dns *dns = NULL;
    struct buf message;
    struct err e;
    int status;

    buf_init(&message, CLI_MESSAGE_MAX_BYTES);
    if (read_message(cli->argv[0], &message, &e) != OR_OK) {
        status = cli_fail(cli, CLI_USAGE, "%s", e.text);
    } else {
        or_status st = open_dns(cli, &dns, &e);
        status = st == OR_OK ? run(cli, buf_span(&message), dns) : cli_fail_status(cli, st, &e);
    }
    dns_free(dns);
    buf_fini(&message);
    return status;
}
