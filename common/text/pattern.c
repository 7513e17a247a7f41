/*
 * One match context for all: its limits are what keeps a hostile subject, or a careless expression,
 * from taking a thread's time.
 */
#include "common/text/pattern.h"

#include "common/base/xalloc.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_STEPS 100000 /* milliseconds at worst */
#define MATCH_HEAP_KIB 1024

struct pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
};

static or_status
compile_failure(int error, size_t at, struct err *e)
{
    PCRE2_UCHAR text[128];

    if (pcre2_get_error_message(error, text, sizeof(text)) < 0)
        text[0] = '\0';
    return err_set(e, OR_MALFORMED, "%s at byte %zu", (const char *)text, at + 1);
}

or_status
pattern_compile(struct span expression, enum pattern_case letters, struct pattern **pattern_out,
                struct err *e)
{
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
    int error;
    PCRE2_SIZE at;

    if (expression.n > PATTERN_MAX_BYTES)
        return err_set(e, OR_LIMIT, "an expression of over %d bytes", PATTERN_MAX_BYTES);
    if (letters == PATTERN_ANY_CASE)
        options |= PCRE2_CASELESS;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)expression.p, expression.n, options, &error, &at, NULL);
    if (code == NULL)
        return compile_failure(error, at, e);
    /* Where there is no JIT the interpreter gives the same answers. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    struct pattern *p = xcalloc(1, sizeof(*p));
    p->code = code;
    p->limits = pcre2_match_context_create(NULL);
    if (p->limits == NULL)
        abort();
    pcre2_set_match_limit(p->limits, MATCH_STEPS);
    pcre2_set_depth_limit(p->limits, MATCH_STEPS);
    pcre2_set_heap_limit(p->limits, MATCH_HEAP_KIB);
    *pattern_out = p;
    return OR_OK;
}

void
pattern_free(struct pattern *pattern)
{
    if (pattern == NULL)
        return;
    pcre2_match_context_free(pattern->limits);
    pcre2_code_free(pattern->code);
    free(pattern);
}

static or_status
match_status(int rc)
{
    if (rc >= 0)
        return OR_OK;
    return rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
                   rc == PCRE2_ERROR_HEAPLIMIT || rc == PCRE2_ERROR_JIT_STACKLIMIT
               ? OR_LIMIT
               : OR_ABSENT;
}

/* `rc` 0: there were more groups than places. */
static size_t
copy_groups(pcre2_match_data *data, int rc, struct span subject, struct span *groups_out,
            size_t max)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
    size_t count = rc == 0 ? max : (size_t)rc;

    for (size_t i = 0; i < count; i++)
        groups_out[i] = at[2 * i] == PCRE2_UNSET || at[2 * i] > at[2 * i + 1]
                            ? SPAN_EMPTY
                            : span_slice(subject, at[2 * i], at[2 * i + 1]);
    return count;
}

or_status
pattern_match_groups(const struct pattern *pattern, struct span subject, struct span *groups_out,
                     size_t max, size_t *count_out)
{
    if (subject.n > PATTERN_MAX_SUBJECT_BYTES)
        return OR_ABSENT;
    pcre2_match_data *data = pcre2_match_data_create((uint32_t)max, NULL);
    if (data == NULL)
        abort();
    int rc =
        pcre2_match(pattern->code, (PCRE2_SPTR)subject.p, subject.n, 0, 0, data, pattern->limits);
    if (rc >= 0)
        *count_out = copy_groups(data, rc, subject, groups_out, max);
    pcre2_match_data_free(data);
    return match_status(rc);
}

or_status
pattern_match(const struct pattern *pattern, struct span subject)
{
    struct span whole;
    size_t count;

    return pattern_match_groups(pattern, subject, &whole, 1, &count);
}
