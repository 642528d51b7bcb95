/* tests/test_arena.c - the placement of blocks: never overlapping while both live, close to the bound. */
#include "nn/plan.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

static uint32_t seed = 7;

static uint32_t pick(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void assert_legal(const ps_block *b, int n, size_t bytes)
{
    for (int i = 0; i < n; i++) {
        assert_true(b[i].offset + b[i].bytes <= bytes);
        assert_int_equal(b[i].offset % PS_ALIGN, 0);
        for (int k = 0; k < i; k++) {
            bool together = b[i].first <= b[k].last && b[k].first <= b[i].last;
            bool apart = b[i].offset + b[i].bytes <= b[k].offset || b[k].offset + b[k].bytes <= b[i].offset;
            assert_true(!together || apart);
        }
    }
}

static void random_blocks_do_not_overlap(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        ps_block b[60];
        int n = (int)pick(60);
        for (int i = 0; i < n; i++) {
            int first = (int)pick(50), life = (int)pick(pick(4) ? 4 : 50);
            b[i] = (ps_block){.bytes = PS_ALIGN * (size_t)pick(1000), .first = first, .last = first + life};
        }
        size_t bytes = 1, bound = 1;
        assert_int_equal(ps_arena_plan(b, n, &bytes, &bound), POISE_OK);
        assert_true(bytes >= bound);
        assert_true(bytes <= bound + bound / 4 + PS_ALIGN);
        assert_legal(b, n, bytes);
    }
}

/* A chain needs room for two neighbours at a time, and a plan must find exactly that. */
static void a_chain_takes_its_lower_bound(void **state)
{
    (void)state;
    ps_block b[20];
    for (int i = 0; i < 20; i++) b[i] = (ps_block){.bytes = 64u * (size_t)(1 + i % 7), .first = i, .last = i + 1};
    size_t bytes, bound;
    assert_int_equal(ps_arena_plan(b, 20, &bytes, &bound), POISE_OK);
    assert_int_equal(bound, 64 * 13);
    assert_true(bytes <= bound + bound / 10);
    assert_legal(b, 20, bytes);
}

static void many_blocks_are_planned_in_time(void **state)
{
    (void)state;
    enum { N = 100000 };
    ps_block *b = calloc(N, sizeof *b);
    for (int i = 0; i < N; i++) b[i] = (ps_block){.bytes = 64, .first = i, .last = i + 1};
    size_t bytes, bound;
    assert_int_equal(ps_arena_plan(b, N, &bytes, &bound), POISE_OK);
    assert_int_equal(bound, 128);
    assert_int_equal(b[N - 1].offset % PS_ALIGN, 0);
    free(b);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    ps_block b[3] = {{.bytes = SIZE_MAX / 2, .last = 1}, {.bytes = SIZE_MAX / 2, .last = 1}, {.bytes = 64, .last = 1}};
    size_t bytes, bound;
    assert_int_equal(ps_arena_plan(b, 3, &bytes, &bound), POISE_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_blocks_do_not_overlap),
        cmocka_unit_test(a_chain_takes_its_lower_bound),
        cmocka_unit_test(many_blocks_are_planned_in_time),
        cmocka_unit_test(sizes_that_overflow_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
