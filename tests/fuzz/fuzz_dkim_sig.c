/* DKIM-Signature values: parsing, cutting b= out, and writing again what was understood. */
#include "milter/dkim/dkim_sig.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_cut(struct span value)
{
    struct span before, after;

    dkim_sig_cut(value, &before, &after);
    if (before.p != value.p || before.n + after.n > value.n ||
        after.p + after.n != value.p + value.n)
        abort();
}

/* What we write from a signature that we understood, we understand. */
static void
check_format(const struct dkim_sig *sig, struct arena *mem)
{
    struct dkim_sig again;
    struct span detail;
    struct buf out;

    buf_init(&out, 1 << 20);
    dkim_sig_format(&out, sig);
    dkim_sig_format_b(&out, sig->signature);
    if (out.n <= DKIM_SIG_MAX_BYTES) {
        enum dkim_reason reason = dkim_sig_parse(buf_span(&out), mem, &again, &detail);

        if (reason != DKIM_OK || again.name_count != sig->name_count ||
            !span_equal(again.domain, sig->domain) || !span_equal(again.signature, sig->signature))
            abort();
    }
    buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span value = span_make((const char *)data, size);
    struct dkim_sig sig;
    struct span detail;
    struct arena mem;

    arena_init(&mem, 1 << 20);
    check_cut(value);
    if (dkim_sig_parse(value, &mem, &sig, &detail) == DKIM_OK) {
        /* DKIM_SIG_FOREVER, read from more than 12 digits, would not fit into 12. */
        sig.has_time = sig.has_time && sig.time_s != DKIM_SIG_FOREVER;
        sig.has_expiry = sig.has_expiry && sig.expires_s != DKIM_SIG_FOREVER;
        check_format(&sig, &mem);
    }
    if (detail.n > DKIM_DETAIL_BYTES)
        abort();
    arena_fini(&mem);
    return 0;
}
