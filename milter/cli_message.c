/*
 * Reading a message from a file and asking a resolver about it, for the verbs that verify.
 */
#include "milter/cli_message.h"

#include "common/cli/cli_dns.h"
#include "milter/cli_input.h"

#include <stdio.h>

void
cli_message_print_part(struct arena *mem, const char *label, struct span value)
{
    struct span text = cli_printable(mem, value);

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

    buf_init(&message, CLI_INPUT_MAX_BYTES);
    if (cli_input_message(cli->argv[0], &message, &e) != OR_OK) {
        status = cli_fail(cli, CLI_USAGE, "%s", e.text);
    } else {
        or_status st = cli_dns_open(cli, &dns, &e);
        status = st == OR_OK ? run(cli, buf_span(&message), dns) : cli_fail_status(cli, st, &e);
    }
    dns_free(dns);
    buf_fini(&message);
    return status;
}
