/*
 * Public keys already read: the same bytes give the same key, other bytes never do.
 */
#include "milter/dkim/dkim_keycache.h"

#include "tests/support/unit.h"

static struct dkim_keycache *cache;

static void
set_up(void)
{
    cache = dkim_keycache_new();
}

static void
tear_down(void)
{
    dkim_keycache_free(cache);
}

static struct dkim_public *
parse(struct dkim_keycache *c, struct span bytes)
{
    struct dkim_public *key = NULL;

    ck_assert_int_eq(dkim_keycache_parse(c, DKIM_KEY_ED25519, bytes, &key, NULL), OR_OK);
    return key;
}

START_TEST(test_same_bytes_same_key)
{
    struct span bytes = SPAN_LIT("0123456789abcdef0123456789abcdef");
    struct dkim_public *one = parse(cache, bytes), *two = parse(cache, bytes);
    struct dkim_public *other = parse(cache, SPAN_LIT("0123456789abcdef0123456789abcdeX"));

    ck_assert_ptr_eq(one, two);
    ck_assert_ptr_ne(one, other);
    dkim_public_free(one);
    dkim_public_free(two);
    dkim_public_free(other);
}
END_TEST

START_TEST(test_a_key_outlives_its_slot)
{
    char bytes[33] = "0123456789abcdef0123456789abcdef";
    struct dkim_public *first = parse(cache, span_make(bytes, 32));

    for (int i = 0; i < 10 * DKIM_KEYCACHE_SLOTS; i++) {
        bytes[0] = (char)i;
        bytes[1] = (char)(i >> 8);
        dkim_public_free(parse(cache, span_make(bytes, 32)));
    }
    ck_assert_uint_eq(dkim_public_bits(first), 256);
    dkim_public_free(first);
}
END_TEST

START_TEST(test_bad_keys_are_not_kept)
{
    struct dkim_public *key;

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(dkim_keycache_parse(cache, DKIM_KEY_RSA, SPAN_LIT("nonsense"), &key, NULL),
                         OR_MALFORMED);
}
END_TEST

START_TEST(test_without_a_cache)
{
    dkim_public_free(parse(NULL, SPAN_LIT("0123456789abcdef0123456789abcdef")));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dkim_keycache");
    TCase *tcase = tcase_create("cache");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_same_bytes_same_key);
    tcase_add_test(tcase, test_a_key_outlives_its_slot);
    tcase_add_test(tcase, test_bad_keys_are_not_kept);
    tcase_add_test(tcase, test_without_a_cache);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
