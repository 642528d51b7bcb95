/* tests/test_lower_random.c - lowering of random graphs: whatever stands around whatever, the result is a sound graph; and
 * where nothing is summed up, it has the same codes. */
#include "tests/graph_build.h"

enum { CHANNELS = 8, VALUES = 24 };

static ps_graph g;
static uint32_t state;

static int pick(int n)
{
    state = state * 1664525u + 1013904223u;
    return (int)((state >> 16) % (uint32_t)n);
}

static float pick_scale(void)
{
    static const float scales[] = {0.01F, 0.02F, 0.03F, 0.05F};
    return scales[pick(4)];
}

static int32_t any_of(const int32_t *v, int n)
{
    return v[n > 6 ? n - 1 - pick(6) : pick(n)]; /* rather new ones: long chains */
}

static int32_t rounded(int32_t x)
{
    static const int32_t zeros[] = {0, 7, 128, 128, 255};
    return gb_round(&g, x, pick_scale(), zeros[pick(5)]);
}

static int32_t function(int32_t x)
{
    static const int kinds[] = {PS_ACT_RELU, PS_ACT_CLIP, PS_ACT_LEAKY, PS_ACT_SIGMOID, PS_ACT_SILU, PS_ACT_TANH, PS_ACT_HARDSWISH};
    if (pick(3) == 0) return gb_binary(&g, pick(3), x, gb_scalar(&g, 0.5F));
    return gb_unary(&g, kinds[pick(7)], -1, 1, x);
}

/* The channels in another order, by parts, all of it once or with a part twice. */
static int32_t shuffled(int32_t x, int32_t other)
{
    int32_t at = 1 + pick(CHANNELS - 1);
    int32_t a = gb_slice(&g, x, 1, 0, at), b = gb_slice(&g, pick(2) ? x : other, 1, at, CHANNELS - at);
    if (pick(3) == 0) b = rounded(b);
    return gb_concat(&g, 1, 2, pick(2) ? (int32_t[]){a, b} : (int32_t[]){b, a});
}

static int32_t moved(int32_t x)
{
    ps_pool_params p = {.kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}, .pad = {1, 1, 1, 1}};
    static const int32_t swap[] = {0, 1, 3, 2};
    switch (pick(4)) {
    case 0: return gb_node(&g, &ps_op_pool, &p, 1, &x);
    case 1: return gb_transpose(&g, x, 4, swap);
    case 2: return gb_reshape(&g, gb_reshape(&g, x, GB_DIMS(1, CHANNELS, 25)), GB_DIMS(1, CHANNELS, 5, 5));
    default: return gb_slice(&g, gb_slice(&g, gb_pad(&g, x, 1, -1), 2, pick(3), 5), 3, pick(3), 5);
    }
}

static int32_t summed(int32_t x, int32_t other)
{
    switch (pick(4)) {
    case 0: return gb_conv_int8(&g, x, CHANNELS, 1 + 2 * pick(2), 0, 1);
    case 1: return gb_binary(&g, pick(3), x, other);
    case 2: return gb_binary(&g, PS_BINARY_ADD, x, gb_random(&g, GB_DIMS(1, CHANNELS, 1, 1), -1, 1));
    default: return gb_conv_int8(&g, rounded(x), CHANNELS, 1, 0, pick(2) ? 1 : CHANNELS);
    }
}

static bool keeps_size(int32_t v)
{
    const ps_value *x = &g.values[v];
    return x->dim[2] == 5 && x->dim[3] == 5;
}

static void build(bool sums)
{
    int32_t v[VALUES];
    int n = 0;
    v[n++] = rounded(gb_input(&g, GB_DIMS(1, CHANNELS, 5, 5)));
    while (n < VALUES) {
        int32_t x = any_of(v, n), other = any_of(v, n), y;
        int what = pick(sums ? 6 : 5);
        y = what < 2 ? function(x) : what == 2 ? rounded(x) : what == 3 ? shuffled(x, other) : what == 4 ? moved(x) : summed(x, other);
        if (keeps_size(y)) v[n++] = y;
    }
    gb_output(&g, rounded(v[n - 1]));
    gb_output(&g, pick(2) ? v[n - 2] : rounded(v[n - 2]));
}

static void codes_stay(void **s)
{
    (void)s;
    for (uint32_t i = 0; i < 150; i++) {
        state = i;
        g = (ps_graph){0};
        build(false);
        /* A table's kernel of plain C and the float one of this machine may round half of a code differently. */
        gb_optimize_within(&g, 1, 0.02);
        ps_graph_free(&g);
    }
}

static void graphs_stay_sound(void **s)
{
    (void)s;
    for (uint32_t i = 1000; i < 1150; i++) {
        state = i;
        g = (ps_graph){0};
        build(true);
        gb_optimize_within(&g, 1e30, 1);
        gb_optimize_within(&g, 1, 0.001); /* what is lowered already stays as it is */
        ps_graph_free(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(codes_stay), cmocka_unit_test(graphs_stay_sound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
