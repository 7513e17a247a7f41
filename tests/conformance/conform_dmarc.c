/*
 * Evaluates records.json, from.json and evaluate.json of the DMARC vectors (the folder is the
 * argument). Prints each case that fails; last line "N passed, N failed"; exit 1 when any failed.
 */
#include "common/base/clock.h"
#include "policyd/dmarc/dmarc_eval.h"
#include "policyd/dmarc/dmarc_from.h"
#include "tests/support/fake_dns.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_BYTES ((size_t)4 << 20)
#define MAX_SIGNATURES 8

struct tally {
    unsigned passed;
    unsigned failed;
};

/* True: the case came out right; false: `why` was printed. */
typedef bool (*case_runner)(const json_t *test, struct arena *mem, struct err *why);

static struct span
text_of(const json_t *value)
{
    return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value))
                                 : SPAN_EMPTY;
}

static struct span
member(const json_t *object, const char *key)
{
    return text_of(json_object_get(object, key));
}

static bool
list_has(const json_t *list, const char *word)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (span_equal_cstr(text_of(json_array_get(list, i)), word))
            return true;
    }
    return false;
}

static bool
wrong(struct err *why, const char *what, const char *got)
{
    (void)err_set(why, OR_BUG, "%s is %s", what, got);
    return false;
}

static bool
uris_are(const json_t *wanted, const struct dmarc_uris *uris)
{
    if (json_array_size(wanted) != uris->count)
        return false;
    for (size_t i = 0; i < uris->count; i++) {
        if (!span_equal(text_of(json_array_get(wanted, i)), uris->items[i]))
            return false;
    }
    return true;
}

static bool
fo_is(const json_t *wanted, unsigned fo)
{
    static const char *const options[] = {"0", "1", "d", "s"};

    for (unsigned i = 0; i < 4; i++) {
        if (list_has(wanted, options[i]) != ((fo >> i & 1) != 0))
            return false;
    }
    return true;
}

/* The effective value of a tag that is a single word. */
static const char *
word_of(const struct dmarc_record *r, const char *tag)
{
    static const char *const psd[] = {"u", "y", "n"};
    const struct {
        const char *tag;
        const char *word;
    } words[] = {
        {"p", dmarc_policy_name(r->p)},       {"sp", dmarc_policy_name(r->sp)},
        {"np", dmarc_policy_name(r->np)},     {"adkim", r->adkim_strict ? "s" : "r"},
        {"aspf", r->aspf_strict ? "s" : "r"}, {"psd", psd[r->psd]},
        {"t", r->testing ? "y" : "n"},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].tag, tag) == 0)
            return words[i].word;
    }
    return "not known to this program";
}

static bool
tags_are(const json_t *tags, const struct dmarc_record *r, struct err *why)
{
    const char *tag;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)tags, tag, value)
    {
        bool right = strcmp(tag, "rua") == 0   ? uris_are(value, &r->rua)
                     : strcmp(tag, "ruf") == 0 ? uris_are(value, &r->ruf)
                     : strcmp(tag, "fo") == 0  ? fo_is(value, r->fo)
                                               : span_equal_cstr(text_of(value), word_of(r, tag));
        if (!right)
            return wrong(why, tag, "another value");
    }
    return true;
}

static bool
run_record(const json_t *test, struct arena *mem, struct err *why)
{
    const json_t *usable = json_object_get(test, "usable");
    struct dmarc_record record;
    bool used = dmarc_record_parse(member(test, "record"), mem, &record) == OR_OK &&
                record.usable == DMARC_USABLE;

    if (json_is_boolean(usable) && json_is_true(usable) != used)
        return wrong(why, "the record", used ? "used" : "not used");
    return !used || tags_are(json_object_get(test, "tags"), &record, why);
}

static bool
run_from(const json_t *test, struct arena *mem, struct err *why)
{
    const json_t *fields = json_object_get(test, "from");
    const json_t *accept = json_object_get(test, "accept");
    struct span bodies[8];
    struct dmarc_from from;
    size_t count = 0;

    for (; count < json_array_size(fields) && count < 8; count++)
        bodies[count] = text_of(json_array_get(fields, count));
    dmarc_from_extract(bodies, count, mem, &from);
    bool single = from.defect == DMARC_FROM_OK && from.count == 1;
    for (size_t i = 0; i < json_array_size(accept); i++) {
        const json_t *answer = json_array_get(accept, i);
        if (json_is_null(answer) ? !single : single && span_equal(from.domains[0], text_of(answer)))
            return true;
    }
    (void)err_set(why, OR_BUG, "the domain is %.*s",
                  SPAN_ARG(single ? from.domains[0] : SPAN_LIT("none")));
    return false;
}

static struct dmarc_identity
identity_of(const json_t *mechanism)
{
    struct span result = member(mechanism, "result");

    return (struct dmarc_identity){
        .domain = member(mechanism, "domain"),
        .auth = span_equal_cstr(result, "pass")        ? DMARC_AUTH_PASSED
                : span_equal_cstr(result, "temperror") ? DMARC_AUTH_UNKNOWN
                                                       : DMARC_AUTH_NOT_PASSED,
    };
}

static bool
outcome_is_right(const json_t *expect, const struct dmarc_outcome *o, struct err *why)
{
    const json_t *policies = json_object_get(expect, "policy");

    if (!list_has(json_object_get(expect, "dmarc"), dmarc_result_name(o->result)))
        return wrong(why, "the result", dmarc_result_name(o->result));
    if (policies != NULL && o->result != DMARC_NONE &&
        !list_has(policies, dmarc_policy_name(o->policy)))
        return wrong(why, "the policy", dmarc_policy_name(o->policy));
    return true;
}

static bool
run_evaluation(const json_t *test, struct arena *mem, struct err *why)
{
    const json_t *signatures = json_object_get(test, "dkim");
    char *zone = json_dumps(json_object_get(test, "zonedata"), JSON_COMPACT);
    struct dmarc_identity dkim[MAX_SIGNATURES];
    struct span field = member(test, "from");
    struct dmarc_from from;
    struct dmarc_outcome outcome;
    size_t count = 0;

    for (; count < json_array_size(signatures) && count < MAX_SIGNATURES; count++)
        dkim[count] = identity_of(json_array_get(signatures, count));
    dmarc_from_extract(&field, 1, mem, &from);
    if (from.count != 1) {
        free(zone);
        return wrong(why, "the From field", "not understood");
    }
    struct dns *dns = fake_dns_new_json(zone);
    const struct dmarc_lookup lookup = {
        .dns = dns, .deadline_mono_ms = clock_mono_ms() + 5000, .mem = mem};
    const struct dmarc_input input = {.author = from.domains[0],
                                      .spf = identity_of(json_object_get(test, "spf")),
                                      .dkim = dkim,
                                      .dkim_count = count};
    dmarc_eval(&lookup, &input, &outcome, NULL);
    dns_free(dns);
    free(zone);
    return outcome_is_right(json_object_get(test, "expect"), &outcome, why);
}

static bool
run_file(const char *folder, const char *file, case_runner run, struct tally *tally)
{
    char path[4096];
    json_error_t error;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    json_t *document = json_load_file(path, 0, &error);
    if (document == NULL) {
        fprintf(stderr, "conform_dmarc: %s: %s\n", path, error.text);
        return false;
    }
    const json_t *cases = json_object_get(document, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *test = json_array_get(cases, i);
        struct err why = {.text = ""};
        struct arena mem;

        arena_init(&mem, CASE_BYTES);
        if (run(test, &mem, &why)) {
            tally->passed++;
        } else {
            tally->failed++;
            printf("FAILED %s %.*s: %s\n", file, SPAN_ARG(member(test, "name")), why.text);
        }
        arena_fini(&mem);
    }
    json_decref(document);
    return true;
}

int
main(int argc, char **argv)
{
    struct tally tally = {0, 0};

    if (argc != 2) {
        fprintf(stderr, "usage: conform_dmarc FOLDER\n");
        return 2;
    }
    if (!run_file(argv[1], "records.json", run_record, &tally) ||
        !run_file(argv[1], "from.json", run_from, &tally) ||
        !run_file(argv[1], "evaluate.json", run_evaluation, &tally))
        return 2;
    printf("%u passed, %u failed\n", tally.passed, tally.failed);
    return tally.failed != 0;
}
