/*
 * One command line, read as every verb. What is taken must be fit for headers and replies: no
 * control bytes, UTF-8 only where it was announced.
 */
#include "lmtp/lmtp_command.h"

#include "lmtp/lmtp_xclient.h"

#include "common/text/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_address(const struct addr *a, bool smtputf8)
{
    struct span parts[] = {a->local, a->domain};

    for (size_t k = 0; k < 2; k++) {
        if (!utf8_is_valid(parts[k]) || (!smtputf8 && !utf8_is_ascii(parts[k])))
            abort();
        for (size_t i = 0; i < parts[k].n; i++)
            if ((unsigned char)parts[k].p[i] < ' ' || parts[k].p[i] == 0x7f)
                abort();
    }
}

static void
check_refusal(or_status st, const struct lmtp_reply *r)
{
    if (st != OR_MALFORMED || r->code < 500 || r->text == NULL)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lmtp_command c;
    struct lmtp_mail mail;
    struct addr path;
    struct lmtp_reply refusal = {0};
    struct arena mem;

    if (lmtp_command_split(span_make((const char *)data, size), &c) != OR_OK)
        return 0;
    struct lmtp_chunk chunk = {.size_bytes = 0};
    if (lmtp_command_bdat(c.argument, &chunk) == OR_OK &&
        (c.argument.n == 0 || c.argument.p[0] < '0' || c.argument.p[0] > '9'))
        abort();
    struct lmtp_xclient client;
    if (lmtp_xclient_parse(c.argument, &client) == OR_OK && client.has_helo &&
        strlen(client.helo) >= LMTP_XCLIENT_HELO_BYTES)
        abort();
    arena_init(&mem, 1 << 20);
    or_status st = lmtp_command_mail(c.argument, &mem, &mail, &refusal);
    if (st == OR_OK)
        check_address(&mail.reverse_path, mail.smtputf8);
    else
        check_refusal(st, &refusal);
    for (int smtputf8 = 0; smtputf8 < 2; smtputf8++) {
        refusal = (struct lmtp_reply){0};
        st = lmtp_command_rcpt(c.argument, smtputf8 != 0, &mem, &path, &refusal);
        if (st == OR_OK)
            check_address(&path, smtputf8 != 0);
        else
            check_refusal(st, &refusal);
    }
    arena_fini(&mem);
    return 0;
}
