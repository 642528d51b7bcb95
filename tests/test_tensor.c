/* tests/test_tensor.c - strides, walking and copying. */
#include "nn/tensor.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static poise_tensor make(poise_type type, int rank, const int32_t *dim)
{
    poise_tensor t = {.type = type, .rank = rank};
    memcpy(t.dim, dim, (size_t)rank * sizeof *dim);
    ps_strides_row_major(&t);
    return t;
}

static void channels_last_has_dimension_1_innermost(void **state)
{
    (void)state;
    poise_tensor t = make(POISE_F32, 4, (int32_t[]){2, 3, 4, 5});
    assert_int_equal(t.stride[0], 60);
    ps_strides_channels_last(&t, 0);
    assert_int_equal(t.stride[1], 1);
    assert_int_equal(t.stride[3], 3);
    assert_int_equal(t.stride[2], 15);
    assert_int_equal(t.stride[0], 60);
    ps_strides_channels_last(&t, 8);
    assert_int_equal(t.stride[2], 40);
}

static void strides_like_keep_the_order(void **state)
{
    (void)state;
    poise_tensor a = make(POISE_F32, 4, (int32_t[]){1, 64, 10, 20}), b = make(POISE_F32, 4, (int32_t[]){1, 32, 5, 6});
    ps_strides_channels_last(&a, 96);
    ps_strides_like(&b, &a);
    assert_int_equal(b.stride[1], 1);
    assert_int_equal(b.stride[3], 32);
    assert_int_equal(b.stride[2], 192);
}

/* Copies through every pair of layouts must keep element (i,j,k,l) what it was. */
static void copies_keep_elements(void **state)
{
    (void)state;
    static const poise_type types[] = {POISE_U8, POISE_F16, POISE_F32, POISE_I64};
    static const int32_t dims[][4] = {{1, 3, 7, 9}, {2, 17, 5, 33}, {1, 84, 40, 1}, {1, 1, 1, 1}, {3, 64, 20, 20}};
    static uint8_t x[1 << 20], y[1 << 20], back[1 << 20];
    for (size_t i = 0; i < sizeof x; i++) x[i] = (uint8_t)(i * 131 + (i >> 7));
    for (size_t d = 0; d < 5; d++)
        for (int k = 0; k < 4; k++)
            for (int how = 0; how < 3; how++) {
                poise_tensor a = make(types[k], 4, dims[d]), b = a;
                a.data = x;
                b.data = y;
                if (how) ps_strides_channels_last(&b, how == 2 ? dims[d][1] + 3 : 0);
                ps_copy(&a, &b);
                size_t n = poise_tensor_count(&a) * poise_type_size(types[k]);
                memset(back, 0, n);
                poise_tensor_read(&b, back);
                assert_memory_equal(back, x, n);
                memset(y, 0, sizeof y);
                poise_tensor_write(&b, x);
                memset(back, 0, n);
                poise_tensor_read(&b, back);
                assert_memory_equal(back, x, n);
            }
}

static void walking_merges_dense_dimensions(void **state)
{
    (void)state;
    float data[2 * 3 * 4 * 5];
    poise_tensor a = make(POISE_F32, 4, (int32_t[]){2, 3, 4, 5});
    a.data = data;
    ps_strides_channels_last(&a, 0);
    ps_walk w;
    ps_walk_init(&w, 1, (const poise_tensor *[]){&a});
    assert_int_equal(w.rows, 1);
    assert_int_equal(w.n, 120);
    poise_tensor c = make(POISE_F32, 4, (int32_t[]){1, 3, 1, 1});
    c.data = data;
    poise_tensor b = ps_broadcast(&c, &a);
    ps_walk_init(&w, 2, (const poise_tensor *[]){&a, &b});
    assert_int_equal(w.n, 3); /* channels innermost; pixels repeat the three values */
    assert_int_equal(w.rows, 40);
    assert_int_equal(w.step[1], 1);
    void *at[2];
    ps_walk_row(&w, 39, at);
    assert_ptr_equal(at[0], data + 117);
    assert_ptr_equal(at[1], data);
}

static void element_counts_are_checked(void **state)
{
    (void)state;
    size_t n;
    assert_true(ps_dims_count(0, (int32_t[]){0}, &n) && n == 1);
    assert_true(ps_dims_count(3, (int32_t[]){0, 5, 7}, &n) && n == 0);
    assert_false(ps_dims_count(2, (int32_t[]){-1, 5}, &n));
    assert_false(ps_dims_count(4, (int32_t[]){65536, 65536, 65536, 65536}, &n));
    assert_false(ps_dims_count(2, (int32_t[]){65536, 32768}, &n)); /* 2^31 */
    assert_false(ps_dims_count(3, (int32_t[]){0, 65536, 65536}, &n)); /* its strides would not fit */
    assert_false(ps_dims_count(9, (int32_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, &n));
    char buf[PS_SHAPE_TEXT];
    assert_string_equal(ps_shape_text(3, (int32_t[]){1, 3, 640}, buf), "1x3x640");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_last_has_dimension_1_innermost), cmocka_unit_test(strides_like_keep_the_order),
        cmocka_unit_test(copies_keep_elements),                    cmocka_unit_test(walking_merges_dense_dimensions),
        cmocka_unit_test(element_counts_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
