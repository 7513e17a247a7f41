/*
 * DKIM verification against the collected messages of other projects: every case of
 * dkim/cases.json, each with the body in one piece, in odd pieces and byte by byte. An expected
 * result is a word of RFC 8601 for the whole message.
 */
#include "milter/dkim/dkim_verify.h"
#include "tests/support/fake_dns.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_VECTORS "../shared/vectors"
#define MESSAGE_MAX_BYTES ((size_t)8 << 20)
#define ARENA_BYTES ((size_t)16 << 20)
#define EXIT_SKIPPED 77

static const size_t chunk_sizes[] = {SIZE_MAX, 1, 7, 4096};

/* A whole file with CRLF line ends: `eol` other than "crlf" means that LF is to be turned into
 * CRLF. */
static bool
read_message(const char *path, bool is_crlf, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    int before = 0;

    if (f == NULL)
        return false;
    for (int c; (c = fgetc(f)) != EOF; before = c) {
        if (c == '\n' && before != '\r' && !is_crlf)
            buf_add_char(out, '\r');
        buf_add_char(out, (char)c);
    }
    fclose(f);
    struct span all = buf_span(out);
    if (!span_has_suffix_nocase(all, SPAN_LIT("\r\n")))
        buf_add_cstr(out, "\r\n");
    return buf_finish(out) == OR_OK;
}

/* The word for the message; the first item's reason for the report. */
static const char *
verify(struct span message, struct dns *dns, size_t chunk, const char **reason_out)
{
    struct arena mem;
    struct dkim_message m;
    struct dkim_verify v;
    struct span body;
    struct err e;
    struct dkim_verify_settings settings = {
        .max_signatures = 10, .now = time(NULL), .deadline_mono_ms = INT64_MAX};

    arena_init(&mem, ARENA_BYTES);
    dkim_message_init(&m, &mem);
    if (dkim_message_add_text(&m, message, &body, &e) != OR_OK ||
        dkim_verify_header(&v, &m, &settings, dns, &e) != OR_OK) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    while (body.n != 0) {
        dkim_message_add_body(&m, span_slice(body, 0, chunk));
        body = span_from(body, chunk);
    }
    dkim_message_finish_body(&m);
    dkim_verify_body(&v, &m, &settings);
    *reason_out = v.count != 0 ? dkim_reason_name(v.items[0].reason) : "no signature";
    const char *word = dkim_result_name(dkim_verify_overall(&v));
    dkim_message_fini(&m);
    arena_fini(&mem);
    return word;
}

static bool
is_expected(const json_t *expect, const char *word)
{
    size_t i;
    json_t *item;

    json_array_foreach(expect, i, item)
    {
        if (strcmp(json_string_value(item), word) == 0)
            return true;
    }
    return false;
}

static json_t *
zone_of(json_t *root, json_t *test)
{
    json_t *own = json_object_get(test, "zonedata");
    json_t *key = json_object_get(test, "zone");
    json_t *zones = json_object_get(root, "zones");

    if (own != NULL)
        return own;
    if (json_is_integer(key))
        return json_array_get(zones, (size_t)json_integer_value(key));
    return json_object_get(zones, json_string_value(key));
}

static bool
run_case(const char *folder, json_t *root, json_t *test)
{
    const char *name = json_string_value(json_object_get(test, "name"));
    bool is_crlf = strcmp(json_string_value(json_object_get(test, "eol")), "crlf") == 0;
    char *zone = json_dumps(zone_of(root, test), JSON_ENCODE_ANY);
    char path[4096];
    struct buf message;
    bool ok = zone != NULL;

    snprintf(path, sizeof(path), "%s/dkim/%s", folder,
             json_string_value(json_object_get(test, "message")));
    buf_init(&message, MESSAGE_MAX_BYTES);
    if (!ok || !read_message(path, is_crlf, &message)) {
        printf("FAIL %s: cannot read %s or its zone\n", name, path);
        ok = false;
    }
    struct dns *dns = ok ? fake_dns_new_json(zone) : NULL;
    for (size_t i = 0; i < sizeof(chunk_sizes) / sizeof(chunk_sizes[0]) && ok; i++) {
        const char *reason = "";
        const char *word = verify(buf_span(&message), dns, chunk_sizes[i], &reason);

        ok = is_expected(json_object_get(test, "expect"), word);
        if (getenv("VERBOSE") != NULL && i == 0)
            printf("%s %s: %s\n", name, word, reason);
        if (!ok)
            printf("FAIL %s: %s (%s) is not among the expected results\n", name, word, reason);
    }
    dns_free(dns);
    buf_fini(&message);
    free(zone);
    return ok;
}

int
main(void)
{
    const char *folder = getenv("OUTRIDER_VECTORS");
    char path[4096];
    unsigned passed = 0, failed = 0, skipped = 0;
    size_t i;
    json_t *test;

    if (folder == NULL)
        folder = DEFAULT_VECTORS;
    snprintf(path, sizeof(path), "%s/dkim/cases.json", folder);
    json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL) {
        printf("SKIPPED dkim: no vectors at %s\n", path);
        return EXIT_SKIPPED;
    }
    json_array_foreach(json_object_get(root, "cases"), i, test)
    {
        if (json_object_get(test, "skip") != NULL)
            skipped++;
        else if (run_case(folder, root, test))
            passed++;
        else
            failed++;
    }
    json_decref(root);
    printf("%u left out: marked so in the vectors\n", skipped);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed != 0 ? 0 : 1;
}
