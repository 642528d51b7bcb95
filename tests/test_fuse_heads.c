/* tests/test_fuse_heads.c - rewriting: what heads of detectors do with distributions, and feature pyramids with images. */
#include "tests/graph_build.h"

static ps_graph g;

static int set_up(void **state)
{
    (void)state;
    g = (ps_graph){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ps_graph_free(&g);
    return 0;
}

static int32_t softmax(int32_t x, int32_t axis)
{
    return gb_node(&g, &ps_op_softmax, &(ps_softmax_params){PS_SOFTMAX, axis}, 1, &x);
}

/* YOLOv8's DFL: softmax over 16 bins, a 1x1 convolution with 0..15. */
static void a_convolution_of_a_softmax_is_its_mean(void **state)
{
    (void)state;
    int32_t x = gb_reshape(&g, gb_input(&g, GB_DIMS(2, 64, 50)), GB_DIMS(2, 4, 16, 50));
    int32_t y = gb_conv(&g, softmax(gb_transpose(&g, x, GB_DIMS(0, 2, 1, 3)), 1), 1, 1, 0, 1, false);
    gb_output(&g, gb_reshape(&g, y, GB_DIMS(2, 4, 50)));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_soft_argmax), 1);
    assert_int_equal(gb_count(&g, &ps_op_softmax), 0);
    assert_int_equal(gb_count(&g, &ps_op_conv), 0);
}

static void a_product_of_a_softmax_is_its_mean(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(2, 5, 17));
    gb_output(&g, gb_matmul(&g, softmax(x, 2), 1));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
    assert_int_equal(gb_count(&g, &ps_op_soft_argmax), 1);
}

static void a_softmax_that_is_read_elsewhere_or_activated_stays(void **state)
{
    (void)state;
    int32_t s = softmax(gb_input(&g, GB_DIMS(1, 16, 4, 5)), 1);
    gb_output(&g, gb_conv(&g, s, 1, 1, 0, 1, false));
    gb_output(&g, s);
    gb_output(&g, gb_unary(&g, PS_ACT_RELU, 0, 0,
                           gb_conv(&g, softmax(gb_unary(&g, PS_UNARY_EXP, 0, 0, s), 1), 1, 1, 0, 1, false)));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_soft_argmax), 0);
}

static void other_sums_of_a_softmax_stay(void **state)
{
    (void)state;
    int32_t x[4];
    for (int i = 0; i < 4; i++) x[i] = gb_input(&g, GB_DIMS(1, 16, 4, 5));
    gb_output(&g, gb_conv(&g, softmax(x[0], 1), 2, 1, 0, 1, false)); /* two sums */
    gb_output(&g, gb_conv(&g, softmax(x[1], 1), 1, 1, 0, 1, true));  /* a bias */
    gb_output(&g, gb_conv(&g, softmax(x[2], 1), 1, 3, 1, 1, false)); /* a window */
    gb_output(&g, gb_conv(&g, softmax(x[3], 2), 1, 1, 0, 1, false)); /* another axis */
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_softmax), 4);
}

/* ---- feature pyramids ---- */

static int32_t twice(int32_t x, int32_t channels, int32_t size, int32_t mode)
{
    ps_resize_params p = {.mode = mode,
                          .coord = PS_COORD_ASYMMETRIC,
                          .nearest = PS_NEAREST_FLOOR,
                          .rank = 4,
                          .dim = {2, channels, size, size},
                          .scale = {1, 1, 2, 2}};
    return gb_node(&g, &ps_op_resize, &p, 1, &x);
}

/* [up(a), b] or [b, up(a)], then a 1x1 convolution with SiLU. */
static int32_t pyramid(int first, int32_t mode, int32_t kernel, int32_t out)
{
    int32_t a = gb_input(&g, GB_DIMS(2, 12, 4, 4)), b = gb_input(&g, GB_DIMS(2, 7, 8, 8)), x[2];
    x[first] = twice(a, 12, 8, mode);
    x[1 - first] = b;
    int32_t y = gb_conv(&g, gb_concat(&g, 1, 2, x), out, kernel, kernel / 2, 1, true);
    gb_output(&g, gb_unary(&g, PS_ACT_SILU, 0, 0, y));
    gb_optimize(&g);
    return gb_count(&g, &ps_op_concat);
}

static void a_convolution_goes_before_the_upsample(void **state)
{
    for (int first = 0; first < 2; first++) {
        assert_int_equal(pyramid(first, PS_RESIZE_NEAREST, 1, 10), 0);
        assert_int_equal(gb_count(&g, &ps_op_conv), 2);
        assert_int_equal(gb_count(&g, &ps_op_resize), 1);
        assert_int_equal(gb_count(&g, NULL), 3);
        tear_down(state);
        set_up(state);
    }
}

static void other_upsamples_stay(void **state)
{
    assert_int_equal(pyramid(0, PS_RESIZE_LINEAR, 1, 10), 1);
    tear_down(state);
    set_up(state);
    assert_int_equal(pyramid(0, PS_RESIZE_NEAREST, 3, 10), 1);
    tear_down(state);
    set_up(state);
    assert_int_equal(pyramid(0, PS_RESIZE_NEAREST, 1, 30), 1); /* more to enlarge than before */
}

static void an_upsample_that_is_read_elsewhere_stays(void **state)
{
    (void)state;
    int32_t up = twice(gb_input(&g, GB_DIMS(2, 12, 4, 4)), 12, 8, PS_RESIZE_NEAREST);
    int32_t x = gb_concat(&g, 1, 2, (int32_t[]){up, gb_input(&g, GB_DIMS(2, 7, 8, 8))});
    gb_output(&g, gb_conv(&g, x, 10, 1, 0, 1, true));
    gb_output(&g, up);
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_concat), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_convolution_of_a_softmax_is_its_mean),
        T(a_product_of_a_softmax_is_its_mean),
        T(a_softmax_that_is_read_elsewhere_or_activated_stays),
        T(other_sums_of_a_softmax_stay),
        T(a_convolution_goes_before_the_upsample),
        T(other_upsamples_stay),
        T(an_upsample_that_is_read_elsewhere_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
