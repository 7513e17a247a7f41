/*
 * Our end of dkim_matrix.py: signs or verifies many messages in one process, as the milter would,
 * with the body in chunks of libmilter's size. Standard input and output are netstrings.
 *
 *     conform_dkim_sign sign KEY-DIRECTORY    in: "DOMAIN HEADER-CANON BODY-CANON", then the
 *                                             message; out: the signed message
 *     conform_dkim_sign verify ZONE.json      in: the message; out: a line per signature: "pass ok"
 */
#include "common/text/netstring.h"
#include "milter/dkim/dkim_keytable.h"
#include "milter/dkim/dkim_sign.h"
#include "milter/dkim/dkim_verify.h"
#include "tests/support/fake_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INPUT_MAX_BYTES ((size_t)512 << 20)
#define MESSAGE_MAX_BYTES ((size_t)8 << 20)
#define ARENA_BYTES ((size_t)16 << 20)
#define CHUNK_BYTES 65535

struct work {
    struct dkim_keytable *keys;
    struct dns *dns;
    struct arena mem;
    struct dkim_message message;
    struct buf out;
};

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
add_field(struct buf *out, struct span value)
{
    buf_add_cstr(out, "DKIM-Signature:");
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\n')
            buf_add_char(out, '\r');
        buf_add_char(out, value.p[i]);
    }
    buf_add_cstr(out, "\r\n");
}

/* The words of "DOMAIN HEADER-CANON BODY-CANON". */
static struct span
read_wishes(struct span wishes, struct dkim_sign_settings *settings)
{
    struct span domain, word;

    if (!span_split(&wishes, ' ', &domain) || !span_split(&wishes, ' ', &word) ||
        !dkim_canon_find(word, &settings->header_canon) ||
        !dkim_canon_find(wishes, &settings->body_canon)) {
        fputs("conform_dkim_sign: expected \"DOMAIN CANON CANON\"\n", stderr);
        exit(2);
    }
    return domain;
}

static void
sign(struct work *w, struct span wishes, struct span message)
{
    struct dkim_sign_settings settings = {.now = time(NULL)};
    struct span domain = read_wishes(wishes, &settings), body, value;
    struct dkim_sign s;
    struct err e = {.text = ""};
    size_t count;

    must(dkim_message_add_text(&w->message, message, &body, &e), &e);
    must(dkim_sign_start(&s, &w->message, &settings, &e), &e);
    feed_body(&w->message, body);
    const struct dkim_keytable_row *rows = dkim_keytable_find(w->keys, domain, &count);
    for (size_t i = 0; i < count; i++) {
        must(dkim_sign_value(&s, rows[i].key, span_cstr(rows[i].domain),
                             span_cstr(rows[i].selector), &value, &e),
             &e);
        add_field(&w->out, value);
    }
    buf_add_span(&w->out, message);
    dkim_sign_fini(&s);
}

static void
verify(struct work *w, struct span message)
{
    struct dkim_verify_settings settings = {
        .max_signatures = 10, .now = time(NULL), .deadline_mono_ms = INT64_MAX};
    struct dkim_verify v;
    struct span body;
    struct err e = {.text = ""};

    must(dkim_message_add_text(&w->message, message, &body, &e), &e);
    must(dkim_verify_header(&v, &w->message, &settings, w->dns, &e), &e);
    feed_body(&w->message, body);
    dkim_verify_body(&v, &w->message, &settings);
    for (size_t i = 0; i < v.count; i++)
        buf_addf(&w->out, "%s %s\n", dkim_result_name(v.items[i].result),
                 dkim_reason_name(v.items[i].reason));
}

static bool
next(struct span *input, struct span *payload_out)
{
    size_t used;

    if (input->n == 0)
        return false;
    must(netstring_parse(*input, MESSAGE_MAX_BYTES, payload_out, &used), &(struct err){"input"});
    *input = span_from(*input, used);
    return true;
}

static void
run(struct work *w, struct span input)
{
    struct span message, wishes = SPAN_EMPTY;
    struct buf reply;

    while ((w->keys == NULL || next(&input, &wishes)) && next(&input, &message)) {
        arena_init(&w->mem, ARENA_BYTES);
        dkim_message_init(&w->message, &w->mem);
        buf_init(&w->out, MESSAGE_MAX_BYTES);
        buf_init(&reply, MESSAGE_MAX_BYTES);
        if (w->keys != NULL)
            sign(w, wishes, message);
        else
            verify(w, message);
        netstring_format(&reply, buf_span(&w->out));
        fwrite(reply.p, 1, reply.n, stdout);
        buf_fini(&reply);
        buf_fini(&w->out);
        dkim_message_fini(&w->message);
        arena_fini(&w->mem);
    }
}

static struct dns *
read_zone(const char *path)
{
    struct buf zone;
    FILE *f = fopen(path, "rb");

    if (f == NULL)
        must(OR_ABSENT, &(struct err){"the zone file"});
    buf_init(&zone, MESSAGE_MAX_BYTES);
    read_stream(f, &zone);
    fclose(f);
    buf_add_char(&zone, '\0');
    struct dns *dns = fake_dns_new_json(zone.p);
    buf_fini(&zone);
    return dns;
}

int
main(int argc, char **argv)
{
    struct work w = {0};
    struct buf input;
    struct err e = {.text = ""};

    if (argc == 3 && strcmp(argv[1], "sign") == 0)
        must(dkim_keytable_load(argv[2], &w.keys, &e), &e);
    else if (argc == 3 && strcmp(argv[1], "verify") == 0)
        w.dns = read_zone(argv[2]);
    else
        return 2;
    buf_init(&input, INPUT_MAX_BYTES);
    read_stream(stdin, &input);
    run(&w, buf_span(&input));
    buf_fini(&input);
    if (w.dns != NULL)
        dns_free(w.dns);
    dkim_keytable_free(w.keys);
    return 0;
}
