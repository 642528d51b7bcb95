/* tests/test_onnx_quant.c - quantised ONNX operators: numbers, types, and files that are wrong. */
#include "tests/onnx_build.h"

#include "nn/op.h"
#include "nn/params.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const int64_t one[1] = {1}, eight[1] = {8};
static const float wild[8] = {-3.1F, -0.26F, -0.25F, 0, 0.125F, 0.75F, 40, 1e9F};

static void scalar(pb *graph, const char *name, float v)
{
    pb_floats(graph, name, 0, NULL, 1, &v);
}

static void zero_of(pb *graph, const char *name, int type, int v)
{
    uint8_t bytes[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
    pb_constant(graph, name, type, 0, NULL, type == PB_U16 || type == PB_I16 ? 2 : 1, bytes);
}

static double code_of(double x, double scale, int zero, int low, int high)
{
    double q = rint((double)((float)x / (float)scale)) + zero;
    return q < low ? low : q > high ? high : q;
}

static void run_floats(const pb *graph, int opset, const float *in, float *out)
{
    poise_model *m = pb_open(graph, opset);
    pb_run(m, (const void *const[]){in}, (void *const[]){out});
    poise_model_close(m);
}

/* Every type of codes, there and back. */
static void types_of_codes(void **state)
{
    (void)state;
    static const struct {
        int type, low, high, zero;
    } kinds[] = {{PB_U8, 0, 255, 3},     {PB_I8, -128, 127, -7},         {PB_U4, 0, 15, 5},
                 {PB_I4, -8, 7, -2},     {PB_U16, 0, 65535, 300},        {PB_I16, -32768, 32767, -5}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        pb graph = {0};
        float y[8];
        pb_info(&graph, 11, "x", 1, eight);
        scalar(&graph, "s", 0.25F);
        zero_of(&graph, "z", kinds[k].type, kinds[k].zero);
        pb_node(&graph, "QuantizeLinear", "x s z", "q");
        pb_node(&graph, "DequantizeLinear", "q s z", "y");
        pb_info(&graph, 12, "y", 0, NULL);
        run_floats(&graph, 21, wild, y);
        for (int i = 0; i < 8; i++) {
            double q = code_of((double)wild[i], 0.25, kinds[k].zero, kinds[k].low, kinds[k].high);
            if ((double)y[i] != (q - kinds[k].zero) * 0.25) fail_msg("type %d: %g gives %g", kinds[k].type, (double)wild[i], (double)y[i]);
        }
    }
}

/* Codes as an output, as numbers for Cast, as what MaxPool compares, and after a move. */
static void codes_are_numbers(void **state)
{
    (void)state;
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        pb graph = {0}, pool;
        pb_info(&graph, 11, "x", 3, (const int64_t[]){1, 1, 8});
        scalar(&graph, "s", 0.25F);
        zero_of(&graph, "z", is_signed ? PB_I8 : PB_U8, is_signed ? -7 : 3);
        pb_node(&graph, "QuantizeLinear", "x s z", "q");
        pb cast = pb_begin("Cast", "q", "n");
        pb_integer(&cast, "to", PB_FLOAT);
        pb_end(&graph, &cast);
        pool = pb_begin("MaxPool", "q", "p");
        pb_integers(&pool, "kernel_shape", 1, (const int64_t[]){2});
        pb_integers(&pool, "strides", 1, (const int64_t[]){2});
        pb_end(&graph, &pool);
        pb turn = pb_begin("Transpose", "q", "t");
        pb_integers(&turn, "perm", 3, (const int64_t[]){2, 0, 1});
        pb_end(&graph, &turn);
        pb_node(&graph, "DequantizeLinear", "t s z", "r");
        static const char *const names[] = {"q", "n", "p", "r"};
        for (int i = 0; i < 4; i++) pb_info(&graph, 12, names[i], 0, NULL);
        poise_model *m = pb_open(&graph, 13);
        uint8_t q[8], p[4];
        float n[8], r[8];
        pb_run(m, (const void *const[]){wild}, (void *const[]){q, n, p, r});
        poise_tensor shape;
        poise_model_output(m, 0, &shape);
        assert_int_equal(shape.type, is_signed ? POISE_I8 : POISE_U8);
        assert_float_equal(shape.scale, 0.25F, 0);
        assert_int_equal(shape.zero, is_signed ? -7 : 3);
        for (int i = 0; i < 8; i++) {
            double want = code_of((double)wild[i], 0.25, is_signed ? -7 : 3, is_signed ? -128 : 0, is_signed ? 127 : 255);
            assert_int_equal(is_signed ? (int8_t)q[i] : q[i], (int)want);
            assert_true((double)n[i] == want);
            assert_true((double)r[i] == (want - (is_signed ? -7 : 3)) * 0.25);
            if (i % 2) assert_int_equal(p[i / 2], is_signed ? (uint8_t)((int8_t)q[i] > (int8_t)q[i - 1] ? q[i] : q[i - 1])
                                                            : (q[i] > q[i - 1] ? q[i] : q[i - 1]));
        }
        poise_model_close(m);
    }
}

/* Scales along an axis, and one for each block of two along axis 0 of [3,2] (the last block is cut). */
static void axes_and_blocks(void **state)
{
    (void)state;
    static const int8_t w[6] = {-128, -1, 0, 1, 2, 127};
    static const float scale[4] = {0.5F, 2, 0.25F, 8};
    static const int64_t dim[2] = {3, 2}, blocks[2] = {2, 2}, cols[1] = {2};
    for (int block = 0; block < 2; block++) {
        pb graph = {0}, n;
        float y[6], x[6] = {0};
        pb_info(&graph, 11, "x", 2, dim);
        pb_constant(&graph, "w", PB_I8, 2, dim, 6, w);
        pb_floats(&graph, "s", block ? 2 : 1, block ? blocks : cols, block ? 4 : 2, scale);
        n = pb_begin("DequantizeLinear", "w s", "v");
        pb_integer(&n, "axis", block ? 0 : 1);
        if (block) pb_integer(&n, "block_size", 2);
        pb_end(&graph, &n);
        pb_node(&graph, "Add", "x v", "y");
        pb_info(&graph, 12, "y", 0, NULL);
        run_floats(&graph, 21, x, y);
        for (int i = 0; i < 6; i++) assert_true(y[i] == (float)w[i] * scale[block ? i / 4 * 2 + i % 2 : i % 2]);
    }
}

/* Two 4-bit numbers lie in a byte, the first in its low half. */
static void four_bit_weights(void **state)
{
    (void)state;
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        static const uint8_t packed[2] = {0x8F, 0x07};
        const int want[3] = {is_signed ? -1 : 15, is_signed ? -8 : 8, 7};
        pb graph = {0};
        float y[3], x[3] = {0};
        pb_info(&graph, 11, "x", 1, (const int64_t[]){3});
        pb_constant(&graph, "w", is_signed ? PB_I4 : PB_U4, 1, (const int64_t[]){3}, 2, packed);
        scalar(&graph, "s", 0.5F);
        pb_node(&graph, "DequantizeLinear", "w s", "v");
        pb_node(&graph, "Add", "x v", "y");
        pb_info(&graph, 12, "y", 0, NULL);
        run_floats(&graph, 21, x, y);
        for (int i = 0; i < 3; i++) assert_true((double)y[i] == want[i] * 0.5);
    }
}

/* Weights of a convolution between Q and DQ keep their bytes, u8 around 128 as i8. */
static void weights_stay_codes(void **state)
{
    (void)state;
    static const int64_t dim[4] = {1, 2, 4, 4}, weights[4] = {2, 2, 1, 1};
    static const uint8_t w[4] = {128 + 1, 128 - 2, 128 + 3, 0}, z[2] = {128, 128};
    pb graph = {0};
    ps_graph g;
    pb_info(&graph, 11, "x", 4, dim);
    scalar(&graph, "s", 0.1F);
    pb_floats(&graph, "ws", 1, (const int64_t[]){2}, 2, (const float[]){0.5F, 0.25F});
    pb_constant(&graph, "w", PB_U8, 4, weights, 4, w);
    pb_constant(&graph, "wz", PB_U8, 1, (const int64_t[]){2}, 2, z);
    pb_node(&graph, "QuantizeLinear", "x s", "q");
    pb_node(&graph, "DequantizeLinear", "q s", "r");
    pb dq = pb_begin("DequantizeLinear", "w ws wz", "v");
    pb_integer(&dq, "axis", 0);
    pb_end(&graph, &dq);
    pb_node(&graph, "Conv", "r v", "y");
    pb_info(&graph, 12, "y", 0, NULL);
    assert_int_equal(pb_read(&graph, 13, NULL, &g), POISE_OK);
    int found = 0;
    for (int32_t i = 0; i < g.n_nodes; i++) {
        const ps_value *v = &g.values[g.nodes[i].in[0]];
        if (g.nodes[i].op != &ps_op_quantize || !v->data) continue;
        assert_int_equal(v->type, POISE_I8);
        assert_memory_equal(v->data, ((const int8_t[]){1, -2, 3, -128}), 4);
        assert_int_equal(g.nodes[i].n_in, 2); /* its zero points are gone */
        found++;
    }
    assert_int_equal(found, 1);
    ps_graph_free(&g);
}

/* One with floats before and behind: the operator of ONNX Runtime between codes of scales .5 and .25. */
static void runtime_operator(const char *op, const char *in, void (*more)(pb *), int n, const float *want)
{
    static const int64_t dim[4] = {1, 2, 2, 2};
    pb graph = {0};
    float y[16], x[8] = {-1, 0, 1, 2, 3, -4, 5, 6};
    pb_info(&graph, 11, "x", 4, dim);
    scalar(&graph, "s", 0.5F);
    scalar(&graph, "t", 0.25F);
    zero_of(&graph, "z", PB_I8, -10);
    pb_node(&graph, "QuantizeLinear", "x s z", "q");
    pb node = pb_begin(op, in, "p");
    if (more) more(&node);
    pb_end(&graph, &node);
    pb_node(&graph, "DequantizeLinear", "p t z", "y");
    pb_info(&graph, 12, "y", 0, NULL);
    run_floats(&graph, 13, x, y);
    for (int i = 0; i < n; i++)
        if (y[i] != want[i]) fail_msg("%s[%d] is %g, not %g", op, i, (double)y[i], (double)want[i]);
}

static void along_channels(pb *n)
{
    pb_integer(n, "axis", 1);
}

static void channels_last(pb *n)
{
    pb_integer(n, "channels_last", 1);
}

static void runtime_operators(void **state)
{
    (void)state;
    runtime_operator("com.microsoft.QLinearAdd", "q s z q s z t z", NULL, 8, (const float[]){-2, 0, 2, 4, 6, -8, 10, 12});
    runtime_operator("com.microsoft.QLinearMul", "q s z q s z t z", NULL, 8, (const float[]){1, 0, 1, 4, 9, 16, 25, 34.25F});
    runtime_operator("com.microsoft.QLinearSigmoid", "q s z t z", NULL, 8, (const float[]){0.25F, 0.5F, 0.75F, 1, 1, 0, 1, 1});
    runtime_operator("com.microsoft.QLinearLeakyRelu", "q s z t z", NULL, 8, (const float[]){0, 0, 1, 2, 3, 0, 5, 6});
    runtime_operator("com.microsoft.QLinearConcat", "t z q s z q s z", along_channels, 16,
                     (const float[]){-1, 0, 1, 2, 3, -4, 5, 6, -1, 0, 1, 2, 3, -4, 5, 6});
    runtime_operator("com.microsoft.QLinearGlobalAveragePool", "q s z t z", NULL, 2, (const float[]){0.5F, 2.5F});
    runtime_operator("com.microsoft.QLinearGlobalAveragePool", "q s z t z", channels_last, 2, (const float[]){2, 1});
}

/* alpha is absent; bias in units of .5 * .25. */
static void runtime_gemm(void **state)
{
    (void)state;
    static const int64_t dim[2] = {1, 2};
    pb graph = {0};
    float y[2];
    pb_info(&graph, 11, "x", 2, dim);
    scalar(&graph, "s", 0.5F);
    pb_floats(&graph, "ws", 1, (const int64_t[]){2}, 2, (const float[]){0.25F, 1});
    zero_of(&graph, "z", PB_U8, 100);
    pb_constant(&graph, "wz", PB_I8, 1, (const int64_t[]){2}, 2, (const int8_t[]){0, 0});
    pb_constant(&graph, "w", PB_I8, 2, (const int64_t[]){2, 2}, 4, (const int8_t[]){4, 1, 8, 2});
    pb_constant(&graph, "b", PB_I32, 1, (const int64_t[]){2}, 8, (const int32_t[]){8, -2});
    pb_node(&graph, "QuantizeLinear", "x s z", "q");
    pb_node(&graph, "com.microsoft.QGemm", "q s z w ws wz b", "y");
    pb_info(&graph, 12, "y", 0, NULL);
    run_floats(&graph, 13, (const float[]){3, -2}, y);
    assert_true(y[0] == 3 * 1 - 2 * 2 + 8 * 0.125F && y[1] == 3 * 1 - 2 * 2 - 2 * 0.5F);
}

/* The pattern that dynamic quantisation writes: DynamicQuantizeLinear, MatMulInteger, Cast, Mul. */
static void dynamic_products(void **state)
{
    (void)state;
    static const float x[2] = {-1, 3};
    for (int zeros = 0; zeros < 2; zeros++) {
        pb graph = {0};
        float y[2];
        pb_info(&graph, 11, "x", 2, (const int64_t[]){1, 2});
        scalar(&graph, "ws", 0.5F);
        pb_constant(&graph, "w", PB_I8, 2, (const int64_t[]){2, 2}, 4, (const int8_t[]){4, 1, 8, -2});
        zero_of(&graph, "wz", PB_I8, 0);
        pb_node(&graph, "DynamicQuantizeLinear", "x", "q qs qz");
        pb_node(&graph, "MatMulInteger", "q w qz wz", "i");
        pb cast = pb_begin("Cast", "i", "f");
        pb_integer(&cast, "to", PB_FLOAT);
        pb_end(&graph, &cast);
        pb_node(&graph, "Mul", "qs ws", "both");
        pb_node(&graph, "Mul", "f both", "y");
        pb_info(&graph, 12, "y", 0, NULL);
        run_floats(&graph, 13, zeros ? (const float[]){0, 0} : x, y);
        const float want[2] = {zeros ? 0 : 10, zeros ? 0 : -3.5F};
        for (int i = 0; i < 2; i++) assert_float_equal(y[i], want[i], 0.06F);
    }
}

/* An input of codes is quantised itself, whatever reads it besides. */
static void inputs_of_codes(void **state)
{
    (void)state;
    for (int type = PB_U8; type <= PB_I8; type++) {
        pb graph = {0};
        uint8_t x[8] = {0, 1, 2, 127, 128, 129, 254, 255};
        float y[8], n[8];
        pb_typed_info(&graph, 11, "x", type, 1, eight);
        scalar(&graph, "s", 0.5F);
        zero_of(&graph, "z", type, 5);
        pb_node(&graph, "DequantizeLinear", "x s z", "y");
        pb cast = pb_begin("Cast", "x", "n");
        pb_integer(&cast, "to", PB_FLOAT);
        pb_end(&graph, &cast);
        pb_info(&graph, 12, "y", 0, NULL);
        pb_info(&graph, 12, "n", 0, NULL);
        poise_model *m = pb_open(&graph, 13);
        poise_tensor shape;
        poise_model_input(m, 0, &shape);
        assert_int_equal(shape.type, type == PB_I8 ? POISE_I8 : POISE_U8);
        assert_true(shape.scale > 0);
        pb_run(m, (const void *const[]){x}, (void *const[]){y, n});
        for (int i = 0; i < 8; i++) {
            int q = type == PB_I8 ? (int8_t)x[i] : x[i];
            assert_true((double)y[i] == (q - 5) * 0.5 && (double)n[i] == q);
        }
        poise_model_close(m);
    }
}

/* ---- files that are wrong ---- */

static void bad(const char *op, const char *in, float scale, int zero_type, int opset, const char *says)
{
    pb graph = {0};
    pb_info(&graph, 11, "x", 1, eight);
    pb_constant(&graph, "w", PB_I8, 1, eight, 8, "abcdefgh");
    scalar(&graph, "s", scale);
    pb_floats(&graph, "three", 1, (const int64_t[]){3}, 3, (const float[]){1, 1, scale});
    zero_of(&graph, "z", zero_type, 1);
    pb_constant(&graph, "zz", PB_U8, 1, (const int64_t[]){2}, 2, "ab");
    pb_node(&graph, op, in, "y");
    pb_info(&graph, 12, "y", 0, NULL);
    pb_says(POISE_BAD_MODEL, says, &graph, opset, NULL);
    pb_says(POISE_BAD_MODEL, "node 'y' (", &graph, opset, NULL);
}

static void wrong_scales(void **state)
{
    (void)state;
    bad("QuantizeLinear", "x", 1, PB_U8, 13, "it has 1 inputs");
    bad("QuantizeLinear", "x -", 1, PB_U8, 13, "input 1 is missing");
    bad("QuantizeLinear", "x s z", 0, PB_U8, 13, "scale[0] is 0, a scale must be positive and finite");
    bad("QuantizeLinear", "x s z", -2, PB_U8, 13, "scale[0] is -2");
    bad("DequantizeLinear", "w s z", NAN, PB_I8, 13, "nan");
    bad("DequantizeLinear", "w s z", INFINITY, PB_I8, 13, "inf");
    bad("QuantizeLinear", "x s z", 1e-39F, PB_U8, 13, "a scale must be");
    bad("QuantizeLinear", "x three", 1, PB_U8, 13, "axis 1 of a tensor with 1 dimensions");
    bad("QuantizeLinear", "x s zz", 1, PB_U8, 13, "2 zero points for 1 scales");
    bad("QuantizeLinear", "x s x", 1, PB_U8, 13, "a zero point of type f32");
    bad("DequantizeLinear", "w s z", 1, PB_U8, 13, "a zero point of u8 for i8");
    bad("DequantizeLinear", "x s", 1, PB_U8, 13, "f32");
    bad("QuantizeLinear", "w s z", 1, PB_U8, 13, "i8 cannot be quantised");
    bad("QLinearConv", "w s z w s z s", 1, PB_I8, 13, "it has 7 inputs");
    bad("QLinearMatMul", "w s z w - z s z", 1, PB_I8, 13, "input 4 is missing");
    bad("com.microsoft.QLinearConcat", "s z w s z w", 1, PB_I8, 13, "2 and 3 for each part");
}

static void wrong_axes(void **state)
{
    (void)state;
    static const struct {
        int64_t axis, block;
        const char *says;
    } cases[] = {{2, 0, "axis 2 of a tensor with 2 dimensions"}, {-3, 0, "axis -3"}, {1, 0, "3 scales"},
                 {0, -1, "block_size -1"}, {0, 3, "one for each block of 3"}, {0, INT64_MAX, "block_size"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb graph = {0}, n = pb_begin("DequantizeLinear", "w s", "y");
        pb_info(&graph, 11, "x", 1, one);
        pb_constant(&graph, "w", PB_I8, 2, (const int64_t[]){3, 4}, 12, "abcdefghijkl");
        pb_floats(&graph, "s", 1, (const int64_t[]){3}, 3, (const float[]){1, 1, 1});
        pb_integer(&n, "axis", cases[i].axis);
        pb_integer(&n, "block_size", cases[i].block);
        pb_end(&graph, &n);
        pb_info(&graph, 12, "y", 0, NULL);
        pb_says(POISE_BAD_MODEL, cases[i].says, &graph, 21, NULL);
    }
}

/* Shapes that ask for more than there is. */
static void wrong_sizes(void **state)
{
    (void)state;
    pb graph = {0}, cut = {0};
    pb_info(&graph, 11, "x", 1, one);
    pb_constant(&graph, "w", PB_I4, 2, (const int64_t[]){1 << 16, 1 << 14}, 4, "abcd");
    scalar(&graph, "s", 1);
    pb_node(&graph, "DequantizeLinear", "w s", "y");
    pb_info(&graph, 12, "y", 0, NULL);
    pb_says(POISE_BAD_MODEL, "has 4 bytes of data", &graph, 21, NULL);
    pb_info(&cut, 11, "x", 1, one);
    pb_constant(&cut, "w", PB_I16, 1, (const int64_t[]){2}, 3, "abc");
    scalar(&cut, "s", 1);
    pb_node(&cut, "DequantizeLinear", "w s", "y");
    pb_info(&cut, 12, "y", 0, NULL);
    pb_says(POISE_BAD_MODEL, "its dimensions ask for 4", &cut, 21, NULL);
    pb huge = {0}, n = pb_begin("DequantizeLinear", "w s", "y");
    pb_info(&huge, 11, "x", 1, one);
    pb_constant(&huge, "w", PB_I8, 3, (const int64_t[]){0, 1 << 20, 1 << 10}, 0, "");
    pb_floats(&huge, "s", 3, (const int64_t[]){0, 1 << 20, 1}, 0, NULL);
    pb_integer(&n, "axis", 2);
    pb_integer(&n, "block_size", 1 << 30);
    pb_end(&huge, &n);
    pb_info(&huge, 12, "y", 0, NULL);
    ps_graph g;
    pb_read(&huge, 21, NULL, &g); /* any answer, no fault */
    ps_graph_free(&g);
}

static void unsupported_types(void **state)
{
    (void)state;
    pb graph = {0}, n = pb_begin("QuantizeLinear", "x s", "y");
    pb_info(&graph, 11, "x", 1, eight);
    scalar(&graph, "s", 1);
    pb_integer(&n, "output_dtype", 17);
    pb_end(&graph, &n);
    pb_info(&graph, 12, "y", 0, NULL);
    pb_says(POISE_UNSUPPORTED, "float8e4m3fn", &graph, 21, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_codes),    cmocka_unit_test(codes_are_numbers), cmocka_unit_test(axes_and_blocks),
        cmocka_unit_test(four_bit_weights),  cmocka_unit_test(weights_stay_codes), cmocka_unit_test(runtime_operators),
        cmocka_unit_test(runtime_gemm),      cmocka_unit_test(dynamic_products),  cmocka_unit_test(inputs_of_codes),
        cmocka_unit_test(wrong_scales),      cmocka_unit_test(wrong_axes),        cmocka_unit_test(wrong_sizes),
        cmocka_unit_test(unsupported_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
