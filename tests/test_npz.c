/* tests/test_npz.c - arrays of npz files: stored, deflated in every kind of block, damaged. */
#include "app/npz.h"

#include "runtime/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/npz_files.h"

static void is_sound(const uint8_t *file, size_t n)
{
    ps_npz z;
    if (ps_npz_read(file, n, "x", &z)) fail_msg("%s", poise_error_text());
    assert_int_equal(z.array.tensor.type, POISE_U8);
    assert_int_equal(z.array.tensor.rank, 2);
    assert_true(z.array.tensor.dim[0] == 5 && z.array.tensor.dim[1] == 8);
    for (int i = 0; i < 40; i++) assert_int_equal(((const uint8_t *)z.array.tensor.data)[i], i);
    ps_npz_close(&z);
    assert_int_not_equal(ps_npz_read(file, n, "y", &z), POISE_OK);
    assert_non_null(strstr(poise_error_text(), "no array 'y'"));
}

static void reads(void **state)
{
    (void)state;
    is_sound(npz_stored, sizeof npz_stored);
    is_sound(npz_fixed, sizeof npz_fixed);
    is_sound(npz_dynamic, sizeof npz_dynamic);
}

/* Every prefix and every bit: an answer, never a fault; what is given is whole. */
static void damage_anywhere(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *p;
        size_t n;
    } files[] = {{npz_stored, sizeof npz_stored}, {npz_fixed, sizeof npz_fixed}, {npz_dynamic, sizeof npz_dynamic}};
    for (size_t k = 0; k < 3; k++) {
        uint8_t *copy = ps_alloc(files[k].n);
        for (size_t n = 0; n < files[k].n; n++) {
            ps_npz z;
            uint8_t *cut = ps_alloc(n ? n : 1);
            memcpy(cut, files[k].p, n);
            assert_int_not_equal(ps_npz_read(cut, n, "x", &z), POISE_OK);
            ps_free(cut);
        }
        for (size_t bit = 0; bit < 8 * files[k].n; bit++) {
            ps_npz z;
            memcpy(copy, files[k].p, files[k].n);
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (!ps_npz_read(copy, files[k].n, "x", &z)) ps_npz_close(&z);
        }
        ps_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(damage_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
