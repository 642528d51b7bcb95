/* tests/test_fuse_chains.c - rewriting: activations and norms written as chains, nodes that move elements. */
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

enum { ADD = PS_BINARY_ADD, SUB = PS_BINARY_SUB, MUL = PS_BINARY_MUL, DIV = PS_BINARY_DIV, POW = PS_BINARY_POW };

static int32_t op(int kind, int32_t x, int32_t y)
{
    return gb_binary(&g, kind, x, y);
}

static int32_t num(float f)
{
    return gb_scalar(&g, f);
}

static int32_t image(void)
{
    return gb_input(&g, GB_DIMS(1, 4, 5, 5));
}

static int32_t act(int kind, float a, float b, int32_t x)
{
    return gb_unary(&g, kind, a, b, x);
}

/* One unary node of this kind is left of the chain that makes y. */
static void becomes(int32_t y, int kind)
{
    gb_output(&g, y);
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
    assert_int_equal(((const ps_unary_params *)gb_first(&g, &ps_op_unary)->params)->kind, kind);
    tear_down(NULL);
    set_up(NULL);
}

static void silu(void **state)
{
    (void)state;
    int32_t x = image();
    becomes(op(MUL, x, act(PS_ACT_SIGMOID, 0, 0, x)), PS_ACT_SILU);
    x = image();
    becomes(op(MUL, act(PS_ACT_SIGMOID, 0, 0, x), x), PS_ACT_SILU);
}

static void silu_goes_into_the_convolution(void **state)
{
    (void)state;
    int32_t x = image(), c = gb_affine(&g, gb_conv(&g, x, 4, 3, 1, 1, false));
    int32_t y = op(ADD, x, op(MUL, c, act(PS_ACT_SIGMOID, 0, 0, c)));
    gb_output(&g, y);
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
    const ps_conv_params *p = g.nodes[0].params;
    assert_int_equal(p->fused.act, PS_ACT_SILU);
    assert_int_equal(p->fused.act_last, 0);
    assert_int_equal(g.nodes[0].n_in, 4);
}

static void quick_gelu_stays(void **state)
{
    (void)state;
    int32_t x = image();
    gb_output(&g, op(MUL, x, act(PS_ACT_SIGMOID, 0, 0, op(MUL, x, num(1.702F)))));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 3);
}

static void hard_swish(void **state)
{
    (void)state;
    int32_t x = image(), c = act(PS_ACT_CLIP, 0, 6, op(ADD, x, num(3)));
    becomes(op(DIV, op(MUL, x, c), num(6)), PS_ACT_HARDSWISH);
    x = image();
    c = act(PS_ACT_CLIP, 0, 6, op(ADD, num(3), x));
    becomes(op(MUL, op(MUL, c, num(1.0F / 6)), x), PS_ACT_HARDSWISH);
    x = image();
    becomes(op(MUL, x, act(PS_ACT_HARDSIGMOID, 1.0F / 6, 0.5F, x)), PS_ACT_HARDSWISH);
    x = image();
    c = op(PS_BINARY_MIN, act(PS_ACT_RELU, 0, 0, op(ADD, x, num(3))), num(6));
    becomes(op(MUL, x, op(DIV, c, num(6))), PS_ACT_HARDSWISH);
}

static void other_slopes_are_not_hard_swish(void **state)
{
    (void)state;
    int32_t x = image();
    gb_output(&g, op(MUL, x, act(PS_ACT_HARDSIGMOID, 0.2F, 0.5F, x)));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 2);
}

static void hard_sigmoid(void **state)
{
    (void)state;
    int32_t x = image();
    becomes(op(DIV, act(PS_ACT_CLIP, 0, 6, op(ADD, x, num(3))), num(6)), PS_ACT_HARDSIGMOID);
    x = image();
    becomes(act(PS_ACT_CLIP, 0, 1, op(ADD, op(MUL, x, num(0.2F)), num(0.5F))), PS_ACT_HARDSIGMOID);
}

static void mish(void **state)
{
    (void)state;
    int32_t x = image();
    becomes(op(MUL, x, act(PS_ACT_TANH, 0, 0, act(PS_ACT_SOFTPLUS, 0, 0, x))), PS_ACT_MISH);
}

static void gelu_with_erf(void **state)
{
    (void)state;
    int32_t x = image(), e = act(PS_UNARY_ERF, 0, 0, op(DIV, x, num(1.41421354F)));
    becomes(op(MUL, op(MUL, x, op(ADD, e, num(1))), num(0.5F)), PS_ACT_GELU);
    x = image();
    e = act(PS_UNARY_ERF, 0, 0, op(MUL, x, num(0.707106769F)));
    becomes(op(MUL, op(MUL, x, num(0.5F)), op(ADD, num(1), e)), PS_ACT_GELU);
    x = image();
    e = act(PS_UNARY_ERF, 0, 0, op(DIV, x, num(1.41421354F)));
    becomes(op(MUL, x, op(MUL, num(0.5F), op(ADD, e, num(1)))), PS_ACT_GELU);
    x = image();
    e = act(PS_UNARY_ERF, 0, 0, op(DIV, x, num(1.41421354F)));
    becomes(op(MUL, x, op(ADD, op(MUL, e, num(0.5F)), num(0.5F))), PS_ACT_GELU);
}

static void gelu_with_tanh(void **state)
{
    (void)state;
    const float root = 0.797884583F, cubic = 0.044715F;
    int32_t x = image(), t;
    t = op(MUL, op(ADD, x, op(MUL, op(POW, x, num(3)), num(cubic))), num(root));
    becomes(op(MUL, op(MUL, x, num(0.5F)), op(ADD, act(PS_ACT_TANH, 0, 0, t), num(1))), PS_ACT_GELU_TANH);
    x = image();
    t = op(MUL, num(root), op(ADD, x, op(MUL, num(cubic), op(MUL, x, op(MUL, x, x)))));
    becomes(op(MUL, num(0.5F), op(MUL, x, op(ADD, num(1), act(PS_ACT_TANH, 0, 0, t)))), PS_ACT_GELU_TANH);
    x = image();
    t = op(MUL, op(MUL, x, num(root)), op(ADD, num(1), op(MUL, op(MUL, num(cubic), x), x)));
    becomes(op(MUL, op(ADD, num(1), act(PS_ACT_TANH, 0, 0, t)), op(MUL, x, num(0.5F))), PS_ACT_GELU_TANH);
}

static void clips_and_slopes(void **state)
{
    (void)state;
    int32_t x = image();
    becomes(op(PS_BINARY_MAX, num(0), x), PS_ACT_RELU);
    x = image();
    becomes(op(PS_BINARY_MIN, op(PS_BINARY_MAX, x, num(-1)), num(1)), PS_ACT_CLIP);
    x = image();
    becomes(act(PS_ACT_CLIP, -1, 0.5F, act(PS_ACT_RELU, 0, 0, x)), PS_ACT_CLIP);
    x = image();
    becomes(op(PS_BINARY_MAX, x, op(MUL, x, num(0.1F))), PS_ACT_LEAKY);
    x = image();
    becomes(op(PS_BINARY_PRELU, x, gb_filled(&g, GB_DIMS(4, 1, 1), 0.25F)), PS_ACT_LEAKY);
}

/* ---- norms ---- */

/* Mean 0, deviation 1 over the axes: d / sqrt(mean(d^2) + eps). */
static int32_t normalised(int32_t x, int32_t axes, bool pow, bool reciprocal)
{
    int32_t d = op(SUB, x, gb_mean(&g, x, axes));
    int32_t v = gb_mean(&g, pow ? op(POW, d, num(2)) : op(MUL, d, d), axes);
    int32_t s = act(PS_UNARY_SQRT, 0, 0, op(ADD, v, num(1e-3F)));
    return reciprocal ? op(MUL, act(PS_UNARY_RECIPROCAL, 0, 0, s), d) : op(DIV, d, s);
}

static void layer_norm_over_the_last_axis(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) {
        int32_t x = gb_input(&g, GB_DIMS(2, 3, 8));
        int32_t y = normalised(x, 4, form & 1, form & 2);
        y = op(MUL, y, gb_random(&g, GB_DIMS(8), 0.5F, 1.5F));
        gb_output(&g, op(ADD, y, gb_random(&g, GB_DIMS(8), -1, 1)));
        gb_optimize(&g);
        assert_int_equal(gb_count(&g, NULL), 1);
        assert_int_equal(gb_first(&g, &ps_op_layer_norm)->n_in, 3);
        tear_down(state);
        set_up(state);
    }
}

static void layer_norm_over_two_axes(void **state)
{
    (void)state;
    gb_output(&g, normalised(gb_input(&g, GB_DIMS(2, 3, 4, 5)), 12, true, false));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
    assert_int_equal(((const ps_layer_norm_params *)g.nodes[0].params)->axis, 2);
}

static void layer_norm_over_channels(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(2, 6, 4, 5));
    int32_t y = normalised(x, 2, true, false);
    y = op(MUL, gb_random(&g, GB_DIMS(6, 1, 1), 0.5F, 1.5F), y);
    gb_output(&g, op(ADD, y, gb_random(&g, GB_DIMS(6, 1, 1), -1, 1)));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 3);
    assert_int_equal(gb_count(&g, &ps_op_transpose), 2);
    assert_int_equal(gb_first(&g, &ps_op_layer_norm)->n_in, 3);
}

static void normalisation_over_mixed_axes_stays(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(2, 6, 4, 5));
    gb_output(&g, normalised(x, 6, true, false));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_layer_norm), 0);
}

static void group_norm(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(2, 6, 4, 5));
    int32_t y = gb_reshape(&g, x, GB_DIMS(2, 3, 40));
    y = gb_node(&g, &ps_op_group_norm, &(ps_group_norm_params){3, 1e-3F}, 3,
                (int32_t[]){y, gb_filled(&g, GB_DIMS(3), 1), gb_filled(&g, GB_DIMS(3), 0)});
    y = gb_reshape(&g, y, GB_DIMS(2, 6, 4, 5));
    y = op(MUL, y, gb_random(&g, GB_DIMS(6, 1, 1), 0.5F, 1.5F));
    gb_output(&g, op(ADD, y, gb_random(&g, GB_DIMS(6, 1, 1), -1, 1)));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
    assert_int_equal(((const ps_group_norm_params *)g.nodes[0].params)->groups, 3);
}

/* ---- moving elements ---- */

static void nodes_without_effect_go(void **state)
{
    (void)state;
    int32_t x = image(), y = gb_reshape(&g, x, GB_DIMS(1, 4, 5, 5));
    y = gb_transpose(&g, y, GB_DIMS(0, 1, 2, 3));
    y = op(MUL, num(1), op(ADD, y, gb_filled(&g, GB_DIMS(1, 4, 1, 1), 0)));
    y = gb_concat(&g, 1, 1, &y);
    y = gb_slice(&g, y, 1, 0, 4);
    y = act(PS_UNARY_EXP, 0, 0, gb_node(&g, &ps_op_cast, &(ps_cast_params){POISE_F32}, 1, &y));
    y = gb_reshape(&g, gb_reshape(&g, y, GB_DIMS(4, 25)), GB_DIMS(1, 4, 5, 5));
    gb_output(&g, y);
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
}

static void a_graph_of_nothing_keeps_its_output(void **state)
{
    (void)state;
    gb_output(&g, gb_reshape(&g, image(), GB_DIMS(1, 4, 5, 5)));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
}

static void transposes_cancel(void **state)
{
    (void)state;
    int32_t x = image(), y = gb_transpose(&g, x, GB_DIMS(0, 2, 3, 1));
    y = gb_transpose(&g, act(PS_ACT_TANH, 0, 0, y), GB_DIMS(0, 3, 1, 2));
    y = gb_transpose(&g, act(PS_UNARY_EXP, 0, 0, y), GB_DIMS(0, 2, 3, 1));
    gb_output(&g, gb_transpose(&g, y, GB_DIMS(0, 1, 3, 2)));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_transpose), 1);
    assert_int_equal(gb_count(&g, NULL), 3);
}

static void parts_side_by_side_are_the_whole(void **state)
{
    (void)state;
    int32_t x = image(), c = gb_conv(&g, x, 8, 1, 0, 1, true);
    int32_t a = gb_slice(&g, c, 1, 0, 3), b = gb_slice(&g, c, 1, 3, 5), m = gb_conv(&g, b, 5, 3, 1, 1, true);
    gb_output(&g, gb_concat(&g, 1, 3, (int32_t[]){a, b, m}));
    gb_optimize(&g);
    const ps_node *n = gb_first(&g, &ps_op_concat);
    assert_int_equal(n->n_in, 2);
    assert_int_equal(n->in[0], g.nodes[0].out[0]);
    assert_int_equal(gb_count(&g, &ps_op_slice), 1);
}

static void parts_in_another_order_stay(void **state)
{
    (void)state;
    int32_t x = image(), a = gb_slice(&g, x, 1, 0, 2), b = gb_slice(&g, x, 1, 2, 2);
    gb_output(&g, gb_concat(&g, 1, 2, (int32_t[]){b, a}));
    gb_output(&g, gb_concat(&g, 2, 2, (int32_t[]){a, b}));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 4);
}

static void concats_in_concats_are_one(void **state)
{
    (void)state;
    int32_t x = image(), a = act(PS_ACT_TANH, 0, 0, x), b = act(PS_UNARY_EXP, 0, 0, x);
    int32_t y = gb_concat(&g, 1, 2, (int32_t[]){x, a});
    gb_output(&g, gb_concat(&g, 1, 3, (int32_t[]){b, y, x}));
    gb_optimize(&g);
    assert_int_equal(gb_first(&g, &ps_op_concat)->n_in, 4);
    assert_int_equal(gb_count(&g, &ps_op_concat), 1);
}

/* Channel shuffle as ShuffleNet's exporters write it: one gather takes the even channels, one the odd ones. */
static void gathers_become_slices(void **state)
{
    (void)state;
    const ps_axis_params first = {0}, second = {1};
    int32_t x = image(), y = gb_transpose(&g, gb_reshape(&g, x, GB_DIMS(2, 2, 25)), GB_DIMS(1, 0, 2)), at[4];
    int64_t index[4][3] = {{0}, {-1}, {4, 2, -5}, {0, 1, 3}};
    for (int i = 0; i < 4; i++)
        assert_int_equal(ps_graph_constant(&g, NULL, POISE_I64, i > 1, &(int32_t){3}, index[i], &at[i]), 0);
    for (int i = 0; i < 4; i++) {
        int32_t from = i > 1 ? gb_reshape(&g, y, GB_DIMS(5, 20)) : y;
        if (i > 1) from = gb_transpose(&g, from, GB_DIMS(1, 0));
        gb_output(&g, gb_node(&g, &ps_op_gather, i > 1 ? &second : &first, 2, (int32_t[]){from, at[i]}));
    }
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, &ps_op_gather), 1);
    assert_int_equal(gb_count(&g, &ps_op_slice), 3);
}

static void equal_nodes_become_one(void **state)
{
    (void)state;
    int32_t x = image();
    int32_t a = act(PS_ACT_TANH, 0, 0, op(PS_BINARY_FMOD, x, num(2)));
    int32_t b = act(PS_ACT_TANH, 0, 0, op(PS_BINARY_FMOD, x, num(2)));
    int32_t c = act(PS_ACT_TANH, 0, 0, op(PS_BINARY_FMOD, x, num(3)));
    gb_output(&g, gb_concat(&g, 1, 3, (int32_t[]){a, b, c}));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 5);
}

static void constants_are_folded(void **state)
{
    (void)state;
    int32_t k = op(ADD, op(MUL, num(2), num(3)), gb_random(&g, GB_DIMS(1, 4, 1, 1), 1, 2));
    gb_output(&g, op(POW, image(), act(PS_UNARY_FLOOR, 0, 0, k)));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
}

/* A chain as long as a hostile file may have, that rewrites at every node, in little time. */
static void long_chains_take_linear_time(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 4, 1, 1)), y = gb_conv(&g, x, 4, 1, 0, 1, true);
    for (int i = 0; i < 20000; i++) y = op(i & 1 ? MUL : ADD, y, num(i & 1 ? -1.0F : 0.25F));
    for (int i = 0; i < 20000; i++) y = gb_reshape(&g, y, GB_DIMS(1, i & 1 ? 4 : 2, i & 1 ? 1 : 2, 1));
    for (int i = 0; i < 20000; i++) y = act(PS_ACT_RELU, 0, 0, y);
    gb_output(&g, y);
    gb_optimize(&g);
    assert_in_range(gb_count(&g, NULL), 1, 30);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(silu),
        T(silu_goes_into_the_convolution),
        T(quick_gelu_stays),
        T(hard_swish),
        T(other_slopes_are_not_hard_swish),
        T(hard_sigmoid),
        T(mish),
        T(gelu_with_erf),
        T(gelu_with_tanh),
        T(clips_and_slopes),
        T(layer_norm_over_the_last_axis),
        T(layer_norm_over_two_axes),
        T(layer_norm_over_channels),
        T(normalisation_over_mixed_axes_stays),
        T(group_norm),
        T(nodes_without_effect_go),
        T(a_graph_of_nothing_keeps_its_output),
        T(transposes_cancel),
        T(parts_side_by_side_are_the_whole),
        T(parts_in_another_order_stay),
        T(concats_in_concats_are_one),
        T(gathers_become_slices),
        T(equal_nodes_become_one),
        T(constants_are_folded),
        T(long_chains_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
