/* HMAC with the examples of RFC 2202 3 and RFC 4231 4, one after the other and from many threads.
 */
#include "common/base/crypto.h"

#include "tests/support/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define TIMES_8(x_) x_ x_ x_ x_ x_ x_ x_ x_
#define TIMES_131(x_) TIMES_8(TIMES_8(x_) TIMES_8(x_)) x_ x_ x_

static const struct {
    enum crypto_digest digest;
    struct span key, bytes;
    const char *hex;
} rows[] = {
    {CRYPTO_SHA1, SPAN_INIT(TIMES_8("\x0b") TIMES_8("\x0b") "\x0b\x0b\x0b\x0b"),
     SPAN_INIT("Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00"},
    {CRYPTO_SHA1, SPAN_INIT("Jefe"), SPAN_INIT("what do ya want for nothing?"),
     "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    {CRYPTO_SHA1, SPAN_INIT(""), SPAN_INIT(""), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"},
    {CRYPTO_SHA256, SPAN_INIT(TIMES_8("\x0b") TIMES_8("\x0b") "\x0b\x0b\x0b\x0b"),
     SPAN_INIT("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {CRYPTO_SHA256, SPAN_INIT("Jefe"), SPAN_INIT("what do ya want for nothing?"),
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    /* longer than a block */
    {CRYPTO_SHA256, SPAN_INIT(TIMES_131("\xaa")),
     SPAN_INIT("Test Using Larger Than Block-Size Key - Hash Key First"),
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {CRYPTO_SHA256, SPAN_INIT(""), SPAN_INIT(""),
     "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool
is_right(size_t i)
{
    unsigned char mac[CRYPTO_DIGEST_MAX_BYTES];
    char hex[2 * CRYPTO_DIGEST_MAX_BYTES + 1];
    size_t n = strlen(rows[i].hex) / 2;

    crypto_hmac(rows[i].digest, rows[i].key, rows[i].bytes, mac);
    for (size_t at = 0; at < n; at++)
        snprintf(hex + 2 * at, 3, "%02x", mac[at]);
    return strcmp(hex, rows[i].hex) == 0;
}

START_TEST(hmac)
{
    ck_assert_msg(is_right((size_t)_i), "row %d", _i);
}
END_TEST

static void *
repeat(void *context)
{
    bool *good = context;

    *good = true;
    for (size_t i = 0; i < 200 * ROWS; i++)
        *good &= is_right(i % ROWS);
    return NULL;
}

START_TEST(hmac_of_many_threads)
{
    pthread_t threads[8];
    bool good[8];

    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, repeat, &good[i]), 0);
    for (size_t i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        ck_assert(good[i]);
    }
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("crypto");
    TCase *t = tcase_create("hmac");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, hmac, 0, (int)ROWS);
    tcase_add_test(t, hmac_of_many_threads);
    suite_add_tcase(s, t);
    return unit_main(s);
}
