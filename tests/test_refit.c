/* tests/test_refit.c - a network for another image size computes, bit for bit, what one exported for that size does; what
 * knows the old size in a way that cannot be followed is refused. */
#include "tests/graph_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/refit.h"
#include "convert/refit_dim.h"
#include "nn/session.h"

/* What the networks below have besides. */
typedef enum twist { PLAIN, NORMALISED, SHARES, POSITIONS, CUT, FLAT, TWISTS } twist;

static uint32_t seed;

static float next(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) * 0x1p-24f - 0.5f;
}

static int32_t constant(ps_graph *g, int rank, const int32_t *dim,
                        float (*value)(int32_t i, int32_t h, int32_t w), int32_t h, int32_t w)
{
    int32_t v;
    assert_int_equal(ps_graph_constant(g, "c", POISE_F32, rank, dim, NULL, &v), POISE_OK);
    float *to = (float *)(uintptr_t)g->values[v].data;
    for (int32_t i = 0; i < (int32_t)ps_value_count(&g->values[v]); i++)
        to[i] = value ? value(i, h, w) : next();
    return v;
}

static int32_t conv(ps_graph *g, int32_t x, int32_t out, int32_t k, int32_t stride)
{
    ps_conv_params p = {.kernel = {k, k},
                        .stride = {stride, stride},
                        .dilation = {1, 1},
                        .group = 1,
                        .pad = {k / 2, k / 2, k / 2, k / 2},
                        .fused = {.act = PS_ACT_SILU}};
    int32_t in[2] = {x, constant(g, 4, (int32_t[]){out, g->values[x].dim[1], k, k}, NULL, 0, 0)};
    return gb_node(g, &ps_op_conv, &p, 2, in);
}

/* Two levels: h/2 x w/2 cells, then h/4 x w/4.  Values of [1,2,cells]: columns + 0.5, rows + 0.5. */
static float anchor(int32_t i, int32_t h, int32_t w)
{
    int32_t fine = h / 2 * (w / 2), all = fine + h / 4 * (w / 4), at = i % all;
    int32_t row = at < fine ? w / 2 : w / 4, cell = at < fine ? at : at - fine;
    return (float)(i < all ? cell % row : cell / row) + 0.5f;
}

static float stride(int32_t i, int32_t h, int32_t w)
{
    return i < h / 2 * (w / 2) ? 2 : 4;
}

static float share(int32_t i, int32_t h, int32_t w)
{
    return anchor(i, h, w) / (float)(w / 2);
}

static float position(int32_t i, int32_t h, int32_t w)
{
    return (float)((i + h + w) * (i + 1) % 7);
}

/* Tokens that look at each other, as in YOLO11: merged, multiplied, taken apart again. */
static int32_t attention(ps_graph *g, int32_t x)
{
    int32_t c = g->values[x].dim[1], h = g->values[x].dim[2], w = g->values[x].dim[3];
    int32_t tokens = gb_reshape(g, x, GB_DIMS(1, 2, c / 2, h * w));
    int32_t turned = gb_transpose(g, tokens, GB_DIMS(0, 1, 3, 2));
    const ps_matmul_params p = {.alpha = 0.5f};
    int32_t scores = gb_node(g, &ps_op_matmul, &p, 2, (int32_t[]){turned, tokens});
    int32_t shares = gb_node(g, &ps_op_softmax, &(ps_softmax_params){PS_SOFTMAX, 3}, 1, &scores);
    int32_t mixed = gb_node(g, &ps_op_matmul, &p, 2, (int32_t[]){shares, turned});
    return gb_reshape(g, gb_transpose(g, mixed, GB_DIMS(0, 1, 3, 2)), GB_DIMS(1, c, h, w));
}

static void build(ps_graph *g, int32_t h, int32_t w, twist t)
{
    seed = 1;
    int32_t x = gb_input(g, GB_DIMS(1, 3, h, w)), fine = conv(g, x, 8, 3, 2),
            coarse = attention(g, conv(g, fine, 8, 3, 2));
    ps_resize_params up = {.mode = PS_RESIZE_NEAREST,
                           .coord = PS_COORD_ASYMMETRIC,
                           .nearest = PS_NEAREST_FLOOR,
                           .rank = 4,
                           .dim = {1, 8, h / 2, w / 2},
                           .scale = {1, 1, 2, 2}};
    int32_t joined[2] = {gb_node(g, &ps_op_resize, &up, 1, &coarse), fine};
    fine = conv(g, gb_concat(g, 1, 2, joined), 6, 1, 1);
    coarse = conv(g, coarse, 6, 1, 1);
    if (t == POSITIONS)
        coarse = gb_binary(g, PS_BINARY_ADD, coarse,
                           constant(g, 4, (int32_t[]){1, 6, h / 4, w / 4}, position, h, w));
    if (t == CUT) fine = gb_slice(g, fine, 2, 0, h / 2 - 1);
    if (t == CUT) coarse = gb_slice(g, coarse, 2, 0, h / 4);
    int32_t fine_h = t == CUT ? h / 2 - 1 : h / 2;
    int32_t cells[2] = {gb_reshape(g, fine, GB_DIMS(1, 6, fine_h * (w / 2))),
                        gb_reshape(g, coarse, GB_DIMS(1, 6, h / 4 * (w / 4)))};
    int32_t all = gb_concat(g, 2, 2, cells), n = g->values[all].dim[2], box = gb_slice(g, all, 1, 0, 2);
    if (t != CUT) {
        int32_t grid = constant(g, 3, (int32_t[]){1, 2, n}, t == SHARES ? share : anchor, h, w);
        box = gb_binary(g, PS_BINARY_SUB, grid, box);
        box = gb_binary(g, PS_BINARY_MUL, box, constant(g, 2, (int32_t[]){1, n}, stride, h, w));
    }
    if (t == NORMALISED) box = gb_binary(g, PS_BINARY_DIV, box, gb_scalar(g, (float)w));
    int32_t out[2] = {box, gb_unary(g, PS_ACT_SIGMOID, 0, 0, gb_slice(g, all, 1, 2, 4))},
            y = gb_concat(g, 1, 2, out);
    if (t == FLAT) y = gb_matmul(g, gb_reshape(g, y, GB_DIMS(1, 6 * n)), 4);
    gb_output(g, y);
    for (int32_t i = 0; i < g->n_nodes; i++) assert_int_equal(ps_graph_infer(g, i), POISE_OK);
}

static float *compute(const ps_graph *g, size_t *count)
{
    void *bytes;
    size_t size;
    poise_model *m;
    poise_session *s;
    assert_int_equal(ps_format_write(g, &bytes, &size), POISE_OK);
    if (ps_model_adopt(bytes, size, NULL, &(poise_options){.threads = 1}, &m))
        fail_msg("%s", poise_error_text());
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    const poise_tensor *x = poise_session_input(s, 0), *y = poise_session_output(s, 0);
    float *in = malloc(poise_tensor_count(x) * sizeof *in),
          *out = malloc(poise_tensor_count(y) * sizeof *out);
    seed = 7;
    for (size_t i = 0; i < poise_tensor_count(x); i++) in[i] = next();
    poise_tensor_write(x, in);
    poise_session_run(s);
    *count = poise_tensor_count(y);
    poise_tensor_read(y, out);
    free(in);
    poise_session_close(s);
    poise_model_close(m);
    return out;
}

static void equals_an_export(void **state)
{
    (void)state;
    static const int32_t sizes[][2] = {{16, 16}, {24, 16}, {16, 32}, {8, 20}, {40, 28}};
    for (size_t from = 0; from < 5; from++)
        for (size_t to = 0; to < 5; to++) {
            ps_graph a = {0}, b = {0};
            size_t n, m;
            build(&a, sizes[from][0], sizes[from][1], PLAIN);
            build(&b, sizes[to][0], sizes[to][1], PLAIN);
            if (ps_refit(&a, sizes[to][0], sizes[to][1])) fail_msg("%s", poise_error_text());
            float *got = compute(&a, &n), *want = compute(&b, &m);
            assert_true(n == m && !memcmp(got, want, n * sizeof *got));
            free(got);
            free(want);
            ps_graph_free(&a);
            ps_graph_free(&b);
        }
}

static void refuses_what_cannot_follow(void **state)
{
    (void)state;
    static const char *const why[TWISTS] = {[NORMALISED] = "computes with the fixed image size",
                                            [SHARES] = "no grid of cells",
                                            [POSITIONS] = "no grid of cells",
                                            [CUT] = "cuts at a fixed place",
                                            [FLAT] = "reshapes to a fixed size"};
    for (int t = NORMALISED; t < TWISTS; t++) {
        ps_graph g = {0};
        build(&g, 24, 16, (twist)t);
        assert_int_equal(ps_refit(&g, 24, 16), POISE_OK);
        assert_int_equal(ps_refit(&g, 16, 32), POISE_UNSUPPORTED);
        if (!strstr(poise_error_text(), why[t]) || !strstr(poise_error_text(), "fixes 24x16"))
            fail_msg("twist %d: %s", t, poise_error_text());
        ps_graph_free(&g);
    }
    ps_graph g = {0};
    build(&g, 24, 16, PLAIN);
    assert_int_equal(ps_refit(&g, 16, 18), POISE_UNSUPPORTED); /* the levels do not meet */
    ps_graph_free(&g);
}

static void follows_dimensions(void **state)
{
    (void)state;
    ps_refit_dim x[3] = {ps_refit_atom(6, 6), ps_refit_atom(4, 2), ps_refit_atom(4, 5)}, y[4];
    assert_true(ps_refit_reshape(x, 3, (int32_t[]){2, 3, 16}, 3, y)); /* 6 | 2 3,  4 4 | 16 */
    assert_true(ps_refit_extent(&y[0], -1, true) == 2 && ps_refit_extent(&y[2], -1, true) == 10);
    assert_true(ps_refit_reshape(&y[2], 1, (int32_t[]){4, 4}, 2, x)); /* and back: rows first */
    assert_true(ps_refit_extent(&x[0], -1, true) == 2 && ps_refit_extent(&x[1], -1, true) == 5);
    assert_false(ps_refit_reshape(&y[2], 1, (int32_t[]){2, 8}, 2, x)); /* rows cannot be cut */
    ps_refit_dim sum = y[2], part = ps_refit_atom(3, 3);
    assert_true(ps_refit_append(&sum, &part));
    assert_true(ps_refit_extent(&sum, -1, false) == 19 && ps_refit_extent(&sum, -1, true) == 13);
    assert_true(ps_refit_reshape(&sum, 1, (int32_t[]){1, 19, 1}, 3, y));
    assert_int_equal(ps_refit_extent(&y[1], -1, true), 13);
    ps_refit_dim two[2] = {ps_refit_atom(2, 2), sum};
    assert_false(ps_refit_reshape(two, 2, (int32_t[]){38}, 1, y)); /* a sum is not merged */
    assert_false(ps_refit_reshape(two, 2, (int32_t[]){19, 2}, 2, y));
    ps_refit_dim huge = ps_refit_atom(INT32_MAX, INT32_MAX);
    assert_true(ps_refit_append(&huge, &sum) && ps_refit_extent(&huge, -1, true) == INT32_MAX);
}

/* Codes and lookups follow any size. */
static void codes_follow(void **state)
{
    (void)state;
    ps_graph g = {0};
    uint8_t table[256];
    int32_t x = gb_input(&g, 4, (const int32_t[]){1, 3, 16, 16}), q, t, y;
    for (int i = 0; i < 256; i++) table[i] = (uint8_t)(255 - i);
    assert_int_equal(ps_graph_value(&g, "q", &q), POISE_OK);
    g.values[q].scale = 0.1f, g.values[q].zero = 7;
    assert_int_equal(ps_graph_node(&g, &ps_op_quantize, "q", &(ps_quantize_params){POISE_U8, 0}, 1, &x, 1, &q), POISE_OK);
    assert_int_equal(ps_graph_infer(&g, 0), POISE_OK);
    assert_int_equal(ps_graph_constant(&g, "t", POISE_U8, 1, (const int32_t[]){256}, table, &t), POISE_OK);
    assert_int_equal(ps_graph_value(&g, "y", &y), POISE_OK);
    g.values[y].scale = 0.2f;
    assert_int_equal(ps_graph_node(&g, &ps_op_lookup, "y", NULL, 2, (const int32_t[]){q, t}, 1, &y), POISE_OK);
    assert_int_equal(ps_graph_infer(&g, 1), POISE_OK);
    gb_output(&g, gb_node(&g, &ps_op_quantize, &(ps_quantize_params){POISE_F32, 0}, 1, &y));
    if (ps_refit(&g, 32, 64)) fail_msg("%s", poise_error_text());
    const ps_value *out = &g.values[g.outputs[0]];
    assert_true(out->dim[2] == 32 && out->dim[3] == 64 && g.values[y].scale == 0.2f);
    ps_graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_an_export),
                                       cmocka_unit_test(refuses_what_cannot_follow),
                                       cmocka_unit_test(follows_dimensions), cmocka_unit_test(codes_follow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
