/* tests/test_targets.c - what is known of processors by name is what their tables of kernels say. */
#include "ops/targets.h"
#include "ops/tiles.h"
#include "runtime/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void same_tile(ps_tile want, ps_tile have)
{
    assert_int_equal(want.mr, have.mr);
    assert_int_equal(want.nr, have.nr);
    assert_int_equal(want.kr, have.kr);
}

static void same(const ps_kernels *want, const ps_kernels *have)
{
    same_tile(want->gemm_f32_tile, have->gemm_f32_tile);
    same_tile(want->gemm_bf16_tile, have->gemm_bf16_tile);
    same_tile(want->gemm_f16_tile, have->gemm_f16_tile);
    same_tile(want->gemm_u8_tile, have->gemm_u8_tile);
    assert_int_equal(want->fast, have->fast);
    assert_string_equal(want->name, have->name);
    assert_string_equal(want->name_bf16, have->name_bf16);
    assert_string_equal(want->name_f16, have->name_f16);
    assert_string_equal(want->name_u8, have->name_u8);
}

static const struct {
    const char *isa;
    unsigned need;
} rows[] = {
#define ROW(isa, fm, fn, hm, hn, hk, gm, gn, um, un, fast) {#isa, PS_CPU_##isa},
    PS_TILES(ROW)
#undef ROW
};

/* The instruction sets of this build: of those that a target has some may be left out. */
static unsigned built(void)
{
    unsigned all = 0;
    for (const ps_isa *i = ps_isas; i->name; i++) all |= i->need;
    return all;
}

/* A table has a row, in the order of the tables, and tiles for just those slots that it has. */
static void tables_have_rows(void **state)
{
    (void)state;
    size_t r = 0;
    for (const ps_isa *i = ps_isas; i->name; i++) {
        while (r < sizeof rows / sizeof *rows && strcmp(rows[r].isa, i->name)) r++;
        assert_true(r < sizeof rows / sizeof *rows);
        assert_int_equal(rows[r].need, i->need);
        assert_int_equal(i->table->gemm_f32 != NULL, i->table->gemm_f32_tile.nr != 0);
        assert_int_equal(i->table->gemm_bf16 != NULL, i->table->gemm_bf16_tile.nr != 0);
        assert_int_equal(i->table->gemm_f16 != NULL, i->table->gemm_f16_tile.nr != 0);
        assert_int_equal(i->table->gemm_u8 != NULL, i->table->gemm_u8_tile.nr != 0);
    }
}

static void is_here(const ps_target *t)
{
    ps_kernels want, have;
    ps_kernels_select(&want, t->flags);
    ps_target_kernels(t, &have);
    same(&want, &have);
    ps_target_kernels(ps_target_here(t->flags), &have);
    same_tile(want.gemm_f32_tile, have.gemm_f32_tile);
    same_tile(want.gemm_u8_tile, have.gemm_u8_tile);
    assert_int_equal(want.fast, have.fast);
}

/* Every target of this architecture has the tiles that its kernels, if they ran here, would be chosen with. */
static void targets_are_what_is_selected(void **state)
{
    (void)state;
#if defined(__x86_64__)
    const char *arch = "x86_64";
#elif defined(__aarch64__)
    const char *arch = "aarch64";
#else
    const char *arch = "arm";
#endif
    int n = 0;
    for (const ps_target *t = ps_targets; t->name; t++) {
        if (strcmp(t->arch, arch) || t->flags & ~built()) continue;
        is_here(t);
        n++;
    }
    assert_true(n > 0);
}

static void names_are_found(void **state)
{
    (void)state;
    for (const ps_target *t = ps_targets; t->name; t++) assert_ptr_equal(ps_target_find(t->name), t);
    assert_null(ps_target_find("cortex-z80"));
    assert_null(ps_target_find(""));
}

/* Packing calls functions: those of C run anywhere. */
static void functions_are_those_of_c(void **state)
{
    (void)state;
    for (const ps_target *t = ps_targets; t->name; t++) {
        ps_kernels k;
        ps_target_kernels(t, &k);
        assert_true(k.transpose_f32 == ps_isas[0].table->transpose_f32);
        assert_true(k.gemm_f32 == ps_isas[0].table->gemm_f32);
    }
}

/* The machine that the test runs on: one of the names, or a build with fewer instruction sets than it has. */
static void this_machine_has_a_name(void **state)
{
    (void)state;
    const ps_target *t = ps_target_here(ps_cpu_flags());
    if (!t) {
        assert_true((ps_cpu_flags() & ~built()) != 0);
        return;
    }
    ps_kernels here, there;
    ps_kernels_select(&here, ps_cpu_flags());
    ps_target_kernels(t, &there);
    same_tile(here.gemm_f32_tile, there.gemm_f32_tile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_have_rows),         cmocka_unit_test(targets_are_what_is_selected),
        cmocka_unit_test(names_are_found),          cmocka_unit_test(functions_are_those_of_c),
        cmocka_unit_test(this_machine_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
