/* tests/test_lower.c - graphs of quantised numbers around float operators become integer graphs with the same codes.
 *
 * Sums of floats are rounded and sums of integers are not: what lies halfway between two codes may become either, which
 * happens to a few elements of a thousand at most (ROUNDS).  Everything else must be equal. */
#include "tests/graph_build.h"

#include <string.h>

static ps_graph g;
static const double ROUNDS = 0.004;

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

/* Codes of a graph input of the given dimensions, as numbers: scale 1/64 around 128. */
static int32_t quantised_input(int rank, const int32_t *dim)
{
    return gb_round(&g, gb_input(&g, rank, dim), 1.0F / 64, 128);
}

static bool is_codes(int32_t v)
{
    return v >= 0 && ps_value_is_quantised(&g.values[v]);
}

static const ps_node *last_of(const ps_op *op)
{
    const ps_node *n = NULL;
    for (int32_t i = 0; i < g.n_nodes; i++)
        if (g.nodes[i].op == op) n = &g.nodes[i];
    assert_non_null(n);
    return n;
}

/* x -> sigmoid, rounded -> times x, as exporters write it; rounded in between when asked for. */
static int32_t silu(int32_t x, bool rounded)
{
    int32_t s = gb_unary(&g, PS_ACT_SIGMOID, 0, 0, x);
    if (rounded) s = gb_round(&g, s, 1.0F / 255, 0);
    return gb_binary(&g, PS_BINARY_MUL, x, s);
}

static void convolutions_become_integer(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 9, 9));
    int32_t y = gb_unary(&g, PS_ACT_RELU, 0, 0, gb_conv_int8(&g, x, 12, 3, 1, 1));
    y = gb_round(&g, y, 0.05F, 0);
    y = gb_conv_int8(&g, y, 12, 3, 1, 12);
    gb_output(&g, gb_round(&g, y, 0.4F, 100));
    gb_optimize_within(&g, 0.4, ROUNDS);
    assert_int_equal(gb_count(&g, NULL), 4); /* two convolutions between quantize and dequantize */
    assert_int_equal(gb_count(&g, &ps_op_conv), 2);
    const ps_node *n = last_of(&ps_op_conv);
    assert_true(is_codes(n->in[0]) && is_codes(n->out[0]));
    assert_int_equal(g.values[n->in[1]].type, POISE_I8);
}

static void convolutions_may_give_floats(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 5, 5));
    gb_output(&g, gb_conv_int8(&g, x, 6, 1, 0, 1));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 2);
    assert_true(is_codes(last_of(&ps_op_conv)->in[0]));
}

static void weights_around_a_zero_point(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 5, 5)), w = gb_codes(&g, POISE_U8, GB_DIMS(6, 8, 1, 1));
    g.values[w].scale = 0.01F;
    g.values[w].zero = 128;
    ps_conv_params p = {{1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, {0}};
    int32_t y = gb_node(&g, &ps_op_conv, &p, 2, (int32_t[]){x, gb_dequantize(&g, w)});
    gb_output(&g, gb_round(&g, y, 0.1F, 128));
    gb_optimize_within(&g, 0.1, ROUNDS);
    const ps_node *n = last_of(&ps_op_conv);
    assert_int_equal(g.values[n->in[1]].type, POISE_I8);
}

/* Around 100 numbers reach from -100 to 155: of 9 bits, they are rounded to 8. */
static void weights_of_nine_bits(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 16, 5, 5)), w = gb_codes(&g, POISE_U8, GB_DIMS(6, 16, 1, 1));
    g.values[w].scale = 0.01F;
    g.values[w].zero = 100;
    ps_conv_params p = {{1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, {0}};
    int32_t y = gb_node(&g, &ps_op_conv, &p, 2, (int32_t[]){x, gb_dequantize(&g, w)});
    gb_output(&g, gb_round(&g, y, 0.2F, 100));
    gb_optimize_within(&g, 0.2, 0.2);
    assert_int_equal(g.values[last_of(&ps_op_conv)->in[1]].type, POISE_I8);
}

static void transposed_convolutions_become_integer(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 5, 5)), w = gb_codes(&g, POISE_U8, GB_DIMS(8, 3, 2, 2));
    g.values[w].scale = 0.01F;
    g.values[w].zero = 128;
    ps_conv_transpose_params p = {{2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, {0, 0}, 2, {0}};
    int32_t y = gb_node(&g, &ps_op_conv_transpose, &p, 2, (int32_t[]){x, gb_dequantize(&g, w)});
    gb_output(&g, gb_round(&g, y, 0.05F, 128));
    gb_optimize_within(&g, 0.05, ROUNDS);
    assert_true(is_codes(gb_first(&g, &ps_op_conv_transpose)->in[0]));
}

static void products_become_integer(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(3, 16));
    int32_t in[3] = {x, gb_weights(&g, GB_DIMS(10, 16), 0), gb_random(&g, GB_DIMS(10), -1, 1)};
    int32_t y = gb_node(&g, &ps_op_matmul, &(ps_matmul_params){.alpha = 1, .trans_b = 1}, 3, in);
    gb_output(&g, gb_round(&g, y, 0.05F, 128));
    gb_optimize_within(&g, 0.05, ROUNDS);
    assert_int_equal(g.values[gb_first(&g, &ps_op_matmul)->in[1]].type, POISE_I8);
}

static void products_of_two_quantised_values(void **state)
{
    (void)state;
    int32_t a = quantised_input(GB_DIMS(2, 5, 16)), b = quantised_input(GB_DIMS(2, 16, 7));
    int32_t y = gb_node(&g, &ps_op_matmul, &(ps_matmul_params){.alpha = 0.25F}, 2, (int32_t[]){a, b});
    gb_output(&g, gb_round(&g, y, 0.05F, 128));
    gb_optimize_within(&g, 0.05, ROUNDS);
    const ps_node *n = gb_first(&g, &ps_op_matmul);
    assert_true(is_codes(n->in[0]) && is_codes(n->in[1]) && is_codes(n->out[0]));
}

static void residuals_are_added_as_codes(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6));
    int32_t y = gb_unary(&g, PS_ACT_RELU, 0, 0, gb_conv_int8(&g, x, 8, 3, 1, 1));
    gb_output(&g, gb_round(&g, gb_binary(&g, PS_BINARY_ADD, x, y), 0.1F, 30));
    gb_optimize_within(&g, 0.1, ROUNDS);
    assert_int_equal(gb_count(&g, NULL), 3);
    assert_true(is_codes(gb_first(&g, &ps_op_conv)->in[3]));
}

static void residuals_of_floats_are_added_behind(void **state)
{
    (void)state;
    int32_t r = gb_input(&g, GB_DIMS(1, 8, 6, 6)), x = quantised_input(GB_DIMS(1, 8, 6, 6));
    int32_t y = gb_binary(&g, PS_BINARY_ADD, r, gb_conv_int8(&g, x, 8, 3, 1, 1));
    gb_output(&g, gb_unary(&g, PS_ACT_RELU, 0, 0, y));
    gb_optimize(&g);
    assert_true(is_codes(gb_first(&g, &ps_op_conv)->in[0]));
}

static void only_weights_are_integer(void **state)
{
    (void)state;
    gb_output(&g, gb_conv_int8(&g, gb_input(&g, GB_DIMS(1, 8, 6, 6)), 8, 3, 1, 1));
    gb_optimize(&g);
    assert_int_equal(gb_count(&g, NULL), 1);
    assert_int_equal(g.values[g.nodes[0].in[1]].type, POISE_I8);
}

static void silu_between_roundings_is_a_table(void **state)
{
    (void)state;
    for (int rounded = 0; rounded < 2; rounded++) {
        int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6));
        gb_output(&g, gb_round(&g, silu(x, rounded), 0.01F, 28));
        gb_optimize_within(&g, 0, ROUNDS);
        assert_int_equal(gb_count(&g, NULL), 3);
        assert_int_equal(gb_count(&g, &ps_op_lookup), 1);
        ps_graph_free(&g);
        g = (ps_graph){0};
    }
}

static void tables_move_into_convolutions(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6));
    int32_t y = gb_round(&g, gb_conv_int8(&g, x, 8, 3, 1, 1), 0.1F, 120);
    y = gb_round(&g, silu(y, true), 0.07F, 3);
    gb_output(&g, gb_round(&g, gb_unary(&g, PS_ACT_TANH, 0, 0, y), 1.0F / 127, 128));
    gb_optimize_within(&g, 0.1, ROUNDS * 2);
    assert_int_equal(gb_count(&g, NULL), 3);
    const ps_node *n = gb_first(&g, &ps_op_conv);
    assert_int_equal(n->n_in, 6);
    assert_true(g.values[n->in[5]].scale == 0.1F && g.values[n->in[5]].zero == 120);
}

static void chains_with_numbers_are_tables(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 3, 6, 6)), c = gb_codes(&g, POISE_U8, GB_DIMS(1));
    g.values[c].scale = 0.5F;
    int32_t y = gb_binary(&g, PS_BINARY_ADD, x, gb_scalar(&g, 3));
    y = gb_unary(&g, PS_ACT_CLIP, 0, 6, y);
    y = gb_binary(&g, PS_BINARY_MUL, x, gb_binary(&g, PS_BINARY_DIV, y, gb_scalar(&g, 6)));
    y = gb_binary(&g, PS_BINARY_MUL, y, gb_dequantize(&g, c));
    gb_output(&g, gb_round(&g, y, 0.5F, 20));
    gb_optimize_within(&g, 0.5, ROUNDS);
    assert_int_equal(gb_count(&g, NULL), 3);
}

static void moves_happen_on_codes(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6));
    int32_t y = gb_slice(&g, x, 1, 2, 4);
    y = gb_transpose(&g, y, 4, (int32_t[]){0, 2, 3, 1});
    y = gb_reshape(&g, silu(y, false), GB_DIMS(36, 4));
    gb_output(&g, gb_round(&g, y, 0.01F, 28));
    gb_optimize_within(&g, 0, ROUNDS);
    assert_true(is_codes(gb_first(&g, &ps_op_slice)->in[0]));
    assert_int_equal(gb_count(&g, &ps_op_lookup), 1);
    assert_int_equal(gb_count(&g, &ps_op_quantize), 2);
}

/* One rounding behind a concatenation of a function, of codes of another scale, and of a part of them. */
static void roundings_move_up_through_concat(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6));
    int32_t s = silu(x, false), half = gb_slice(&g, s, 1, 4, 4);
    int32_t part = gb_round(&g, half, 0.02F, 14);
    int32_t y = gb_concat(&g, 1, 3, (int32_t[]){gb_slice(&g, s, 1, 0, 4), part, x});
    gb_output(&g, gb_round(&g, y, 0.03F, 70));
    gb_optimize_within(&g, 0, ROUNDS);
    assert_true(is_codes(gb_first(&g, &ps_op_concat)->out[0]));
    assert_int_equal(gb_count(&g, &ps_op_unary) + gb_count(&g, &ps_op_binary), 0);
}

static void concat_of_one_scale_is_plain(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6)), z = quantised_input(GB_DIMS(1, 4, 6, 6));
    int32_t y = gb_concat(&g, 1, 2, (int32_t[]){x, z});
    gb_output(&g, gb_round(&g, gb_conv_int8(&g, y, 4, 1, 0, 1), 0.05F, 128));
    gb_optimize_within(&g, 0.05, ROUNDS);
    assert_int_equal(gb_count(&g, &ps_op_lookup), 0);
    assert_true(is_codes(gb_first(&g, &ps_op_conv)->in[0]));
}

static void largest_of_windows_on_codes(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 7, 7));
    ps_pool_params p = {.kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}, .pad = {1, 1, 1, 1}};
    int32_t a = gb_node(&g, &ps_op_pool, &p, 1, (int32_t[]){silu(x, false)});
    int32_t b = gb_node(&g, &ps_op_pool, &p, 1, &a);
    gb_output(&g, gb_round(&g, gb_concat(&g, 1, 2, (int32_t[]){a, b}), 0.01F, 28));
    gb_optimize_within(&g, 0, ROUNDS);
    assert_int_equal(gb_count(&g, &ps_op_pool), 2);
    assert_true(is_codes(last_of(&ps_op_pool)->in[0]));
}

/* Both readers of the product want it in the same codes, behind what they do. */
static void several_readers_of_one_scale(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 7, 7)), y = gb_conv_int8(&g, x, 8, 1, 0, 1);
    ps_pool_params p = {.kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}, .pad = {1, 1, 1, 1}};
    int32_t largest = gb_node(&g, &ps_op_pool, &p, 1, &y);
    gb_output(&g, gb_round(&g, gb_concat(&g, 1, 2, (int32_t[]){y, largest}), 0.1F, 128));
    gb_optimize_within(&g, 0.1, ROUNDS);
    assert_int_equal(gb_count(&g, &ps_op_quantize), 2);
    assert_true(is_codes(gb_first(&g, &ps_op_conv)->out[0]));
}

static void borders_of_zero_go_into_convolutions(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 7, 7));
    int32_t y = gb_round(&g, gb_pad(&g, x, 1, -1), 1.0F / 64, 128);
    gb_output(&g, gb_round(&g, gb_conv_int8(&g, y, 4, 3, 0, 1), 0.1F, 128));
    gb_optimize_within(&g, 0.1, ROUNDS);
    assert_int_equal(gb_count(&g, NULL), 3);
    assert_int_equal(((const ps_conv_params *)gb_first(&g, &ps_op_conv)->params)->pad[3], 1);
}

static void sums_and_products_of_codes(void **state)
{
    (void)state;
    static const int kinds[] = {PS_BINARY_ADD, PS_BINARY_SUB, PS_BINARY_MUL};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6)), z = quantised_input(GB_DIMS(1, 8, 1, 1));
        gb_output(&g, gb_round(&g, gb_binary(&g, kinds[i], x, z), 0.03F, 120));
        gb_optimize_within(&g, 0.03, 0.02);
        const ps_node *n = gb_first(&g, &ps_op_binary);
        assert_true(is_codes(n->in[0]) && is_codes(n->in[1]) && is_codes(n->out[0]));
        ps_graph_free(&g);
        g = (ps_graph){0};
    }
}

/* The addend has no rounding in the graph: its own codes are as fine as those of the sum. */
static void sums_with_a_function_of_codes(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6)), z = quantised_input(GB_DIMS(1, 8, 6, 6));
    gb_output(&g, gb_round(&g, gb_binary(&g, PS_BINARY_ADD, x, silu(z, false)), 0.03F, 100));
    gb_optimize_within(&g, 0.03, 0.3);
    assert_int_equal(gb_count(&g, &ps_op_lookup), 1);
    assert_true(is_codes(gb_first(&g, &ps_op_binary)->out[0]));
}

/* Of the two roundings, that of the sum stays; the other one is left out. */
static void sums_go_into_the_product_before(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6));
    int32_t y = gb_round(&g, gb_conv_int8(&g, x, 8, 3, 1, 1), 0.4F, 128); /* none is too large for its codes */
    gb_output(&g, gb_round(&g, gb_binary(&g, PS_BINARY_ADD, x, silu(y, false)), 0.5F, 60));
    gb_optimize_within(&g, 0.5, 0.5);
    assert_int_equal(gb_count(&g, NULL), 3);
    assert_true(is_codes(gb_first(&g, &ps_op_conv)->in[3]));
}

static void limits_that_no_code_passes_are_nothing(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6)), z = quantised_input(GB_DIMS(1, 8, 6, 6));
    int32_t y = gb_unary(&g, PS_ACT_RELU, 0, 0, gb_binary(&g, PS_BINARY_ADD, x, z));
    y = gb_round(&g, y, 0.02F, 0);
    y = gb_binary(&g, PS_BINARY_ADD, y, z);
    gb_output(&g, gb_round(&g, gb_unary(&g, PS_ACT_CLIP, 0, 1, y), 0.02F, 10));
    gb_optimize_within(&g, 0.02, 0.02);
    assert_int_equal(gb_count(&g, &ps_op_unary), 0);
    assert_int_equal(gb_count(&g, &ps_op_lookup), 1); /* 0..1 are codes 10..60 */
}

static void means_of_codes(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6));
    gb_output(&g, gb_round(&g, gb_mean(&g, x, 12), 0.005F, 128));
    gb_optimize_within(&g, 0.005, 0.05);
    const ps_node *n = gb_first(&g, &ps_op_reduce);
    assert_true(is_codes(n->in[0]) && is_codes(n->out[0]));
}

static void equal_scales_vanish(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6));
    for (int i = 0; i < 3; i++) x = gb_round(&g, x, 1.0F / 64, 128);
    gb_output(&g, x);
    gb_optimize_within(&g, 0, ROUNDS);
    assert_int_equal(gb_count(&g, NULL), 2);
}

/* A network that takes bytes and rounds them at once. */
static void bytes_are_codes_of_themselves(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(1, 5, 5, 3));
    g.values[x].type = POISE_U8;
    int32_t y = gb_node(&g, &ps_op_cast, &(ps_cast_params){POISE_F32}, 1, &x);
    y = gb_round(&g, gb_transpose(&g, y, 4, (int32_t[]){0, 3, 1, 2}), 1, 0);
    y = gb_round(&g, gb_binary(&g, PS_BINARY_SUB, y, gb_filled(&g, GB_DIMS(1, 3, 1, 1), 127)), 1, 128);
    gb_output(&g, gb_quantize(&g, gb_conv_int8(&g, y, 4, 3, 1, 1), 20, 128));
    gb_optimize_within(&g, 20, ROUNDS);
    assert_int_equal(gb_count(&g, &ps_op_quantize) + gb_count(&g, &ps_op_cast), 0);
    assert_int_equal(gb_count(&g, &ps_op_lookup), 1);
}

static void other_scales_are_tables(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 6, 6));
    gb_output(&g, gb_quantize(&g, x, 0.03F, 12));
    gb_optimize_within(&g, 0, ROUNDS);
    assert_int_equal(gb_count(&g, &ps_op_lookup), 1);
    assert_int_equal(gb_count(&g, NULL), 2);
}

/* Equal inputs and parameters, but other scales: not the same. */
static void roundings_to_two_scales_stay_two(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(2, 50));
    gb_output(&g, gb_round(&g, x, 0.1F, 128));
    gb_output(&g, gb_round(&g, x, 0.5F, 10));
    gb_optimize_within(&g, 0, ROUNDS);
    assert_int_equal(gb_count(&g, NULL), 4);
}

static void outputs_keep_their_names(void **state)
{
    (void)state;
    int32_t x = gb_input(&g, GB_DIMS(2, 50)), q = gb_quantize(&g, x, 0.1F, 128);
    int32_t again = gb_quantize(&g, gb_dequantize(&g, q), 0.1F, 128);
    g.values[q].name = "first";
    g.values[again].name = "second";
    gb_output(&g, q);
    gb_output(&g, again);
    gb_optimize_within(&g, 0, ROUNDS);
}

/* 2000 unrounded functions in a row, each of the one before and of itself: neither a table nor a stack of calls. */
static void long_chains_end(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(2, 5));
    for (int i = 0; i < 2000; i++)
        x = i % 3 ? gb_unary(&g, PS_UNARY_SIN, 0, 0, x) : gb_binary(&g, PS_BINARY_MUL, x, x);
    gb_output(&g, gb_quantize(&g, x, 0.1F, 128));
    gb_optimize_within(&g, 0.1, 1);
}

/* Each doubles the one before: codes of the last ask for codes of all, twice each unless remembered. */
static void concats_of_concats_end(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 1)), z = silu(x, false);
    for (int i = 0; i < 14; i++) {
        z = gb_concat(&g, 1, 2, (int32_t[]){z, z});
        if (i % 2) gb_output(&g, gb_round(&g, z, 0.01F * (float)(i + 1), 128));
        if (g.n_outputs == 4) break;
    }
    gb_optimize_within(&g, 0.1, 1);
    assert_true(g.n_nodes < 100);
}

static void what_was_done_is_noted(void **state)
{
    (void)state;
    int32_t x = quantised_input(GB_DIMS(1, 8, 5, 5));
    int32_t y = gb_round(&g, gb_conv_int8(&g, x, 6, 1, 0, 1), 0.1F, 128);
    gb_output(&g, gb_node(&g, &ps_op_softmax, &(ps_softmax_params){PS_SOFTMAX, 1}, 1, &y));
    gb_optimize_within(&g, 0.5, 1);
    const char *note = ps_graph_get_meta(&g, "poise.int8");
    assert_non_null(note);
    assert_non_null(strstr(note, "of codes"));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(convolutions_become_integer), T(convolutions_may_give_floats), T(weights_around_a_zero_point),
        T(weights_of_nine_bits), T(transposed_convolutions_become_integer), T(products_become_integer),
        T(products_of_two_quantised_values), T(residuals_are_added_as_codes), T(residuals_of_floats_are_added_behind),
        T(only_weights_are_integer), T(silu_between_roundings_is_a_table), T(tables_move_into_convolutions),
        T(chains_with_numbers_are_tables), T(moves_happen_on_codes), T(roundings_move_up_through_concat),
        T(concat_of_one_scale_is_plain), T(largest_of_windows_on_codes), T(several_readers_of_one_scale), T(borders_of_zero_go_into_convolutions),
        T(sums_and_products_of_codes), T(sums_with_a_function_of_codes),
        T(sums_go_into_the_product_before), T(limits_that_no_code_passes_are_nothing),
        T(means_of_codes), T(equal_scales_vanish), T(bytes_are_codes_of_themselves), T(other_scales_are_tables), T(roundings_to_two_scales_stay_two),
        T(outputs_keep_their_names), T(long_chains_end), T(concats_of_concats_end), T(what_was_done_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
