#include "common/base/arena.h"

#include "tests/support/unit.h"

#include <stdalign.h>
#include <string.h>

static bool
is_zeroed(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

START_TEST(aligned_zeroed_and_apart)
{
    struct arena a;
    char *blocks[200];

    arena_init(&a, 1u << 20);
    for (size_t i = 0; i < 200; i++) {
        blocks[i] = arena_alloc(&a, i);
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        ck_assert(is_zeroed(blocks[i], i));
        memset(blocks[i], (int)i, i);
    }
    for (size_t i = 1; i < 200; i++)
        ck_assert(blocks[i][0] == (char)i && blocks[i][i - 1] == (char)i);
    arena_fini(&a);
}
END_TEST

START_TEST(memory_is_zeroed_again_after_reset)
{
    struct arena a;

    arena_init(&a, 1u << 20);
    char *first = arena_alloc(&a, 100);
    memset(first, 'x', 100);
    arena_reset(&a);
    ck_assert_uint_eq(a.used_bytes, 0);
    char *second = arena_alloc(&a, 100);
    ck_assert_ptr_eq(first, second); /* the chunk was kept */
    ck_assert(is_zeroed(second, 100));
    arena_fini(&a);
    ck_assert_ptr_null(a.chunks);
    ck_assert_ptr_nonnull(arena_alloc(&a, 1)); /* usable after fini */
    arena_fini(&a);
}
END_TEST

START_TEST(ceiling)
{
    struct arena a;

    arena_init(&a, 1000);
    ck_assert_ptr_null(arena_alloc(&a, 1001));
    ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
    ck_assert_ptr_nonnull(arena_alloc(&a, 900));
    ck_assert_ptr_null(arena_alloc(&a, 200));
    ck_assert_ptr_nonnull(arena_alloc(&a, 16)); /* a refusal is not the end */
    arena_reset(&a);
    ck_assert_ptr_nonnull(arena_alloc(&a, 900));
    arena_fini(&a);
}
END_TEST

START_TEST(total_is_bounded)
{
    struct arena a;
    size_t count = 0;

    arena_init(&a, 100000);
    while (arena_alloc(&a, 10) != NULL)
        count++;
    ck_assert_uint_le(count * 10, 100000);
    ck_assert_uint_ge(count, 100000 / 32);
    arena_fini(&a);
}
END_TEST

START_TEST(array_overflow)
{
    struct arena a;

    arena_init(&a, SIZE_MAX);
    ck_assert_ptr_null(arena_alloc_array(&a, SIZE_MAX / 2, 3));
    ck_assert_ptr_nonnull(arena_alloc_array(&a, 3, 5));
    ck_assert_ptr_nonnull(arena_alloc_array(&a, 0, 5));
    arena_fini(&a);
}
END_TEST

START_TEST(copies)
{
    struct arena a;
    struct span copy;

    arena_init(&a, 1u << 20);
    ck_assert_str_eq(arena_strdup(&a, SPAN_LIT("abc")), "abc");
    ck_assert_str_eq(arena_strdup(&a, span_make(NULL, 0)), "");
    ck_assert_int_eq(arena_copy(&a, SPAN_LIT("a\0b"), &copy), OR_OK);
    ck_assert(span_equal(copy, SPAN_LIT("a\0b")));
    ck_assert_int_eq(copy.p[copy.n], '\0');
    ck_assert_str_eq(arena_printf(&a, "%s=%d", "x", 7), "x=7");
    ck_assert_uint_eq(strlen(arena_printf(&a, "%0*d", 100000, 7)), 100000);
    arena_fini(&a);
    arena_init(&a, 16);
    ck_assert_ptr_null(arena_strdup(&a, SPAN_LIT("more than sixteen bytes")));
    ck_assert_int_eq(arena_copy(&a, SPAN_LIT("more than sixteen bytes"), &copy), OR_LIMIT);
    ck_assert_ptr_null(arena_printf(&a, "%s", "more than sixteen bytes"));
    arena_fini(&a);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("arena");
    TCase *cases = tcase_create("arena");

    tcase_add_test(cases, aligned_zeroed_and_apart);
    tcase_add_test(cases, memory_is_zeroed_again_after_reset);
    tcase_add_test(cases, ceiling);
    tcase_add_test(cases, total_is_bounded);
    tcase_add_test(cases, array_overflow);
    tcase_add_test(cases, copies);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
