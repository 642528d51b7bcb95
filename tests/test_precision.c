/* tests/test_precision.c - which values the fast precision makes bfloat16, and what comes of it: types, casts, results
 * close to exact ones, names, what a file records. */
#include "tests/graph_build.h"

#include "nn/half.h"
#include "nn/model.h"
#include "runtime/cpu.h"

#include <math.h>
#include <string.h>

static poise_type type_of(const ps_graph *g, int32_t v)
{
    return g->values[v].type;
}

static int32_t silu_conv(ps_graph *g, int32_t x, int32_t o, int32_t kernel)
{
    return gb_unary(g, PS_ACT_SILU, 0, 0, gb_conv(g, x, o, kernel, kernel / 2, 1, true));
}

typedef struct net {
    ps_graph g;
    int32_t x, stem, left, right, joined, head, logits, scores;
} net;

/* A stem, two branches in one concatenation with a constant, a head, a softmax. */
static void build(net *n)
{
    *n = (net){0};
    n->x = gb_input(&n->g, GB_DIMS(1, 3, 16, 16));
    n->stem = silu_conv(&n->g, n->x, 32, 3);
    n->left = gb_slice(&n->g, n->stem, 1, 0, 16);
    n->right = silu_conv(&n->g, n->left, 16, 3);
    int32_t constant = gb_filled(&n->g, GB_DIMS(1, 8, 16, 16), 0.3f);
    n->joined = gb_concat(&n->g, 1, 4, (int32_t[]){n->stem, n->right, constant, n->left});
    n->head = silu_conv(&n->g, n->joined, 32, 1);
    n->logits = gb_conv(&n->g, n->head, 24, 1, 0, 1, true);
    ps_softmax_params p = {PS_SOFTMAX, 1};
    n->scores = gb_node(&n->g, &ps_op_softmax, &p, 1, &n->logits);
    gb_output(&n->g, n->scores);
    gb_output(&n->g, n->logits);
}

static void activations_are_narrow_and_ends_are_not(void **state)
{
    (void)state;
    net n;
    build(&n);
    assert_int_equal(ps_precision_narrow(&n.g, POISE_BF16), POISE_OK);
    assert_int_equal(type_of(&n.g, n.x), POISE_F32);
    assert_int_equal(type_of(&n.g, n.stem), POISE_BF16);
    assert_int_equal(type_of(&n.g, n.left), POISE_BF16);
    assert_int_equal(type_of(&n.g, n.right), POISE_BF16);
    assert_int_equal(type_of(&n.g, n.joined), POISE_BF16);
    assert_int_equal(type_of(&n.g, n.head), POISE_BF16);
    assert_int_equal(type_of(&n.g, n.logits), POISE_F32); /* nothing but a softmax before the output */
    assert_int_equal(type_of(&n.g, n.scores), POISE_F32);
    assert_int_equal(gb_count(&n.g, &ps_op_cast), 0);
    const ps_node *concat = gb_first(&n.g, &ps_op_concat);
    for (int i = 0; i < concat->n_in; i++) assert_int_equal(type_of(&n.g, concat->in[i]), POISE_BF16);
    const ps_value *constant = &n.g.values[concat->in[2]];
    assert_non_null(constant->data);
    assert_int_equal(*(const uint16_t *)constant->data, 0x3e9a); /* 0.30078125, the nearest to 0.3 */
    ps_graph_free(&n.g);
}

/* An output that products read stays f32 and is cast for them once, in front of the first. */
static void outputs_are_cast_for_products(void **state)
{
    (void)state;
    ps_graph g = {0};
    int32_t x = gb_input(&g, GB_DIMS(1, 16, 16, 16)), middle = silu_conv(&g, x, 32, 3);
    gb_output(&g, middle);
    int32_t a = silu_conv(&g, middle, 32, 3), b = silu_conv(&g, middle, 32, 1);
    gb_output(&g, gb_binary(&g, PS_BINARY_ADD, gb_conv(&g, a, 32, 1, 0, 1, true), gb_conv(&g, b, 32, 1, 0, 1, true)));
    assert_int_equal(ps_precision_narrow(&g, POISE_BF16), POISE_OK);
    assert_int_equal(type_of(&g, middle), POISE_F32);
    assert_int_equal(type_of(&g, a), POISE_BF16);
    assert_int_equal(type_of(&g, b), POISE_BF16);
    assert_int_equal(gb_count(&g, &ps_op_cast), 2); /* of the input and of the output in the middle */
    bool *ready = ps_alloc((size_t)g.n_values);
    assert_non_null(ready);
    for (int32_t v = 0; v < g.n_values; v++) ready[v] = g.values[v].data != NULL;
    ready[x] = true;
    for (int32_t i = 0; i < g.n_nodes; i++) {
        const ps_node *n = &g.nodes[i];
        for (int k = 0; k < n->n_in; k++) assert_true(n->in[k] < 0 || ready[n->in[k]]);
        for (int k = 0; k < n->n_out; k++) ready[n->out[k]] = true;
    }
    ps_free(ready);
    ps_graph_free(&g);
}

/* Where products are fast of IEEE halves. */
static void halves_instead(void **state)
{
    (void)state;
    net n;
    build(&n);
    assert_int_equal(ps_precision_narrow(&n.g, POISE_F16), POISE_OK);
    assert_int_equal(type_of(&n.g, n.stem), POISE_F16);
    assert_int_equal(type_of(&n.g, n.joined), POISE_F16);
    assert_int_equal(type_of(&n.g, n.logits), POISE_F32);
    const ps_node *concat = gb_first(&n.g, &ps_op_concat);
    const ps_value *constant = &n.g.values[concat->in[2]];
    assert_int_equal(constant->type, POISE_F16);
    assert_int_equal(*(const uint16_t *)constant->data, 0x34cd); /* 0.300048828125, the nearest to 0.3 */
    ps_graph_free(&n.g);
}

/* One of four layers has weights that halves cannot hold: it alone stays f32, or none where bfloat16 holds them. */
static void layers_that_halves_do_not_hold(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        static const float factor[] = {1, 1e8f, 1e-6f};
        ps_graph g = {0};
        int32_t v[4] = {gb_input(&g, GB_DIMS(1, 16, 8, 8))};
        for (int k = 1; k < 4; k++) v[k] = silu_conv(&g, v[k - 1], 16, 3);
        gb_output(&g, gb_conv(&g, v[3], 16, 1, 0, 1, true));
        const ps_value *w = NULL; /* of the convolution that makes v[2] */
        for (int32_t k = 0, seen = 0; k < g.n_nodes; k++)
            if (g.nodes[k].op == &ps_op_conv && ++seen == 2) w = &g.values[g.nodes[k].in[1]];
        assert_non_null(w);
        for (size_t k = 0; k < ps_value_count(w); k++) ((float *)(uintptr_t)w->data)[k] *= factor[i / 2];
        poise_type half = i % 2 ? POISE_BF16 : POISE_F16;
        assert_int_equal(ps_precision_narrow(&g, half), POISE_OK);
        bool stays = half == POISE_F16 && i / 2 > 0;
        assert_int_equal(type_of(&g, v[1]), stays ? POISE_F32 : half);
        assert_int_equal(type_of(&g, v[3]), half);
        ps_graph_free(&g);
    }
}

/* Where no product reads or writes, bf16 gains nothing. */
static void arithmetic_stays(void **state)
{
    (void)state;
    ps_graph g = {0};
    int32_t x = gb_input(&g, GB_DIMS(4, 100)), y = gb_unary(&g, PS_ACT_RELU, 0, 0, x);
    int32_t w = gb_input(&g, GB_DIMS(4, 100)), z = gb_binary(&g, PS_BINARY_ADD, y, w);
    gb_output(&g, gb_unary(&g, PS_ACT_SIGMOID, 0, 0, z));
    int32_t nodes = g.n_nodes;
    assert_int_equal(ps_precision_narrow(&g, POISE_BF16), POISE_OK);
    assert_int_equal(g.n_nodes, nodes);
    for (int32_t v = 0; v < g.n_values; v++) assert_int_equal(type_of(&g, v), POISE_F32);
    ps_graph_free(&g);
}

/* ---- models ---- */

static void run(const void *bytes, size_t size, const poise_options *o, float *out, poise_model **m)
{
    poise_session *s;
    if (poise_model_open_memory(bytes, size, o, m)) fail_msg("%s", poise_error_text());
    assert_int_equal(poise_session_open(*m, &s), POISE_OK);
    const poise_tensor *x = poise_session_input(s, 0);
    assert_int_equal(x->type, POISE_F32);
    for (size_t i = 0; i < poise_tensor_count(x); i++) ((float *)x->data)[i] = (float)(i * 37 % 101) / 101;
    poise_session_run(s);
    assert_int_equal(poise_session_output(s, 0)->type, POISE_F32);
    poise_tensor_read(poise_session_output(s, 1), out);
    poise_session_close(s);
}

enum { OUTPUTS = 24 * 16 * 16 };

static void fast_is_close_to_exact(void **state)
{
    (void)state;
    net n;
    void *bytes;
    size_t size;
    float *out = ps_alloc_array(4 * OUTPUTS, sizeof *out);
    assert_non_null(out);
    build(&n);
    assert_int_equal(ps_format_write(&n.g, &bytes, &size), POISE_OK);
    poise_model *exact, *fast;
    run(bytes, size, &(poise_options){.threads = 1, .precision = POISE_EXACT}, out, &exact);
    float largest = 0;
    for (size_t i = 0; i < OUTPUTS; i++) largest = fmaxf(largest, fabsf(out[i]));
    for (int threads = 1; threads <= 4; threads *= 2) {
        float *got = out + (threads == 1 ? 1 : 2) * OUTPUTS;
        run(bytes, size, &(poise_options){.threads = threads, .precision = POISE_FAST}, got, &fast);
        if (threads > 1) assert_memory_equal(got, out + OUTPUTS, OUTPUTS * sizeof *got);
        for (size_t i = 0; i < OUTPUTS; i++)
            if (!(fabsf(got[i] - out[i]) <= 0.01f * largest))
                fail_msg("logit %zu is %g, exactly %g; the largest is %g", i, (double)got[i], (double)out[i], (double)largest);
        poise_memory a, b;
        poise_model_memory(exact, &a);
        poise_model_memory(fast, &b);
        bool bf16 = strstr(poise_model_kernels(fast), "bf16 on") != NULL, f16 = strstr(poise_model_kernels(fast), "fp16 on") != NULL;
        assert_int_equal(bf16 ? POISE_BF16 : f16 ? POISE_F16 : POISE_NONE, ps_half_type(&fast->kernels));
        bool half = bf16 || f16;
        assert_true(half ? b.arena < a.arena : b.arena == a.arena);
        assert_true(half == (memcmp(out, got, OUTPUTS * sizeof *got) != 0));
        poise_model_close(fast);
    }
    run(bytes, size, &(poise_options){.threads = 1, .precision = POISE_NEAR}, out + 3 * OUTPUTS, &fast);
    for (size_t i = 0; i < OUTPUTS; i++) assert_true(fabsf(out[3 * OUTPUTS + i] - out[i]) <= 1e-4f * largest);
    poise_model_close(fast);
    poise_model_close(exact);
    ps_graph_free(&n.g);
    ps_free(bytes);
    ps_free(out);
}

static poise_status open_recorded(const char *recorded, poise_precision wanted, poise_precision *got)
{
    net n;
    void *bytes;
    size_t size;
    poise_model *m;
    build(&n);
    if (recorded) assert_int_equal(ps_graph_set_meta(&n.g, PS_PRECISION_KEY, recorded), POISE_OK);
    assert_int_equal(ps_format_write(&n.g, &bytes, &size), POISE_OK);
    poise_status s = poise_model_open_memory(bytes, size, &(poise_options){.threads = 1, .precision = wanted}, &m);
    if (!s) *got = poise_model_precision(m);
    poise_model_close(m);
    ps_graph_free(&n.g);
    ps_free(bytes);
    return s;
}

static void files_record_a_precision(void **state)
{
    (void)state;
    poise_precision p;
    assert_int_equal(open_recorded(NULL, POISE_RECORDED, &p), POISE_OK);
    assert_int_equal(p, POISE_EXACT);
    assert_int_equal(open_recorded("fast", POISE_RECORDED, &p), POISE_OK);
    assert_int_equal(p, POISE_FAST);
    assert_int_equal(open_recorded("fast", POISE_EXACT, &p), POISE_OK);
    assert_int_equal(p, POISE_EXACT);
    assert_int_equal(open_recorded("tiny", POISE_EXACT, &p), POISE_OK);
    assert_int_equal(open_recorded("tiny", POISE_RECORDED, &p), POISE_UNSUPPORTED);
    assert_non_null(strstr(poise_error_text(), "tiny"));
    assert_int_equal(open_recorded(NULL, (poise_precision)9, &p), POISE_BAD_ARGUMENT);
}

static void what_runs_is_told(void **state)
{
    (void)state;
    ps_kernels k = {.name = "old", .name_bf16 = "new", .name_f16 = "middle"};
    char text[PS_PRECISION_TEXT];
    assert_false(ps_precision_kernels(POISE_EXACT, &k, text));
    assert_string_equal(text, "exact: fp32 on old");
    assert_false(ps_precision_kernels(POISE_FAST, &k, text));
    assert_string_equal(text, "fast: no bf16 or fp16 instructions in old, runs exact fp32 on it");
    k.fast = PS_FAST_F16;
    assert_true(ps_precision_kernels(POISE_FAST, &k, text));
    assert_string_equal(text, "fast: fp16 on middle, up to 65504");
    k.fast |= PS_FAST_BF16; /* has the range of floats */
    assert_true(ps_precision_kernels(POISE_FAST, &k, text));
    assert_string_equal(text, "fast: bf16 on new");
    assert_false(ps_precision_kernels(POISE_NEAR, &k, text));
    assert_string_equal(text, "near: split products gain nothing here, runs exact fp32 on old");
    k.fast |= PS_FAST_BF16X3;
    assert_true(ps_precision_kernels(POISE_NEAR, &k, text));
    assert_string_equal(text, "near: products of three bf16 on new");
}

static int32_t with_scale(ps_graph *g, const ps_op *op, const void *params, int n_in, const int32_t *in, float scale)
{
    int32_t y;
    assert_int_equal(ps_graph_value(g, "v", &y), POISE_OK);
    g->values[y].scale = scale;
    assert_int_equal(ps_graph_node(g, op, op->name, params, n_in, in, 1, &y), POISE_OK);
    assert_int_equal(ps_graph_infer(g, g->n_nodes - 1), POISE_OK);
    return y;
}

/* Codes, a product of bytes, a float function of its sums, a product of floats. */
static void build_bytes(ps_graph *g)
{
    const int32_t dim[4] = {8, 4, 1, 1}, o = 8;
    int8_t weights[32];
    int32_t x = gb_input(g, GB_DIMS(1, 4, 8, 8)), w, q, y;
    for (int i = 0; i < 32; i++) weights[i] = (int8_t)(i * 7 - 100);
    assert_int_equal(ps_graph_constant(g, "w", POISE_I8, 4, dim, weights, &w), POISE_OK);
    q = with_scale(g, &ps_op_quantize, &(ps_quantize_params){POISE_U8, 0}, 1, &x, 0.02f);
    ps_conv_params p = {.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .group = 1};
    y = with_scale(g, &ps_op_conv, &p, 5, (int32_t[]){q, w, -1, -1, gb_filled(g, 1, &o, 0.01f)}, 0);
    y = with_scale(g, &ps_op_unary, &(ps_unary_params){PS_ACT_SILU, 0, 0}, 1, &y, 0);
    gb_output(g, gb_conv(g, y, 32, 1, 0, 1, false));
}

static void products_of_bytes_are_int8(void **state)
{
    (void)state;
    ps_graph g = {0};
    void *bytes;
    size_t size;
    build_bytes(&g);
    assert_int_equal(ps_graph_int8_macs(&g), 4 * 8 * 64);
    static const bool island[] = {false, false, true, true};
    for (int32_t i = 0; i < 4; i++) assert_int_equal(ps_node_is_float_island(&g, &g.nodes[i]), island[i]);
    assert_int_equal(ps_format_write(&g, &bytes, &size), POISE_OK);
    for (poise_precision p = POISE_RECORDED; p <= POISE_INT8; p++) {
        poise_model *m;
        assert_int_equal(poise_model_open_memory(bytes, size, &(poise_options){.threads = 1, .precision = p}, &m), POISE_OK);
        assert_int_equal(poise_model_precision(m), POISE_INT8);
        assert_non_null(strstr(poise_model_kernels(m), "int8: products of bytes on "));
        assert_int_equal(m->graph.values[m->graph.nodes[1].out[0]].type, POISE_F32); /* also in the fast precision */
        poise_model_close(m);
    }
    ps_graph_free(&g);
    ps_free(bytes);
    poise_precision got;
    assert_int_equal(open_recorded(NULL, POISE_INT8, &got), POISE_UNSUPPORTED);
    assert_non_null(strstr(poise_error_text(), "poise quantize"));
    assert_int_equal(open_recorded("int8", POISE_RECORDED, &got), POISE_OK);
    assert_int_equal(got, POISE_EXACT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_are_narrow_and_ends_are_not),
        cmocka_unit_test(outputs_are_cast_for_products),
        cmocka_unit_test(halves_instead),
        cmocka_unit_test(layers_that_halves_do_not_hold),
        cmocka_unit_test(arithmetic_stays),
        cmocka_unit_test(fast_is_close_to_exact),
        cmocka_unit_test(files_record_a_precision),
        cmocka_unit_test(what_runs_is_told),
        cmocka_unit_test(products_of_bytes_are_int8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
