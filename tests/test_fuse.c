/* tests/test_fuse.c - rewriting: weights and epilogues of convolutions and products, nodes without effect. */
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

static const ps_fused *fused(const ps_node *n)
{
    if (n->op == &ps_op_matmul) return &((const ps_matmul_params *)n->params)->fused;
    return &((const ps_conv_params *)n->params)->fused;
}

static void dead_nodes_go(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 4, 5, 5));
    int32_t y = gb_unary(&g, PS_ACT_RELU, 0, 0, x);
    gb_conv(&g, gb_unary(&g, PS_ACT_TANH, 0, 0, x), 8, 3, 1, 1, true);
    gb_output(&g, y);
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
    assert_int_equal(g.n_values, 2);
}

static void batch_norm_goes_into_the_convolution_before(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(2, 4, 6, 6));
    int32_t y = gb_affine(&g, gb_conv(&g, x, 8, 3, 1, 2, false));
    y = gb_affine(&g, gb_conv(&g, y, 6, 1, 0, 1, true));
    y = gb_unary(&g, PS_ACT_SIGMOID, 0, 0, y);
    gb_output(&g, y);
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 2);
    assert_int_equal(fused(&g.nodes[1])->act, PS_ACT_SIGMOID);
    assert_string_equal(ps_graph_get_meta(&g, "optimizer"), "sigmoid 1, batch_norm 2");
}

static void batch_norm_stays_when_the_convolution_is_read_elsewhere(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 4, 6, 6));
    int32_t c = gb_conv(&g, x, 8, 3, 1, 1, false);
    gb_output(&g, c);
    gb_output(&g, gb_affine(&g, c));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_affine), 1);
}

static void batch_norm_before_goes_in_without_padding(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 4, 6, 6));
    gb_output(&g, gb_conv(&g, gb_affine(&g, x), 8, 3, 0, 2, false));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
}

static void batch_norm_before_stays_with_padding(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 4, 6, 6));
    gb_output(&g, gb_conv(&g, gb_affine(&g, x), 8, 3, 1, 1, false));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_affine), 1);
}

static void input_scaling_goes_into_the_stem(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 3, 6, 6));
    int32_t y = gb_binary(&g, PS_BINARY_DIV, x, gb_scalar(&g, 255));
    y = gb_binary(&g, PS_BINARY_MUL, gb_random(&g, GB_DIMS(1, 3, 1, 1), 1, 2), y);
    gb_output(&g, gb_conv(&g, y, 8, 3, 1, 1, true));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
}

static void transposed_convolutions_take_scales(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 4, 5, 5));
    ps_conv_transpose_params p = {{2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, {0, 0}, 2, {0}};
    int32_t y = gb_binary(&g, PS_BINARY_MUL, x, gb_random(&g, GB_DIMS(4, 1, 1), 1, 2));
    y = gb_node(&g, &ps_op_conv_transpose, &p, 2, (int32_t[]){y, gb_random(&g, GB_DIMS(4, 3, 2, 2), -1, 1)});
    y = gb_unary(&g, PS_ACT_RELU, 0, 0, gb_affine(&g, y));
    gb_output(&g, y);
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
    assert_int_equal(gb_count(&g, &ps_op_conv_transpose), 1);
}

static void products_take_bias_scale_and_activation(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(2, 5, 8));
    int32_t y = gb_binary(&g, PS_BINARY_MUL, x, gb_random(&g, GB_DIMS(8), 1, 2));
    y = gb_binary(&g, PS_BINARY_ADD, gb_random(&g, GB_DIMS(6), -1, 1), gb_matmul(&g, y, 6));
    y = gb_binary(&g, PS_BINARY_DIV, y, gb_scalar(&g, 3));
    gb_output(&g, gb_unary(&g, PS_ACT_GELU, 0, 0, y));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
    assert_int_equal(fused(&g.nodes[0])->act, PS_ACT_GELU);
}

static void factors_of_computed_products_go_into_alpha(void **state)
{
    (void)state;
    int32_t a = gb_input(&g, GB_DIMS(2, 5, 8)), b = gb_input(&g, GB_DIMS(2, 8, 5));
    a = gb_binary(&g, PS_BINARY_MUL, a, gb_scalar(&g, 0.5F));
    b = gb_binary(&g, PS_BINARY_DIV, b, gb_scalar(&g, 3));
    int32_t y = gb_node(&g, &ps_op_matmul, &(ps_matmul_params){.alpha = 1}, 2, (int32_t[]){a, b});
    gb_output(&g, gb_binary(&g, PS_BINARY_MUL, y, gb_scalar(&g, 7)));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
}

static void chains_of_constants_merge(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 4, 3, 3));
    int32_t y = gb_binary(&g, PS_BINARY_MUL, x, gb_scalar(&g, 0.5F));
    y = gb_binary(&g, PS_BINARY_MUL, y, gb_scalar(&g, 3));
    y = gb_unary(&g, PS_UNARY_SQRT, 0, 0, gb_unary(&g, PS_UNARY_ABS, 0, 0, y));
    y = gb_binary(&g, PS_BINARY_MUL, y, gb_random(&g, GB_DIMS(1, 4, 1, 1), 1, 2));
    y = gb_binary(&g, PS_BINARY_SUB, gb_random(&g, GB_DIMS(4, 1, 1), 1, 2), y);
    gb_output(&g, y);
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_binary), 1);
    assert_int_equal(gb_count(&g, &ps_op_affine), 1);
    assert_int_equal(gb_count(&g, NULL), 4);
}

static void residual_goes_into_the_later_convolution(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 4, 6, 6));
    int32_t a = gb_conv(&g, x, 8, 3, 1, 1, true), b = gb_conv(&g, x, 8, 1, 0, 1, true);
    b = gb_unary(&g, PS_ACT_RELU, 0, 0, b);
    gb_output(&g, gb_unary(&g, PS_ACT_TANH, 0, 0, gb_binary(&g, PS_BINARY_ADD, a, b)));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_conv), 2);
    assert_int_equal(gb_count(&g, &ps_op_binary), 0);
    assert_int_equal(fused(&g.nodes[1])->act, PS_ACT_RELU);
    assert_int_equal(fused(&g.nodes[1])->act_last, 0);
    assert_int_equal(g.nodes[1].in[3], g.nodes[0].out[0]);
}

static void activation_after_the_residual_comes_last(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 8, 6, 6));
    int32_t y = gb_binary(&g, PS_BINARY_ADD, x, gb_affine(&g, gb_conv(&g, x, 8, 3, 1, 8, false)));
    gb_output(&g, gb_unary(&g, PS_ACT_RELU, 0, 0, y));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
    assert_int_equal(fused(&g.nodes[0])->act_last, 1);
}

static void residual_that_comes_later_moves_the_convolution(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 8, 6, 6));
    int32_t c = gb_conv(&g, x, 8, 3, 1, 1, false), e = gb_unary(&g, PS_UNARY_EXP, 0, 0, x);
    gb_output(&g, gb_binary(&g, PS_BINARY_ADD, c, e));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 2);
    assert_ptr_equal(g.nodes[1].op, &ps_op_conv);
}

/* A ConvNeXt block: the product works on channels-last views. */
static void residual_goes_through_a_transpose(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 8, 3, 4)), y = gb_transpose(&g, x, GB_DIMS(0, 2, 3, 1));
    y = gb_unary(&g, PS_ACT_GELU, 0, 0, gb_matmul(&g, y, 16));
    y = gb_binary(&g, PS_BINARY_ADD, gb_matmul(&g, y, 8), gb_random(&g, GB_DIMS(8), -1, 1));
    y = gb_transpose(&g, y, GB_DIMS(0, 3, 1, 2));
    y = gb_binary(&g, PS_BINARY_MUL, gb_random(&g, GB_DIMS(8, 1, 1), 0, 1), y);
    gb_output(&g, gb_binary(&g, PS_BINARY_ADD, x, y));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_binary), 0);
    assert_int_equal(gb_count(&g, &ps_op_matmul), 2);
    assert_int_equal(gb_count(&g, &ps_op_transpose), 2);
}

/* The end of an attention block, exported with the sequence first. */
static void residual_goes_through_a_reshape(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 5, 8));
    x = gb_unary(&g, PS_UNARY_EXP, 0, 0, x);
    int32_t y = gb_reshape(&g, gb_matmul(&g, gb_reshape(&g, x, GB_DIMS(5, 8)), 8), GB_DIMS(5, 1, 8));
    y = gb_binary(&g, PS_BINARY_ADD, gb_transpose(&g, y, GB_DIMS(1, 0, 2)), x);
    gb_output(&g, gb_unary(&g, PS_UNARY_EXP, 0, 0, y));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_binary), 0);
    assert_int_equal(gb_count(&g, &ps_op_transpose), 0);
    assert_int_equal(gb_count(&g, &ps_op_reshape), 2);
}

static void an_intermediate_output_stays(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 8, 6, 6));
    int32_t c = gb_conv(&g, x, 8, 3, 1, 1, false), r = gb_unary(&g, PS_ACT_RELU, 0, 0, c);
    gb_output(&g, c);
    gb_output(&g, gb_binary(&g, PS_BINARY_ADD, r, x));
    gb_output(&g, r);
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 3);
}

static void padding_goes_into_windows(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 4, 6, 6));
    int32_t c = gb_conv(&g, gb_pad(&g, x, 1, -1), 8, 3, 0, 1, true);
    c = gb_unary(&g, PS_ACT_RELU, 0, 0, c);
    ps_pool_params p = {.kind = PS_POOL_MAX, .kernel = {3, 3}, .stride = {2, 2}, .dilation = {1, 1}};
    int32_t y = gb_pad(&g, c, 1, -1);
    y = gb_node(&g, &ps_op_pool, &p, 1, &y);
    p.kind = PS_POOL_AVERAGE;
    y = gb_pad(&g, y, 1, gb_scalar(&g, 0));
    gb_output(&g, gb_node(&g, &ps_op_pool, &p, 1, &y));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_pad), 0);
    assert_int_equal(gb_count(&g, NULL), 3);
}

static void padding_stays_when_it_counts(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 4, 6, 6));
    ps_pool_params p = {.kind = PS_POOL_MAX, .kernel = {3, 3}, .stride = {2, 2}, .dilation = {1, 1}};
    int32_t y = gb_pad(&g, x, 1, -1); /* a 0 may be the largest */
    gb_output(&g, gb_node(&g, &ps_op_pool, &p, 1, &y));
    gb_output(&g, gb_conv(&g, gb_pad(&g, x, 1, gb_scalar(&g, 2)), 8, 3, 0, 1, true));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_pad), 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(dead_nodes_go),
        T(batch_norm_goes_into_the_convolution_before),
        T(batch_norm_stays_when_the_convolution_is_read_elsewhere),
        T(batch_norm_before_goes_in_without_padding),
        T(batch_norm_before_stays_with_padding),
        T(input_scaling_goes_into_the_stem),
        T(transposed_convolutions_take_scales),
        T(products_take_bias_scale_and_activation),
        T(factors_of_computed_products_go_into_alpha),
        T(chains_of_constants_merge),
        T(residual_goes_into_the_later_convolution),
        T(activation_after_the_residual_comes_last),
        T(residual_that_comes_later_moves_the_convolution),
        T(residual_goes_through_a_transpose),
        T(residual_goes_through_a_reshape),
        T(an_intermediate_output_stays),
        T(padding_goes_into_windows),
        T(padding_stays_when_it_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
