/* Seals and verifies messages the way the milter would. */
#include "tests/support/arc_mail.h"

#include "tests/support/fake_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX_BYTES ((size_t)1 << 20)
#define ARENA_BYTES ((size_t)4 << 20)

static const char plain[] = "From: ann@example.org\r\nTo: list@forward.test\r\nSubject: hello\r\n"
                            "DKIM-Signature: v=1; stand-in\r\n\r\nText\r\n\r\nand more\r\n";

static void
must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "arc_mail: %s\n", what);
    abort();
}

void
arc_mail_init(struct arc_mail *a)
{
    struct buf record;

    *a = (struct arc_mail){.key = NULL};
    arena_init(&a->mem, ARENA_BYTES);
    buf_init(&a->text, MESSAGE_MAX_BYTES);
    buf_add_cstr(&a->text, plain);
    buf_init(&record, 256);
    must(dkim_private_generate(DKIM_KEY_ED25519, 0, &a->key, NULL) == OR_OK, "no key");
    must(dkim_private_format_record(a->key, &record) == OR_OK, "no record");
    snprintf(a->zone, sizeof(a->zone), "s._domainkey.forward.test TXT \"%.*s\"\n",
             SPAN_ARG(buf_span(&record)));
    buf_fini(&record);
    a->dns = fake_dns_new(a->zone);
}

void
arc_mail_fini(struct arc_mail *a)
{
    dkim_message_fini(&a->message);
    arena_fini(&a->mem);
    buf_fini(&a->text);
    dns_free(a->dns);
    dkim_private_free(a->key);
}

/* The header as far as the verifier goes before the body. */
static struct span
begin(struct arc_mail *a, bool everything)
{
    const struct arc_verify_settings settings = {
        .now = ARC_MAIL_NOW, .deadline_mono_ms = INT64_MAX, .everything = everything};
    struct span body;

    dkim_message_fini(&a->message);
    arena_reset(&a->mem);
    dkim_message_init(&a->message, &a->mem);
    must(dkim_message_add_text(&a->message, buf_span(&a->text), &body, NULL) == OR_OK, "header");
    must(arc_verify_header(&a->verify, &a->message, &settings, a->dns, NULL) == OR_OK, "chain");
    return body;
}

static void
end(struct arc_mail *a, struct span body)
{
    dkim_message_add_body(&a->message, body);
    dkim_message_finish_body(&a->message);
    arc_verify_body(&a->verify, &a->message);
}

void
arc_mail_verify(struct arc_mail *a, bool everything)
{
    end(a, begin(a, everything));
}

/* The new set on top, as Postfix would write it. */
static void
put_on_top(struct arc_mail *a, const struct arc_seal_set *set)
{
    struct buf all;

    buf_init(&all, MESSAGE_MAX_BYTES);
    for (int field = ARC_FIELDS - 1; field >= 0; field--) {
        buf_addf(&all, "%s:", arc_field_name((enum arc_field)field));
        for (size_t i = 0; i < set->values[field].n; i++) {
            if (set->values[field].p[i] == '\n')
                buf_add_char(&all, '\r');
            buf_add_char(&all, set->values[field].p[i]);
        }
        buf_add_cstr(&all, "\r\n");
    }
    buf_add_span(&all, buf_span(&a->text));
    buf_fini(&a->text);
    a->text = all;
}

void
arc_mail_replace(struct arc_mail *a, const char *from, const char *to)
{
    struct span text = buf_span(&a->text);
    char *at = memmem(text.p, text.n, from, strlen(from));
    struct buf all;

    must(at != NULL, from);
    buf_init(&all, MESSAGE_MAX_BYTES);
    buf_add(&all, text.p, (size_t)(at - text.p));
    buf_add_cstr(&all, to);
    buf_add_span(&all, span_from(text, (size_t)(at - text.p) + strlen(from)));
    buf_fini(&a->text);
    a->text = all;
}

/* `status` is what the seal says of the chain. */
static or_status
seal(struct arc_mail *a, const enum arc_result *status, struct err *e)
{
    const struct arc_seal_settings settings = {.now = ARC_MAIL_NOW,
                                               .domain = SPAN_LIT("forward.test"),
                                               .selector = SPAN_LIT("s"),
                                               .key = a->key};
    struct arc_seal_set set;
    struct arc_seal s = {.chain = NULL};
    struct span body = begin(a, false);
    or_status st = arc_seal_start(&s, &a->message, &a->verify.chain, &settings, e);

    end(a, body);
    if (st == OR_OK) {
        must(arc_seal_values(&s, status != NULL ? *status : a->verify.result,
                             SPAN_LIT(" forward.test;\n\tspf=pass"), &set, e) == OR_OK,
             "seal");
        put_on_top(a, &set);
    }
    must(st == OR_OK || st == OR_ABSENT, "start");
    arc_seal_fini(&s);
    return st;
}

or_status
arc_mail_seal(struct arc_mail *a, struct err *e)
{
    return seal(a, NULL, e);
}

void
arc_mail_seal_changed(struct arc_mail *a, const char *from, const char *to)
{
    const enum arc_result status = ARC_PASS;

    arc_mail_replace(a, from, to);
    must(seal(a, &status, NULL) == OR_OK, "changed");
}

const char *
arc_mail_verdict(const struct arc_mail *a)
{
    static char verdict[1024];
    struct buf text;

    buf_init(&text, sizeof(verdict));
    arc_verify_describe(&text, &a->verify);
    snprintf(verdict, sizeof(verdict), "%s: %.*s", arc_result_name(a->verify.result),
             SPAN_ARG(buf_span(&text)));
    buf_fini(&text);
    return verdict;
}
