/*
 * Authentication-Results values of strangers; and: what is formatted with our id always claims our
 * id, and is read back as what was put in.
 */
#include "milter/authres/authres_format.h"
#include "milter/authres/authres_parse.h"

#include "common/text/domain.h"

#include <stdlib.h>

#define MEM_BYTES ((size_t)1 << 18)
#define OUR_ID SPAN_LIT("mx.example.org")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
try_strangers(struct span bytes, struct arena *mem)
{
    struct authres found;
    struct err e;

    (void)authres_claims_id(bytes, OUR_ID);
    if (authres_parse(bytes, mem, &found, &e) != OR_OK)
        return;
    must(found.count <= AUTHRES_PARSE_MAX_RESULTS);
    for (size_t i = 0; i < found.count; i++)
        must(found.results[i].method.n != 0 && found.results[i].result.n != 0);
    /* A field that names our id for this reader does so for the one that removes forged fields. */
    if (span_equal_nocase(found.id, OUR_ID))
        must(authres_claims_id(bytes, OUR_ID));
}

/* The same length, every byte as it was or '?'. */
static bool
is_masked(struct span read, struct span written)
{
    bool same = read.n == written.n;

    for (size_t i = 0; same && i < read.n; i++)
        same = read.p[i] == written.p[i] || read.p[i] == '?';
    return same;
}

static void
check_folds(struct span value)
{
    for (size_t i = 0; i < value.n; i++) {
        must(value.p[i] != '\r' && value.p[i] != '\0');
        must(value.p[i] != '\n' || (i + 1 < value.n && value.p[i + 1] == '\t'));
    }
}

static void
check_same(const struct authres *found, struct span bytes)
{
    const struct authres_result *first = &found->results[0];
    struct span domain = authres_property(first, "header", "d");

    must(span_equal(found->id, OUR_ID) && found->count == 2 && found->skipped == 0);
    must(span_equal_cstr(first->method, "dkim") && span_equal_cstr(first->result, "pass"));
    must(is_masked(first->reason, bytes));
    must(is_masked(authres_property(first, "header", "b"), bytes));
    must(domain.n == 0 || (span_equal(domain, bytes) && domain_is_hostname(bytes)));
    must(span_equal_cstr(found->results[1].method, "spf"));
    must(found->results[1].property_count <= 1);
}

static void
try_our_own(struct span bytes, struct arena *mem)
{
    struct authres found;
    struct buf out;
    struct err e;

    buf_init(&out, AUTHRES_MAX_BYTES);
    authres_format_start(&out, OUR_ID);
    authres_format_method(&out, "dkim", SPAN_LIT("pass"));
    authres_format_reason(&out, bytes);
    authres_format_domain(&out, "header.d", bytes);
    authres_format_word(&out, "header.b", bytes);
    authres_format_method(&out, "spf", bytes);
    authres_format_address(&out, "smtp.mailfrom", bytes);
    if (buf_finish(&out) == OR_OK) {
        check_folds(buf_span(&out));
        must(authres_claims_id(buf_span(&out), OUR_ID));
        must(authres_parse(buf_span(&out), mem, &found, &e) == OR_OK);
        check_same(&found, bytes);
    }
    buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data, size);
    struct arena mem;

    arena_init(&mem, MEM_BYTES);
    try_strangers(bytes, &mem);
    try_our_own(bytes, &mem);
    arena_fini(&mem);
    return 0;
}
