/*
 * ARC against the suite of ValiMail: every case of arc/validate.json, each with the body in one
 * piece and in odd pieces; and arc/sign.json: what we seal has the expected tags but for b=, and
 * is what our verifier calls it.
 *
 *     conform_arc [DIRECTORY]                   runs both; sealed messages go to DIRECTORY/NAME.eml
 *     conform_arc verify ZONE.json < message    prints the chain's result
 */
#include "common/text/taglist.h"
#include "milter/arc/arc_seal.h"
#include "milter/arc/arc_verify.h"
#include "milter/authres/authres_parse.h"
#include "tests/support/fake_dns.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_VECTORS "../shared/vectors"
#define MESSAGE_MAX_BYTES ((size_t)8 << 20)
#define ARENA_BYTES ((size_t)16 << 20)
#define NAMES_MAX 32
#define EXIT_SKIPPED 77

static const size_t chunk_sizes[] = {SIZE_MAX, 1, 7, 4096};
static const char *folder;
static const char *output; /* NULL: sealed messages are not kept */

static void
must(or_status st, const char *what, const struct err *e)
{
    if (st == OR_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, or_status_name(st), e->text);
    exit(1);
}

static void
read_stream(FILE *f, struct buf *out)
{
    char chunk[65536];

    if (f == NULL) {
        fprintf(stderr, "a file is missing\n");
        exit(1);
    }
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) != 0;)
        buf_add(out, chunk, n);
}

/* A message of the suite; a last line without line end gets one. */
static void
read_message(json_t *test, struct buf *out)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/arc/%s", folder,
             json_string_value(json_object_get(test, "message")));
    FILE *f = fopen(path, "rb");
    buf_init(out, MESSAGE_MAX_BYTES);
    read_stream(f, out);
    fclose(f);
    if (!span_has_suffix_nocase(buf_span(out), SPAN_LIT("\r\n")))
        buf_add_cstr(out, "\r\n");
}

static void
feed_body(struct dkim_message *m, struct span body, size_t chunk)
{
    for (; body.n != 0; body = span_from(body, chunk))
        dkim_message_add_body(m, span_slice(body, 0, chunk));
    dkim_message_finish_body(m);
}

/* The word for the chain; why, for the report. */
static const char *
verify(struct span message, struct dns *dns, size_t chunk, struct buf *why)
{
    const struct arc_verify_settings settings = {
        .now = time(NULL), .deadline_mono_ms = INT64_MAX, .everything = chunk == 7};
    struct arena mem;
    struct dkim_message m;
    struct arc_verify v;
    struct span body;
    struct err e = {.text = ""};

    arena_init(&mem, ARENA_BYTES);
    dkim_message_init(&m, &mem);
    must(dkim_message_add_text(&m, message, &body, &e), "header", &e);
    must(arc_verify_header(&v, &m, &settings, dns, &e), "chain", &e);
    feed_body(&m, body, chunk);
    arc_verify_body(&v, &m);
    arc_verify_describe(why, &v);
    dkim_message_fini(&m);
    arena_fini(&mem);
    return arc_result_name(v.result);
}

static struct dns *
open_zone(json_t *root, json_t *test)
{
    json_t *own = json_object_get(test, "zonedata");
    json_t *zones = json_object_get(root, "zones");
    json_t *zone = own != NULL
                       ? own
                       : json_object_get(zones, json_string_value(json_object_get(test, "zone")));
    char *text = json_dumps(zone, JSON_ENCODE_ANY);
    struct dns *dns = fake_dns_new_json(text);

    free(text);
    return dns;
}

/* A disputed case is one of rsa-sha1, which RFC 8301 settles: the first answer. */
static bool
run_validate(json_t *root, json_t *test)
{
    const char *name = json_string_value(json_object_get(test, "name"));
    const char *expect = json_string_value(json_array_get(json_object_get(test, "expect"), 0));
    struct dns *dns = open_zone(root, test);
    struct buf message;
    bool ok = true;

    read_message(test, &message);
    for (size_t i = 0; i < sizeof(chunk_sizes) / sizeof(chunk_sizes[0]) && ok; i++) {
        struct buf why;

        buf_init(&why, 4096);
        const char *word = verify(buf_span(&message), dns, chunk_sizes[i], &why);
        ok = strcmp(word, expect) == 0;
        if (!ok || (getenv("VERBOSE") != NULL && i == 0))
            printf("%s %s: %s, expected %s: %.*s\n", ok ? "ok" : "FAIL", name, word, expect,
                   SPAN_ARG(buf_span(&why)));
        buf_fini(&why);
    }
    buf_fini(&message);
    dns_free(dns);
    return ok;
}

/* ---- sealing */

static size_t
split_names(struct span list, struct span names[NAMES_MAX])
{
    struct span part;
    size_t n = 0;

    while (n < NAMES_MAX && span_split(&list, ':', &part))
        names[n++] = span_trim(part);
    return n;
}

/* The results field to take over, and the chain's status that stands in it. */
static struct span
find_results(const struct dkim_message *m, const char *authserv_id)
{
    for (size_t i = 0; i < m->field_count; i++)
        if (span_equal_nocase_cstr(m->fields[i].name, "Authentication-Results") &&
            authres_claims_id(m->fields[i].value, span_cstr(authserv_id)))
            return m->fields[i].value;
    fprintf(stderr, "no Authentication-Results field of %s\n", authserv_id);
    exit(1);
}

static void
seal(json_t *test, struct dns *dns, struct dkim_message *m, struct span message,
     struct arc_seal_set *set)
{
    const char *pem = json_string_value(json_object_get(test, "privatekey"));
    struct span names[NAMES_MAX];
    struct arc_seal_settings settings = {
        .now = (time_t)json_integer_value(json_object_get(test, "t")),
        .domain = span_cstr(json_string_value(json_object_get(test, "domain"))),
        .selector = span_cstr(json_string_value(json_object_get(test, "selector"))),
        .names = names,
        .name_count =
            split_names(span_cstr(json_string_value(json_object_get(test, "sig_headers"))), names),
    };
    const struct arc_verify_settings verifying = {.now = time(NULL), .deadline_mono_ms = INT64_MAX};
    struct dkim_private *key = NULL;
    struct arc_verify v;
    struct arc_seal s = {0};
    struct span body;
    struct err e = {.text = ""};

    must(dkim_private_parse(span_cstr(pem), &key, &e), "key", &e);
    settings.key = key;
    must(dkim_message_add_text(m, message, &body, &e), "header", &e);
    must(arc_verify_header(&v, m, &verifying, dns, &e), "chain", &e);
    must(arc_seal_start(&s, m, &v.chain, &settings, &e), "seal", &e);
    feed_body(m, body, SIZE_MAX);
    arc_verify_body(&v, m);
    must(arc_seal_values(&s, v.result,
                         find_results(m, json_string_value(json_object_get(test, "authserv_id"))),
                         set, &e),
         "seal", &e);
    arc_seal_fini(&s);
    dkim_private_free(key);
}

static bool
is_equal_without_space(struct span a, struct span b)
{
    size_t i = 0, j = 0;

    for (;;) {
        while (i < a.n && strchr(" \t\r\n", a.p[i]) != NULL)
            i++;
        while (j < b.n && strchr(" \t\r\n", b.p[j]) != NULL)
            j++;
        if (i == a.n || j == b.n)
            return i == a.n && j == b.n;
        if (a.p[i++] != b.p[j++])
            return false;
    }
}

/* The same tags, values compared but for b=; and i= first. */
static bool
has_tags(struct span value, const char *expected)
{
    struct taglist ours, theirs;

    if (taglist_parse(value, &ours, NULL) != OR_OK ||
        taglist_parse(span_cstr(expected), &theirs, NULL) != OR_OK || ours.count != theirs.count ||
        !span_equal_cstr(ours.tags[0].name, "i"))
        return false;
    for (size_t i = 0; i < ours.count; i++) {
        char name[16];

        snprintf(name, sizeof(name), "%.*s", SPAN_ARG(ours.tags[i].name));
        const struct tag *tag = taglist_get(&theirs, name);
        if (tag == NULL ||
            (strcmp(name, "b") != 0 && !is_equal_without_space(ours.tags[i].value, tag->value)))
            return false;
    }
    return true;
}

/* The message as it goes out: the new set on top, with CRLF folds. */
static void
put_together(const struct arc_seal_set *set, struct span message, struct buf *out)
{
    buf_init(out, MESSAGE_MAX_BYTES);
    for (int field = ARC_FIELDS - 1; field >= 0; field--) {
        struct span value = set->values[field];

        buf_addf(out, "%s:", arc_field_name((enum arc_field)field));
        for (size_t i = 0; i < value.n; i++) {
            if (value.p[i] == '\n' && value.p[i - 1] != '\r')
                buf_add_char(out, '\r');
            buf_add_char(out, value.p[i]);
        }
        buf_add_cstr(out, "\r\n");
    }
    buf_add_span(out, message);
}

static void
keep(const char *name, struct span message)
{
    char path[4096];

    if (output == NULL)
        return;
    snprintf(path, sizeof(path), "%s/%s.eml", output, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(message.p, 1, message.n, f) != message.n || fclose(f) != 0) {
        fprintf(stderr, "cannot write %s\n", path);
        exit(1);
    }
}

static bool
check_sealed(json_t *test, struct dns *dns, struct span sealed, bool is_broken)
{
    const char *name = json_string_value(json_object_get(test, "name"));
    const char *expect = is_broken ? "fail" : "pass";
    struct buf why;

    buf_init(&why, 4096);
    const char *word = verify(sealed, dns, SIZE_MAX, &why);
    bool ok = strcmp(word, expect) == 0;
    if (!ok)
        printf("FAIL sealed %s: %s, expected %s: %.*s\n", name, word, expect,
               SPAN_ARG(buf_span(&why)));
    buf_fini(&why);
    keep(name, sealed);
    return ok;
}

static bool
run_sign(json_t *root, json_t *test)
{
    const char *name = json_string_value(json_object_get(test, "name"));
    const char *expect_seal = json_string_value(json_object_get(test, "AS"));
    struct dns *dns = open_zone(root, test);
    struct arena mem;
    struct dkim_message m;
    struct arc_seal_set set;
    struct buf message, sealed;

    read_message(test, &message);
    arena_init(&mem, ARENA_BYTES);
    dkim_message_init(&m, &mem);
    seal(test, dns, &m, buf_span(&message), &set);
    bool ok =
        has_tags(set.values[ARC_FIELD_SEAL], expect_seal) &&
        has_tags(set.values[ARC_FIELD_MESSAGE], json_string_value(json_object_get(test, "AMS"))) &&
        is_equal_without_space(set.values[ARC_FIELD_RESULTS],
                               span_cstr(json_string_value(json_object_get(test, "AAR"))));
    if (!ok)
        for (int i = 0; i < ARC_FIELDS; i++)
            printf("FAIL %s: %s:%.*s\n", name, arc_field_name((enum arc_field)i),
                   SPAN_ARG(set.values[i]));
    put_together(&set, buf_span(&message), &sealed);
    ok = check_sealed(test, dns, buf_span(&sealed), strstr(expect_seal, "cv=fail") != NULL) && ok;
    buf_fini(&sealed);
    buf_fini(&message);
    dkim_message_fini(&m);
    arena_fini(&mem);
    dns_free(dns);
    return ok;
}

static bool
run_file(const char *name, bool (*run)(json_t *root, json_t *test), unsigned *passed,
         unsigned *failed)
{
    char path[4096];
    size_t i;
    json_t *test;

    snprintf(path, sizeof(path), "%s/arc/%s", folder, name);
    json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL) {
        printf("SKIPPED arc: no vectors at %s\n", path);
        return false;
    }
    json_array_foreach(json_object_get(root, "cases"), i, test)
    {
        if (run(root, test))
            ++*passed;
        else
            ++*failed;
    }
    json_decref(root);
    return true;
}

static int
verify_input(const char *zone_path)
{
    struct buf zone, message, why;
    FILE *f = fopen(zone_path, "rb");

    buf_init(&zone, MESSAGE_MAX_BYTES);
    buf_init(&message, MESSAGE_MAX_BYTES);
    buf_init(&why, 4096);
    read_stream(f, &zone);
    fclose(f);
    buf_add_char(&zone, '\0');
    read_stream(stdin, &message);
    struct dns *dns = fake_dns_new_json(zone.p);
    const char *word = verify(buf_span(&message), dns, 65535, &why);
    printf("%s %.*s\n", word, SPAN_ARG(buf_span(&why)));
    dns_free(dns);
    buf_fini(&why);
    buf_fini(&message);
    buf_fini(&zone);
    return 0;
}

int
main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;

    if (argc == 3 && strcmp(argv[1], "verify") == 0)
        return verify_input(argv[2]);
    output = argc == 2 ? argv[1] : NULL;
    folder = getenv("OUTRIDER_VECTORS");
    if (folder == NULL)
        folder = DEFAULT_VECTORS;
    if (!run_file("validate.json", run_validate, &passed, &failed) ||
        !run_file("sign.json", run_sign, &passed, &failed))
        return EXIT_SKIPPED;
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed != 0 ? 0 : 1;
}
