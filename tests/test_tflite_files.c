/* tests/test_tflite_files.c - quantised TFLite networks beside the same networks of floats, and what the reader says about files
 * that are not right. */
#include "convert/tflite.h"
#include "runtime/memory.h"
#include "tests/tflite_run.h"

/* ---- quantised ---- */

static void run_tiny(int kind, double *out)
{
    void *bytes;
    size_t size;
    assert_int_equal(tiny_tflite_make(kind, &bytes, &size), POISE_OK);
    for (int i = 0; i < 8 * 8 * 3; i++)
        tr_in[0][i] = kind == TINY_TFLITE_INT8 ? (i * 53 % 121) - 60 : (i * 53 % 121 - 63) / 64.0;
    tr_run_bytes(bytes, size, true);
    assert_int_equal(tr_n_got, 4);
    memcpy(out, tr_got, 4 * sizeof *tr_got);
}

/* The three kinds of the same network agree; codes are those of probabilities. */
static void quantised_networks(void **state)
{
    (void)state;
    double real[4], codes[4], mixed[4];
    run_tiny(TINY_TFLITE_FLOAT, real);
    run_tiny(TINY_TFLITE_INT8, codes);
    run_tiny(TINY_TFLITE_HYBRID, mixed);
    for (int i = 0; i < 4; i++) {
        if (fabs(real[i] - mixed[i]) > 1e-5) fail_msg("hybrid: %g, float: %g", mixed[i], real[i]);
        if (fabs(real[i] - (codes[i] + 128) / 256) > 0.02) fail_msg("int8: %g, float: %g", (codes[i] + 128) / 256, real[i]);
    }
}

/* u8 weights have zero points; u8 inputs and outputs stay. */
static void unsigned_weights(void **state)
{
    (void)state;
    static const uint8_t w[4] = {120, 140, 100, 128};
    static const int32_t b[2] = {10, -20};
    tr_fresh();
    int x = tfl_input(&t, TFL_U8, TFL_DIMS(1, 1, 1, 2)), k = tfl_constant(&t, TFL_U8, TFL_DIMS(2, 1, 1, 2), w);
    int bias = tfl_constant(&t, TFL_I32, TFL_DIMS(2), b);
    tfl_quantise(&t, x, 0.5F, 100);
    tfl_quantise(&t, k, 0.25F, 130);
    tfl_quantise(&t, bias, 0.125F, 0);
    int y = tfl_node(&t, 3, TFL_IN(x, k, bias), TFL_U8, TFL_DIMS(1, 1, 1, 2));
    tfl_int(&t, 1, 1), tfl_int(&t, 2, 1);
    tfl_quantise(&t, y, 1, 50);
    tfl_output(&t, y);
    tr_in[0][0] = 104, tr_in[0][1] = 90; /* 2, -5 */
    /* weights -2.5 2.5 / -7.5 -0.5, bias 1.25 -2.5: -16.25, -15 */
    WANT(0, 34, 35);
}

/* int8 in, uint8 out of QUANTIZE; DEQUANTIZE of f16. */
static void types_of_codes(void **state)
{
    (void)state;
    static const uint16_t half[2] = {0x3c00, 0xc100}; /* 1, -2.5 */
    tr_fresh();
    int x = tfl_input(&t, TFL_I8, TFL_DIMS(2));
    tfl_quantise(&t, x, 0.5F, -3);
    int y = tfl_node(&t, 114, TFL_IN(x), TFL_U8, TFL_DIMS(2));
    tfl_quantise(&t, y, 0.25F, 10);
    int r = tfl_node(&t, 6, TFL_IN(y), TFL_F32, TFL_DIMS(2));
    int h = tfl_node(&t, 6, TFL_IN(tfl_constant(&t, TFL_F16, TFL_DIMS(2), half)), TFL_F32, TFL_DIMS(2));
    int s = tfl_node(&t, 0, TFL_IN(r, h), TFL_F32, TFL_DIMS(2));
    tfl_output(&t, y), tfl_output(&t, s);
    tr_in[0][0] = 7, tr_in[0][1] = -13;
    WANT(0, 30, 0, 6, -5);
}

/* Weights of 8 or 4 bits behind a DEQUANTIZE, with a scale for each channel, and floats all around; read by others too. */
static void weights_behind_dequantize(void **state)
{
    (void)state;
    static const int8_t w[4] = {2, -3, 4, -8};
    static const uint8_t nibbles[2] = {0xd2, 0x84}; /* the same */
    static const float scale[2] = {0.5F, 0.25F};
    for (int small = 0; small < 2; small++) {
        tr_fresh();
        int x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 1, 1, 2));
        int k = tfl_constant(&t, TFL_I8, TFL_DIMS(2, 1, 1, 2), small ? (const void *)nibbles : w);
        if (small) t.tensor[k].type = 17, t.tensor[k].bytes = 2;
        tfl_quantise_axis(&t, k, 0, 2, scale);
        int real = tfl_node(&t, 6, TFL_IN(k), TFL_F32, TFL_DIMS(2, 1, 1, 2));
        int y = tfl_node(&t, 3, TFL_IN(x, real), TFL_F32, TFL_DIMS(1, 1, 1, 2));
        tfl_int(&t, 1, 1), tfl_int(&t, 2, 1);
        tfl_output(&t, y);
        tfl_output(&t, tfl_node(&t, 59, TFL_IN(real), TFL_F32, TFL_DIMS(2, 1, 1, 2)));
        tr_in[0][0] = 1, tr_in[0][1] = 10;
        WANT(1e-6, -14, -19, -1, 1.5, -1, 2);
    }
    t.tensor[1].axis = 5;
    tr_says(POISE_BAD_MODEL, "dimension 5");
}

/* ---- what is not right ---- */

/* x [1,4,4,2] of int8 through a convolution of one output channel. */
static int quantised_conv(int scales)
{
    static const int8_t w[36];
    static const float scale[2] = {0.5F, 0.25F};
    tr_fresh();
    int x = tfl_input(&t, TFL_I8, TFL_DIMS(1, 4, 4, 2)), k = tfl_constant(&t, TFL_I8, TFL_DIMS(2, 3, 3, 2), w);
    tfl_quantise(&t, x, 0.5F, 0);
    if (scales) tfl_quantise_axis(&t, k, 0, scales, scale);
    int y = tfl_node(&t, 3, TFL_IN(x, k), TFL_I8, TFL_DIMS(1, 4, 4, 2));
    tfl_int(&t, 1, 1), tfl_int(&t, 2, 1);
    tfl_quantise(&t, y, 0.5F, 0);
    tfl_output(&t, y);
    return y;
}

static void wrong_scales(void **state)
{
    (void)state;
    quantised_conv(2);
    tr_says(POISE_OK, "");
    quantised_conv(0);
    tr_says(POISE_BAD_MODEL, "has no scale");
    int y = quantised_conv(2);
    t.tensor[y].scale[0] = 0;
    tr_says(POISE_BAD_MODEL, "'a' of int8 has scale 0");
    y = quantised_conv(2);
    t.tensor[y].scale[0] = 7e-39F; /* subnormal */
    tr_says(POISE_BAD_MODEL, "'a' of int8 has scale 7e-39");
    quantised_conv(2);
    t.tensor[0].scale[0] = 0;
    tr_says(POISE_BAD_MODEL, "input 'x' of int8 has scale 0");
    quantised_conv(2);
    t.tensor[1].scale[1] = -1;
    tr_says(POISE_BAD_MODEL, "has scale -1");
    quantised_conv(2);
    t.tensor[1].axis = 3;
    tr_says(POISE_BAD_MODEL, "2 scales along dimension 3, its 2 channels are dimension 0");
    quantised_conv(2);
    t.tensor[1].zero[0] = 300;
    tr_says(POISE_BAD_MODEL, "zero point 300");
    y = quantised_conv(2);
    t.tensor[y].zero[0] = INT64_MIN;
    tr_says(POISE_BAD_MODEL, "zero point -9223372036854775808");
    quantised_conv(2);
    t.tensor[0].n_zeros = 0;
    tr_says(POISE_OK, "");
    quantised_conv(2);
    t.tensor[1].n_zeros = 3, t.tensor[1].n_scales = 2;
    tr_says(POISE_BAD_MODEL, "2 scales and 3 zero points");
    y = quantised_conv(2);
    t.tensor[y].type = TFL_I16;
    tr_says(POISE_UNSUPPORTED, "'a' of int16");
    quantised_conv(2);
    t.tensor[0].type = TFL_I16;
    tr_says(POISE_UNSUPPORTED, "input 'x' has type int16");
}

static void wrong_graphs(void **state)
{
    (void)state;
    int y = quantised_conv(2);
    t.node[0].in[0] = y;
    tr_says(POISE_BAD_MODEL, "before it is made");
    quantised_conv(2);
    t.node[0].in[0] = 77;
    tr_says(POISE_BAD_MODEL, "there is no tensor 77");
    quantised_conv(2);
    t.tensor[1].buffer = 99;
    tr_says(POISE_BAD_MODEL, "there is no buffer 99");
    quantised_conv(2);
    t.tensor[1].bytes = 35;
    tr_says(POISE_BAD_MODEL, "35 bytes of data, its dimensions ask for 36");
    quantised_conv(2);
    t.tensor[0].dim[1] = -4;
    tr_says(POISE_BAD_MODEL, "dimension of -4");
    quantised_conv(2);
    t.tensor[0].dim[1] = t.tensor[0].dim[2] = 1 << 30;
    tr_says(POISE_BAD_MODEL, "too large");
    quantised_conv(2);
    t.tensor[1].data = NULL;
    tr_says(POISE_BAD_MODEL, "nothing makes");
    quantised_conv(2);
    t.node[0].n_fields = 1;
    tr_says(POISE_BAD_MODEL, "stride 0");
    quantised_conv(2);
    t.node[0].code = 119;
    tr_says(POISE_UNSUPPORTED, "1 operator cannot be run: 'a' (WHILE, code 119, feeds 'an output')");
    quantised_conv(2);
    t.node[0].code = 199;
    tr_says(POISE_UNSUPPORTED, "unknown operator");
    quantised_conv(2);
    t.version = 2;
    tr_says(POISE_UNSUPPORTED, "schema version 2");
    quantised_conv(2);
    t.out[0] = 0, t.in[t.n_in++] = 0;
    tr_says(POISE_BAD_MODEL, "declared twice");
}

/* Any byte changed: one line, or a network, and nothing worse. */
static void damaged_files(void **state)
{
    (void)state;
    for (int kind = 0; kind < TINY_TFLITE_COUNT; kind++) {
        void *bytes;
        size_t size;
        assert_int_equal(tiny_tflite_make(kind, &bytes, &size), POISE_OK);
        for (size_t i = 0; i < size; i += 3) {
            uint8_t *p = (uint8_t *)bytes + i, was = *p;
            for (int v = 0; v < 3; v++) {
                ps_graph g = {0};
                *p = (uint8_t)(was ^ (v == 0 ? 0xff : v == 1 ? 0x80 : 1));
                if (ps_tflite_read(&g, bytes, size, NULL) != POISE_OK) assert_true(*poise_error_text() && !strchr(poise_error_text(), '\n'));
                ps_graph_free(&g);
            }
            *p = was;
        }
        for (size_t n = 0; n < size; n += 5) {
            ps_graph g = {0};
            ps_tflite_read(&g, bytes, n, NULL);
            ps_graph_free(&g);
        }
        ps_free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantised_networks),
        cmocka_unit_test(unsigned_weights),
        cmocka_unit_test(types_of_codes),
        cmocka_unit_test(weights_behind_dequantize),
        cmocka_unit_test(wrong_scales),
        cmocka_unit_test(wrong_graphs),
        cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
