/* tests/test_plan.c - memory plans of the shapes that networks have: a MobileNet, a vision transformer, a detector's
 * neck.  The arena must stay within 10 % of what any plan of the same order would need, and no value may be
 * overwritten while it is needed: the same network run node by node in memory of its own gives the same bits. */
#include "nn/session.h"
#include "tests/graph_build.h"

#include <stdio.h>
#include <string.h>

static int32_t relu6(ps_graph *g, int32_t x)
{
    return gb_unary(g, PS_ACT_CLIP, 0, 6, x);
}

static int32_t stride2(ps_graph *g, int32_t x)
{
    ps_pool_params p = {.kind = PS_POOL_MAX, .kernel = {2, 2}, .stride = {2, 2}, .dilation = {1, 1}};
    return gb_node(g, &ps_op_pool, &p, 1, &x);
}

static int32_t bottleneck(ps_graph *g, int32_t x, int32_t wide, int32_t out, bool half)
{
    int32_t y = relu6(g, gb_affine(g, gb_conv(g, x, wide, 1, 0, 1, false)));
    y = relu6(g, gb_affine(g, gb_conv(g, y, wide, 3, 1, wide, false)));
    if (half) y = stride2(g, y);
    y = gb_affine(g, gb_conv(g, y, out, 1, 0, 1, false));
    return !half && g->values[x].dim[1] == out ? gb_binary(g, PS_BINARY_ADD, x, y) : y;
}

static void mobilenet(ps_graph *g)
{
    static const int32_t plan[][3] = {{32, 16, 0}, {96, 24, 1}, {144, 24, 0}, {144, 32, 1}, {192, 32, 0},
                                      {192, 64, 1}, {384, 64, 0}, {384, 96, 0}, {576, 160, 1}, {960, 320, 0}};
    int32_t x = gb_input(g, GB_DIMS(1, 3, 64, 64));
    x = relu6(g, gb_conv(g, x, 32, 3, 1, 1, true));
    for (size_t i = 0; i < sizeof plan / sizeof *plan; i++) x = bottleneck(g, x, plan[i][0], plan[i][1], plan[i][2]);
    x = gb_mean(g, x, 1 << 2 | 1 << 3);
    gb_output(g, gb_matmul(g, gb_reshape(g, x, GB_DIMS(1, 320)), 100));
}

static int32_t norm(ps_graph *g, int32_t x)
{
    int32_t c = g->values[x].dim[2], in[3] = {x, gb_random(g, 1, &c, 0.5f, 1.5f), gb_random(g, 1, &c, -1, 1)};
    return gb_node(g, &ps_op_layer_norm, &(ps_layer_norm_params){2, 1e-6f}, 3, in);
}

/* [1,t,3,heads,d] -> one of q, k, v as [1,heads,t,d] */
static int32_t part(ps_graph *g, int32_t qkv, int32_t which, int32_t t, int32_t heads, int32_t d)
{
    int32_t x = gb_slice(g, qkv, 2, which, 1);
    return gb_transpose(g, gb_reshape(g, x, GB_DIMS(1, t, heads, d)), 4, (const int32_t[]){0, 2, 1, 3});
}

static int32_t attention(ps_graph *g, int32_t x, int32_t t, int32_t heads, int32_t d)
{
    int32_t qkv = gb_reshape(g, gb_matmul(g, x, 3 * heads * d), GB_DIMS(1, t, 3, heads, d));
    int32_t q = part(g, qkv, 0, t, heads, d), k = part(g, qkv, 1, t, heads, d), v = part(g, qkv, 2, t, heads, d);
    ps_matmul_params p = {.trans_b = 1, .alpha = 0.125f};
    int32_t s = gb_node(g, &ps_op_matmul, &p, 2, (const int32_t[]){q, k});
    s = gb_node(g, &ps_op_softmax, &(ps_softmax_params){PS_SOFTMAX, 3}, 1, &s);
    p = (ps_matmul_params){.alpha = 1};
    int32_t y = gb_node(g, &ps_op_matmul, &p, 2, (const int32_t[]){s, v});
    y = gb_reshape(g, gb_transpose(g, y, 4, (const int32_t[]){0, 2, 1, 3}), GB_DIMS(1, t, heads * d));
    return gb_matmul(g, y, heads * d);
}

static void transformer(ps_graph *g)
{
    enum { T = 17, HEADS = 3, D = 32, C = HEADS * D };
    int32_t x = gb_input(g, GB_DIMS(1, 3, 32, 32));
    ps_conv_params p = {.kernel = {8, 8}, .stride = {8, 8}, .dilation = {1, 1}, .group = 1};
    x = gb_node(g, &ps_op_conv, &p, 2, (const int32_t[]){x, gb_random(g, GB_DIMS(C, 3, 8, 8), -0.1f, 0.1f)});
    x = gb_transpose(g, gb_reshape(g, x, GB_DIMS(1, C, T - 1)), 3, (const int32_t[]){0, 2, 1});
    x = gb_concat(g, 1, 2, (const int32_t[]){gb_random(g, GB_DIMS(1, 1, C), -1, 1), x});
    x = gb_binary(g, PS_BINARY_ADD, x, gb_random(g, GB_DIMS(1, T, C), -1, 1));
    for (int block = 0; block < 4; block++) {
        x = gb_binary(g, PS_BINARY_ADD, x, attention(g, norm(g, x), T, HEADS, D));
        int32_t y = gb_unary(g, PS_ACT_GELU, 0, 0, gb_matmul(g, norm(g, x), 4 * C));
        x = gb_binary(g, PS_BINARY_ADD, x, gb_matmul(g, y, C));
    }
    gb_output(g, gb_matmul(g, gb_slice(g, norm(g, x), 1, 0, 1), 10));
}

/* Concatenations of concatenations, values with several readers, a cascade of pools, two outputs. */
static void neck(ps_graph *g)
{
    int32_t x = gb_input(g, GB_DIMS(1, 3, 32, 32));
    int32_t a = gb_conv(g, x, 16, 3, 1, 1, true), b = stride2(g, a), c = gb_conv(g, b, 32, 3, 1, 1, true), list[4];
    list[0] = c;
    ps_pool_params p = {.kind = PS_POOL_MAX, .kernel = {5, 5}, .stride = {1, 1}, .dilation = {1, 1}, .pad = {2, 2, 2, 2}};
    for (int i = 1; i < 4; i++) list[i] = gb_node(g, &ps_op_pool, &p, 1, &list[i - 1]);
    int32_t d = gb_concat(g, 1, 4, list), e = gb_concat(g, 1, 3, (const int32_t[]){b, d, c});
    int32_t f = gb_conv(g, e, 24, 1, 0, 1, true), h = gb_concat(g, 1, 2, (const int32_t[]){f, f});
    gb_output(g, gb_unary(g, PS_ACT_SILU, 0, 0, h));
    gb_output(g, gb_binary(g, PS_BINARY_MUL, gb_slice(g, e, 1, 10, 24), f));
}

/* Keeps every value to the end: as a graph whose outputs are all its values, nothing can share memory. */
static void show_all(ps_graph *g)
{
    for (int32_t i = 0; i < g->n_nodes; i++) assert_int_equal(ps_graph_output(g, g->nodes[i].out[0]), POISE_OK);
}

static poise_session *start(const ps_graph *g, poise_model **m)
{
    void *bytes;
    size_t size;
    poise_session *s;
    assert_int_equal(ps_format_write(g, &bytes, &size), POISE_OK);
    assert_int_equal(ps_model_adopt(bytes, size, NULL, &(poise_options){.threads = 2}, m), POISE_OK);
    assert_int_equal(poise_session_open(*m, &s), POISE_OK);
    const poise_tensor *x = poise_session_input(s, 0);
    for (size_t i = 0; i < poise_tensor_count(x); i++) ((float *)x->data)[i] = (float)(i * 2654435761u % 1000) / 500.0f - 1;
    poise_session_run(s);
    return s;
}

static float *read_all(poise_session *s, int i, size_t *bytes)
{
    const poise_tensor *t = poise_session_output(s, i);
    *bytes = poise_tensor_count(t) * sizeof(float);
    float *p = ps_alloc(*bytes);
    poise_tensor_read(t, p);
    return p;
}

static void check_plan(const char *name, void (*build)(ps_graph *g))
{
    ps_graph g = {0};
    poise_model *tight, *loose;
    poise_memory need;
    build(&g);
    int32_t outputs = g.n_outputs;
    poise_session *s = start(&g, &tight);
    poise_model_memory(tight, &need);
    printf("%-12s arena %8zu  bound %8zu  ratio %.3f\n", name, need.arena, need.lower_bound,
           (double)need.arena / (double)need.lower_bound);
    assert_true((double)need.arena <= 1.10 * (double)need.lower_bound);
    show_all(&g);
    poise_session *all = start(&g, &loose);
    for (int i = 0; i < outputs; i++) {
        size_t n, k;
        float *a = read_all(s, i, &n), *b = read_all(all, i, &k);
        assert_int_equal(n, k);
        assert_memory_equal(a, b, n);
        ps_free(a);
        ps_free(b);
    }
    poise_session_close(s);
    poise_session_close(all);
    poise_model_close(tight);
    poise_model_close(loose);
    ps_graph_free(&g);
}

static void mobilenet_is_planned_tightly(void **state)
{
    (void)state;
    check_plan("mobilenet", mobilenet);
}
static void transformer_is_planned_tightly(void **state)
{
    (void)state;
    check_plan("transformer", transformer);
}
static void neck_is_planned_tightly(void **state)
{
    (void)state;
    check_plan("neck", neck);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mobilenet_is_planned_tightly),
        cmocka_unit_test(transformer_is_planned_tightly),
        cmocka_unit_test(neck_is_planned_tightly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
