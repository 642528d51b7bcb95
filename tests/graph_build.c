/* tests/graph_build.c - small graphs for tests of rewriting. */
#include "tests/graph_build.h"

#include "convert/optimize.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OK(call)                                                    \
    do {                                                            \
        if ((call) != POISE_OK) fail_msg("%s", poise_error_text()); \
    } while (0)

/* Repeatable numbers in 0..1. */
static float next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (float)(1 << 24);
}

static uint32_t seed = 1;

void gb_seed(uint32_t value)
{
    seed = value;
}

static float *contents(ps_graph *g, int32_t v)
{
    return (float *)(uintptr_t)g->values[v].data;
}

int32_t gb_input(ps_graph *g, int rank, const int32_t *dim)
{
    int32_t v;
    char name[16];
    snprintf(name, sizeof name, "in%d", g->n_inputs);
    OK(ps_graph_value(g, name, &v));
    g->values[v].type = POISE_F32;
    g->values[v].rank = rank;
    memcpy(g->values[v].dim, dim, (size_t)rank * sizeof *dim);
    OK(ps_graph_input(g, v));
    return v;
}

int32_t gb_random(ps_graph *g, int rank, const int32_t *dim, float low, float high)
{
    int32_t v;
    OK(ps_graph_constant(g, NULL, POISE_F32, rank, dim, NULL, &v));
    size_t n = ps_value_count(&g->values[v]);
    for (size_t i = 0; i < n; i++) contents(g, v)[i] = low + (high - low) * next_random(&seed);
    return v;
}

int32_t gb_filled(ps_graph *g, int rank, const int32_t *dim, float value)
{
    return gb_random(g, rank, dim, value, value);
}

int32_t gb_scalar(ps_graph *g, float value)
{
    int32_t v;
    OK(ps_graph_constant(g, NULL, POISE_F32, 0, &(int32_t){0}, &value, &v));
    return v;
}

int32_t gb_node(ps_graph *g, const ps_op *op, const void *params, int n_in, const int32_t *in)
{
    int32_t y;
    char name[16];
    snprintf(name, sizeof name, "v%d", g->n_values);
    OK(ps_graph_value(g, name, &y));
    OK(ps_graph_node(g, op, name, params, n_in, in, 1, &y));
    OK(ps_graph_infer(g, g->n_nodes - 1));
    return y;
}

int32_t gb_unary(ps_graph *g, int kind, float a, float b, int32_t x)
{
    return gb_node(g, &ps_op_unary, &(ps_unary_params){kind, a, b}, 1, &x);
}

int32_t gb_binary(ps_graph *g, int kind, int32_t x, int32_t y)
{
    return gb_node(g, &ps_op_binary, &(ps_binary_params){kind}, 2, (int32_t[]){x, y});
}

int32_t gb_conv(ps_graph *g, int32_t x, int32_t out, int32_t kernel, int32_t pad, int32_t group, bool bias)
{
    ps_conv_params p = {{kernel, kernel}, {1, 1}, {1, 1}, {pad, pad, pad, pad}, group, {0}};
    int32_t weights = gb_random(g, GB_DIMS(out, g->values[x].dim[1] / group, kernel, kernel), -1, 1);
    int32_t b = bias ? gb_random(g, GB_DIMS(out), -1, 1) : -1;
    return gb_node(g, &ps_op_conv, &p, bias ? 3 : 2, (int32_t[]){x, weights, b});
}

int32_t gb_matmul(ps_graph *g, int32_t x, int32_t n)
{
    const ps_value *v = &g->values[x];
    int32_t weights = gb_random(g, GB_DIMS(v->dim[v->rank - 1], n), -1, 1);
    return gb_node(g, &ps_op_matmul, &(ps_matmul_params){.alpha = 1}, 2, (int32_t[]){x, weights});
}

int32_t gb_affine(ps_graph *g, int32_t x)
{
    int32_t c = g->values[x].dim[1];
    int32_t scale = gb_random(g, GB_DIMS(c), 0.5F, 1.5F), bias = gb_random(g, GB_DIMS(c), -1, 1);
    return gb_node(g, &ps_op_affine, &(ps_affine_params){0}, 3, (int32_t[]){x, scale, bias});
}

int32_t gb_reshape(ps_graph *g, int32_t x, int rank, const int32_t *dim)
{
    ps_shape_params p = {.rank = rank};
    memcpy(p.dim, dim, (size_t)rank * sizeof *dim);
    return gb_node(g, &ps_op_reshape, &p, 1, &x);
}

int32_t gb_transpose(ps_graph *g, int32_t x, int rank, const int32_t *perm)
{
    ps_transpose_params p = {.rank = rank};
    memcpy(p.perm, perm, (size_t)rank * sizeof *perm);
    return gb_node(g, &ps_op_transpose, &p, 1, &x);
}

int32_t gb_slice(ps_graph *g, int32_t x, int axis, int32_t start, int32_t size)
{
    const ps_value *v = &g->values[x];
    ps_slice_params p = {.rank = v->rank};
    for (int i = 0; i < v->rank; i++) {
        p.start[i] = i == axis ? start : 0;
        p.step[i] = 1;
        p.size[i] = i == axis ? size : v->dim[i];
    }
    return gb_node(g, &ps_op_slice, &p, 1, &x);
}

int32_t gb_concat(ps_graph *g, int axis, int n_in, const int32_t *in)
{
    return gb_node(g, &ps_op_concat, &(ps_axis_params){axis}, n_in, in);
}

int32_t gb_mean(ps_graph *g, int32_t x, int32_t axes)
{
    return gb_node(g, &ps_op_reduce, &(ps_reduce_params){PS_REDUCE_MEAN, axes, 1}, 1, &x);
}

int32_t gb_pad(ps_graph *g, int32_t x, int32_t amount, int32_t value)
{
    int rank = g->values[x].rank;
    ps_pad_params p = {.mode = PS_PAD_CONSTANT, .rank = rank};
    for (int i = rank - 2; i < rank; i++) p.begin[i] = p.end[i] = amount;
    return gb_node(g, &ps_op_pad, &p, value < 0 ? 1 : 2, (int32_t[]){x, value});
}

/* ---- quantised values ---- */

int32_t gb_quantize(ps_graph *g, int32_t x, float scale, int32_t zero)
{
    int32_t y;
    OK(ps_graph_value(g, NULL, &y));
    g->values[y].scale = scale;
    g->values[y].zero = zero;
    OK(ps_graph_node(g, &ps_op_quantize, "q", &(ps_quantize_params){POISE_U8, 0}, 1, &x, 1, &y));
    OK(ps_graph_infer(g, g->n_nodes - 1));
    return y;
}

int32_t gb_dequantize(ps_graph *g, int32_t x)
{
    return gb_node(g, &ps_op_quantize, &(ps_quantize_params){POISE_F32, 0}, 1, &x);
}

int32_t gb_round(ps_graph *g, int32_t x, float scale, int32_t zero)
{
    return gb_dequantize(g, gb_quantize(g, x, scale, zero));
}

int32_t gb_codes(ps_graph *g, poise_type type, int rank, const int32_t *dim)
{
    int32_t v;
    OK(ps_graph_constant(g, NULL, type, rank, dim, NULL, &v));
    uint8_t *p = (uint8_t *)(uintptr_t)g->values[v].data;
    for (size_t i = 0; i < ps_value_count(&g->values[v]); i++) p[i] = (uint8_t)(next_random(&seed) * 256);
    return v;
}

int32_t gb_weights(ps_graph *g, int rank, const int32_t *dim, int axis)
{
    int32_t in[2] = {gb_codes(g, POISE_I8, rank, dim), gb_random(g, 1, &dim[axis], 0.005F, 0.02F)};
    return gb_node(g, &ps_op_quantize, &(ps_quantize_params){POISE_F32, axis}, 2, in);
}

int32_t gb_conv_int8(ps_graph *g, int32_t x, int32_t out, int32_t kernel, int32_t pad, int32_t group)
{
    ps_conv_params p = {{kernel, kernel}, {1, 1}, {1, 1}, {pad, pad, pad, pad}, group, {0}};
    int32_t in[3] = {x, gb_weights(g, GB_DIMS(out, g->values[x].dim[1] / group, kernel, kernel), 0)};
    in[2] = gb_random(g, GB_DIMS(out), -1, 1);
    return gb_node(g, &ps_op_conv, &p, 3, in);
}

void gb_output(ps_graph *g, int32_t x)
{
    OK(ps_graph_output(g, x));
}

/* ---- computing ---- */

/* Computes every node by folding it, with random inputs, and copies the outputs; the graph is as it was
 * before when it returns. */
static void compute(ps_graph *g, float *out[])
{
    bool *constant = ps_alloc_array((size_t)g->n_values, sizeof *constant);
    float *inputs[8] = {0};
    assert_non_null(constant);
    assert_in_range(g->n_inputs, 1, 8);
    for (int32_t v = 0; v < g->n_values; v++) constant[v] = g->values[v].data != NULL;
    uint32_t state = 77;
    for (int32_t i = 0; i < g->n_inputs; i++) {
        ps_value *v = &g->values[g->inputs[i]];
        size_t n = ps_value_count(v);
        inputs[i] = ps_alloc_array(n, sizeof(float));
        for (size_t k = 0; k < n; k++) {
            float r = next_random(&state);
            if (v->type == POISE_F32)
                inputs[i][k] = r * 4 - 2;
            else
                ((uint8_t *)inputs[i])[k] = (uint8_t)(r * 256);
        }
        v->data = inputs[i];
    }
    for (int32_t i = 0; i < g->n_nodes; i++) OK(ps_graph_fold(g, i));
    for (int32_t i = 0; i < g->n_outputs; i++) {
        const ps_value *v = &g->values[g->outputs[i]];
        out[i] = ps_alloc(ps_value_bytes(v));
        memcpy(out[i], v->data, ps_value_bytes(v));
    }
    for (int32_t v = 0; v < g->n_values; v++)
        if (!constant[v]) g->values[v].data = NULL;
    for (int32_t i = 0; i < g->n_inputs; i++) ps_free(inputs[i]);
    ps_free(constant);
}

static void compare(const float *a, const float *b, size_t n)
{
    double most = 1e-3;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)a[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= 1e-5 * most))
            fail_msg("element %zu was %.8g and is %.8g", i, (double)a[i], (double)b[i]);
}

/* Numbers of an output, whatever its type. */
static double number(const ps_value *v, const void *data, size_t i)
{
    if (v->type == POISE_F32) return (double)((const float *)data)[i];
    if (v->type == POISE_I64) return (double)((const int64_t *)data)[i];
    int32_t q = v->type == POISE_I8 ? ((const int8_t *)data)[i] : ((const uint8_t *)data)[i];
    return v->scale > 0 ? (double)v->scale * (q - v->zero) : q;
}

static void compare_codes(const ps_value *v, const void *a, const void *b, double step, double share)
{
    size_t n = ps_value_count(v), differ = 0;
    for (size_t i = 0; i < n; i++) {
        double x = number(v, a, i), y = number(v, b, i);
        if (!(fabs(x - y) <= step * 1.0001 + 1e-6 * fabs(x))) fail_msg("element %zu was %.8g and is %.8g", i, x, y);
        differ += fabs(x - y) > 1e-5 * (fabs(x) + step);
    }
    if ((double)differ > share * (double)n) fail_msg("%zu of %zu elements differ", differ, n);
}

void gb_optimize(ps_graph *g)
{
    gb_optimize_within(g, 0, 0);
}

void gb_optimize_within(ps_graph *g, double step, double share)
{
    enum { MAX = 4 };
    float *before[MAX], *after[MAX];
    ps_value was[MAX];
    assert_in_range(g->n_outputs, 1, MAX);
    for (int i = 0; i < g->n_outputs; i++) was[i] = g->values[g->outputs[i]];
    compute(g, before);
    OK(ps_optimize(g));
    for (int32_t i = 0; i < g->n_nodes; i++) OK(ps_graph_infer(g, i));
    compute(g, after);
    for (int i = 0; i < g->n_outputs; i++) {
        const ps_value *v = &g->values[g->outputs[i]];
        assert_string_equal(v->name, was[i].name);
        assert_int_equal(v->rank, was[i].rank);
        assert_memory_equal(v->dim, was[i].dim, (size_t)v->rank * sizeof v->dim[0]);
        assert_int_equal(v->type, was[i].type);
        assert_true(v->scale == was[i].scale && v->zero == was[i].zero);
        if (share > 0 || v->type != POISE_F32)
            compare_codes(v, before[i], after[i], step, share);
        else
            compare(before[i], after[i], ps_value_count(v));
        ps_free(before[i]);
        ps_free(after[i]);
    }
}

int gb_count(const ps_graph *g, const ps_op *op)
{
    int n = 0;
    for (int32_t i = 0; i < g->n_nodes; i++) n += !op || g->nodes[i].op == op;
    return n;
}

const ps_node *gb_first(const ps_graph *g, const ps_op *op)
{
    for (int32_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == op) return &g->nodes[i];
    fail_msg("no %s left", op->name);
    return NULL;
}
