/*
 * Evaluates the cases that spf.py converted: a list of documents, each with a zone and its cases.
 * Prints each case that fails; last line "N passed, N failed"; exit 1 when any failed.
 */
#include "policyd/spf/spf_eval.h"
#include "tests/support/fake_dns.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define CASE_BYTES ((size_t)4 << 20)

struct tally {
    unsigned passed;
    unsigned failed;
};

/* A string member; an empty span when it is not there. */
static struct span
member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value))
                                 : SPAN_EMPTY;
}

static bool
result_is_right(const json_t *test, const struct spf_outcome *o)
{
    const json_t *results = json_object_get(test, "results");

    for (size_t i = 0; i < json_array_size(results); i++) {
        if (span_equal_cstr(span_cstr(json_string_value(json_array_get(results, i))),
                            spf_result_name(o->result)))
            return true;
    }
    return false;
}

static bool
explanation_is_right(const json_t *test, const struct spf_outcome *o)
{
    struct span wanted = member(test, "explanation");

    if (wanted.n == 0 || o->result != SPF_FAIL)
        return true;
    if (span_equal_cstr(wanted, "DEFAULT"))
        return o->explanation_is_default;
    return !o->explanation_is_default && span_equal(wanted, o->explanation);
}

static void
print_failure(const json_t *test, const struct spf_outcome *o)
{
    struct span name = member(test, "name");
    struct span explanation = member(test, "explanation");
    char *results = json_dumps(json_object_get(test, "results"), JSON_COMPACT);

    printf("FAILED %.*s: got %s (%.*s), expected %s\n", SPAN_ARG(name), spf_result_name(o->result),
           SPAN_ARG(o->reason), results);
    if (explanation.n != 0)
        printf("    explanation: got \"%.*s\"%s, expected \"%.*s\"\n", SPAN_ARG(o->explanation),
               o->explanation_is_default ? " (default)" : "", SPAN_ARG(explanation));
    free(results);
}

static void
run_case(const json_t *test, struct dns *dns, struct tally *tally)
{
    struct spf_outcome o;
    struct arena mem;

    arena_init(&mem, CASE_BYTES);
    struct spf_query q = {
        .helo = member(test, "helo"),
        .sender = member(test, "mailfrom"),
        .receiver = SPAN_LIT("mx.example.net"),
        .dns = dns,
        .mem = &mem,
        .now = 1700000000,
        .deadline_mono_ms = INT64_MAX,
        .limits = SPF_LIMITS_DEFAULT,
    };
    if (ip_parse(member(test, "host"), &q.ip) != OR_OK)
        abort(); /* the suite has no such case */
    spf_eval(&q, &o);
    if (result_is_right(test, &o) && explanation_is_right(test, &o)) {
        tally->passed++;
    } else {
        tally->failed++;
        print_failure(test, &o);
    }
    arena_fini(&mem);
}

static void
run_document(const json_t *document, struct tally *tally)
{
    const json_t *cases = json_object_get(document, "cases");
    char *zone = json_dumps(json_object_get(document, "zone"), JSON_ENSURE_ASCII);
    struct dns *dns = fake_dns_new_json(zone);

    for (size_t i = 0; i < json_array_size(cases); i++)
        run_case(json_array_get(cases, i), dns, tally);
    dns_free(dns);
    free(zone);
}

int
main(int argc, char **argv)
{
    struct tally tally = {0};
    json_error_t error;

    if (argc != 2) {
        fprintf(stderr, "usage: conform_spf SUITE.json (see spf.py)\n");
        return 2;
    }
    json_t *documents = json_load_file(argv[1], JSON_ALLOW_NUL, &error);
    if (documents == NULL) {
        fprintf(stderr, "%s:%d: %s\n", argv[1], error.line, error.text);
        return 2;
    }
    for (size_t i = 0; i < json_array_size(documents); i++)
        run_document(json_array_get(documents, i), &tally);
    json_decref(documents);
    printf("%u passed, %u failed\n", tally.passed, tally.failed);
    return tally.failed != 0 || tally.passed == 0;
}
