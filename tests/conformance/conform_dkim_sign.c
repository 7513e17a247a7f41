/*
 * Our end of dkim_interop.py: signs or verifies one message from standard input, as the milter
 * would, with the body in chunks of libmilter's size.
 *
 *     conform_dkim_sign sign KEY-DIRECTORY DOMAIN simple|relaxed simple|relaxed < message > signed
 * message conform_dkim_sign verify ZONE.json < message     prints one line per signature: "pass ok"
 */
#include "milter/dkim/dkim_keytable.h"
#include "milter/dkim/dkim_sign.h"
#include "milter/dkim/dkim_verify.h"
#include "tests/support/fake_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE_MAX_BYTES ((size_t)8 << 20)
#define ARENA_BYTES ((size_t)16 << 20)
#define CHUNK_BYTES 65535

static void
must(or_status st, const struct err *e)
{
    if (st == OR_OK)
        return;
    fprintf(stderr, "%s: %s\n", or_status_name(st), e->text);
    exit(1);
}

static void
read_stream(FILE *f, struct buf *out)
{
    char chunk[CHUNK_BYTES];

    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) != 0;)
        buf_add(out, chunk, n);
}

static void
feed_body(struct dkim_message *m, struct span body)
{
    for (; body.n != 0; body = span_from(body, CHUNK_BYTES))
        dkim_message_add_body(m, span_slice(body, 0, CHUNK_BYTES));
    dkim_message_finish_body(m);
}

/* The field as Postfix would write it: CRLF folds. */
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
sign(struct dkim_message *m, struct span message, char **argv)
{
    struct dkim_sign_settings settings = {.now = time(NULL)};
    struct dkim_keytable *table = NULL;
    struct dkim_sign s;
    struct span body, value;
    struct err e = {.text = ""};
    size_t count;

    if (!dkim_canon_find(span_cstr(argv[4]), &settings.header_canon) ||
        !dkim_canon_find(span_cstr(argv[5]), &settings.body_canon))
        return 2;
    must(dkim_keytable_load(argv[2], &table, &e), &e);
    must(dkim_message_add_text(m, message, &body, &e), &e);
    must(dkim_sign_start(&s, m, &settings, &e), &e);
    feed_body(m, body);
    const struct dkim_keytable_row *rows = dkim_keytable_find(table, span_cstr(argv[3]), &count);
    for (size_t i = 0; i < count; i++) {
        must(dkim_sign_value(&s, rows[i].key, span_cstr(rows[i].domain),
                             span_cstr(rows[i].selector), &value, &e),
             &e);
        print_field(value);
    }
    fwrite(message.p, 1, message.n, stdout);
    dkim_sign_fini(&s);
    dkim_keytable_free(table);
    return 0;
}

static int
verify(struct dkim_message *m, struct span message, char **argv)
{
    struct dkim_verify_settings settings = {
        .max_signatures = 10, .now = time(NULL), .deadline_mono_ms = INT64_MAX};
    struct dkim_verify v;
    struct span body;
    struct buf zone;
    struct err e = {.text = ""};
    FILE *f = fopen(argv[2], "rb");

    if (f == NULL)
        return 2;
    buf_init(&zone, MESSAGE_MAX_BYTES);
    read_stream(f, &zone);
    fclose(f);
    buf_add_char(&zone, '\0');
    struct dns *dns = fake_dns_new_json(zone.p);
    must(dkim_message_add_text(m, message, &body, &e), &e);
    must(dkim_verify_header(&v, m, &settings, dns, &e), &e);
    feed_body(m, body);
    dkim_verify_body(&v, m, &settings);
    for (size_t i = 0; i < v.count; i++)
        printf("%s %s\n", dkim_result_name(v.items[i].result), dkim_reason_name(v.items[i].reason));
    dns_free(dns);
    buf_fini(&zone);
    return 0;
}

int
main(int argc, char **argv)
{
    struct arena mem;
    struct dkim_message m;
    struct buf message;
    int status = 2;

    arena_init(&mem, ARENA_BYTES);
    dkim_message_init(&m, &mem);
    buf_init(&message, MESSAGE_MAX_BYTES);
    read_stream(stdin, &message);
    if (argc == 6 && strcmp(argv[1], "sign") == 0)
        status = sign(&m, buf_span(&message), argv);
    else if (argc == 3 && strcmp(argv[1], "verify") == 0)
        status = verify(&m, buf_span(&message), argv);
    else
        fputs("usage: see the comment at the top of conform_dkim_sign.c\n", stderr);
    buf_fini(&message);
    dkim_message_fini(&m);
    arena_fini(&mem);
    return status;
}
