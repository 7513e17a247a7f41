/* The files of a key rotation: what was parsed, formatted and parsed again, is the same text. */
#include "milter/dkim/dkim_rotation.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_plan(struct span input, struct buf *first, struct buf *second)
{
    struct dkim_rotation_plan plan;
    struct err e;

    if (dkim_rotation_plan_parse(input, &plan, &e) != OR_OK)
        return;
    dkim_rotation_plan_format(&plan, first);
    if (dkim_rotation_plan_parse(buf_span(first), &plan, &e) != OR_OK)
        abort();
    dkim_rotation_plan_format(&plan, second);
}

static void
check_state(struct span input, struct buf *first, struct buf *second)
{
    struct dkim_rotation_state state;
    struct err e;

    if (dkim_rotation_state_parse(input, &state, &e) != OR_OK)
        return;
    dkim_rotation_state_format(&state, first);
    if (dkim_rotation_state_parse(buf_span(first), &state, &e) != OR_OK)
        abort();
    dkim_rotation_state_format(&state, second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(struct span, struct buf *, struct buf *) = {check_plan,
                                                                              check_state};
    struct span input = span_make((const char *)data, size);

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct buf first, second;

        buf_init(&first, DKIM_ROTATION_MAX_BYTES);
        buf_init(&second, DKIM_ROTATION_MAX_BYTES);
        checks[i](input, &first, &second);
        if (!span_equal(buf_span(&first), buf_span(&second)))
            abort();
        buf_fini(&first);
        buf_fini(&second);
    }
    return 0;
}
