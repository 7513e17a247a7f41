/*
 * SRS: first byte: which settings; then an address. What we rewrite comes back as it was; what
 * comes in as ours is taken apart without a promise that it is.
 */
#include "policyd/srs/srs.h"

#include <stdlib.h>
#include <string.h>

#define NOW 1577836860

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_back(const struct srs_settings *s, struct span made, struct span local, struct span domain)
{
    struct srs_original original;

    if (srs_reverse(s, made, NOW, &original, NULL) != OR_OK || original.guarded ||
        !span_equal(original.local, local) || !span_equal(original.domain, domain))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    struct srs_settings s = {.secrets = {SPAN_LIT("tops3cr3t"), SPAN_LIT("old")},
                             .secret_count = 2,
                             .separator = '=',
                             .tag_chars = 4,
                             .min_tag_chars = 4,
                             .max_age_days = 21};
    struct srs_original original;
    struct buf made;

    if (size == 0)
        return 0;
    s.digest = data[0] & 1 ? CRYPTO_SHA256 : CRYPTO_SHA1;
    s.plain_base64 = (data[0] & 2) != 0;
    s.tag_chars = 4 + (data[0] >> 4);
    text = span_from(text, 1);
    size_t at = span_rfind(text, '@');
    struct span local = span_slice(text, 0, at), domain = span_from(text, at + 1);

    buf_init(&made, SRS_MAX_BYTES);
    /* A domain with '=' in it cannot be told from what follows: the callers pass host names only.
     */
    if (srs_forward(&s, local, domain, NOW, &made, NULL) == OR_OK && !srs_is_srs(local) &&
        local.n > 0 && domain.n > 0 && !span_contains_byte(domain, '='))
        expect_back(&s, buf_span(&made), local, domain);
    buf_fini(&made);
    (void)!srs_reverse(&s, local, NOW, &original, NULL);
    return 0;
}
