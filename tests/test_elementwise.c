/* tests/test_elementwise.c - unary, binary, cast and where against double arithmetic, with any strides. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>
#include <string.h>

extern const ps_op ps_op_unary, ps_op_binary, ps_op_cast, ps_op_where;

static int random_dims(int32_t *dim)
{
    int rank = ot_between(0, 5);
    for (int i = 0; i < rank; i++) dim[i] = ot_between(1, i == rank - 1 ? 37 : 5);
    return rank;
}

/* ---- unary ---- */

static double sigmoid(double v)
{
    return 1 / (1 + exp(-v));
}

static double act(int32_t kind, double a, double b, double v)
{
    switch (kind) {
    case PS_ACT_RELU: return fmax(v, 0);
    case PS_ACT_CLIP: return fmin(fmax(v, a), b);
    case PS_ACT_LEAKY: return v < 0 ? a * v : v;
    case PS_ACT_SIGMOID: return sigmoid(v);
    case PS_ACT_SILU: return v * sigmoid(v);
    case PS_ACT_HARDSIGMOID: return fmin(fmax(a * v + b, 0), 1);
    case PS_ACT_HARDSWISH: return v * fmin(fmax(v / 6 + 0.5, 0), 1);
    case PS_ACT_GELU: return v / 2 * (1 + erf(v / sqrt(2)));
    case PS_ACT_GELU_TANH: return v / 2 * (1 + tanh(sqrt(2 / 3.14159265358979) * (v + 0.044715 * v * v * v)));
    case PS_ACT_TANH: return tanh(v);
    case PS_ACT_ELU: return v < 0 ? a * expm1(v) : v;
    case PS_ACT_MISH: return v * tanh(log1p(exp(v)));
    case PS_ACT_SOFTPLUS: return log1p(exp(v));
    default: return v;
    }
}

static double unary(const ps_unary_params *p, double v)
{
    double a = (double)p->a, b = (double)p->b;
    switch (p->kind) {
    case PS_UNARY_ABS: return fabs(v);
    case PS_UNARY_NEG: return -v;
    case PS_UNARY_SIGN: return (v > 0) - (v < 0);
    case PS_UNARY_CEIL: return ceil(v);
    case PS_UNARY_FLOOR: return floor(v);
    case PS_UNARY_ROUND: return rint(v);
    case PS_UNARY_SQRT: return sqrt(v);
    case PS_UNARY_RECIPROCAL: return 1 / v;
    case PS_UNARY_EXP: return exp(v);
    case PS_UNARY_LOG: return log(v);
    case PS_UNARY_ERF: return erf(v);
    case PS_UNARY_SIN: return sin(v);
    case PS_UNARY_COS: return cos(v);
    case PS_UNARY_TAN: return tan(v);
    case PS_UNARY_ASIN: return asin(v);
    case PS_UNARY_ACOS: return acos(v);
    case PS_UNARY_ATAN: return atan(v);
    case PS_UNARY_SINH: return sinh(v);
    case PS_UNARY_COSH: return cosh(v);
    case PS_UNARY_ASINH: return asinh(v);
    case PS_UNARY_ACOSH: return acosh(v);
    case PS_UNARY_ATANH: return atanh(v);
    case PS_UNARY_SELU: return b * (v > 0 ? v : a * exp(v) - a);
    case PS_UNARY_CELU: return fmax(0, v) + fmin(0, a * (exp(v / a) - 1));
    case PS_UNARY_SOFTSIGN: return v / (1 + fabs(v));
    case PS_UNARY_THRESHOLDED_RELU: return v > a ? v : 0;
    case PS_UNARY_SHRINK: return v < -a ? v + b : v > a ? v - b : 0;
    case PS_UNARY_NOT: return v == 0;
    case PS_UNARY_BIT_NOT: return -1 - v;
    case PS_UNARY_IS_NAN: return isnan(v);
    case PS_UNARY_IS_INF: return isinf(v) && (v > 0 ? b != 0 : a != 0);
    default: return act(p->kind, a, b, v);
    }
}

static void unary_oracle(const ot_case *t, const poise_tensor *want)
{
    size_t n = poise_tensor_count(want);
    for (size_t i = 0; i < n; i++) {
        double v = unary(t->params, ot_at(t->in[0], i));
        ot_put(want, i, t->in[0]->type == POISE_U8 && v < 0 ? v + 256 : v);
    }
}

static void check_unary(ps_unary_params p, poise_type type, double lo, double hi)
{
    int32_t dim[POISE_MAX_DIMS];
    for (ot_layout l = 0; l < OT_LAYOUTS; l++) {
        int rank = random_dims(dim);
        poise_tensor x = ot_random_tensor(type, rank, dim, l, lo, hi);
        ot_case t = {
            .op = &ps_op_unary, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}, .abs = 2e-6, .rel = 2e-6};
        ot_check(&t, unary_oracle);
        bool same_type = p.kind != PS_UNARY_IS_NAN && p.kind != PS_UNARY_IS_INF;
        if (l < OT_OUT_LAYOUTS && same_type) ot_check_inplace(&t, 0, unary_oracle);
        ot_free_all();
    }
}

static void unary_f32(void **state)
{
    (void)state;
    for (int32_t kind = 0; kind < PS_UNARY_NOT; kind++) {
        if (kind >= PS_ACT_COUNT && kind < PS_UNARY_ABS) continue;
        double lo = -5, hi = 5;
        if (kind == PS_UNARY_SQRT || kind == PS_UNARY_LOG || kind == PS_UNARY_RECIPROCAL) lo = 0.01;
        if (kind == PS_UNARY_ASIN || kind == PS_UNARY_ACOS || kind == PS_UNARY_ATANH) lo = -0.95, hi = 0.95;
        if (kind == PS_UNARY_ACOSH) lo = 1.1;
        if (kind == PS_UNARY_TAN) lo = -1.4, hi = 1.4;
        check_unary((ps_unary_params){kind, 0.25f, 1.5f}, POISE_F32, lo, hi);
    }
}

static void unary_other_types(void **state)
{
    (void)state;
    static const poise_type types[] = {POISE_I32, POISE_I64, POISE_U8, POISE_I8};
    for (int i = 0; i < 4; i++) {
        static const int32_t kinds[] = {PS_UNARY_ABS, PS_UNARY_NEG, PS_UNARY_SIGN, PS_UNARY_BIT_NOT};
        for (int k = 0; k < 4; k++) check_unary((ps_unary_params){.kind = kinds[k]}, types[i], -120, 120);
    }
    check_unary((ps_unary_params){.kind = PS_UNARY_NOT}, POISE_BOOL, 0, 1);
}

static void unary_corners(void **state)
{
    (void)state;
    const double inf = (double)INFINITY;
    const double odd[] = {0.5, 1.5, 2.5, -0.5, -1.5, (double)NAN, inf, -inf};
    poise_tensor x = ot_tensor_of(POISE_F32, 1, (int32_t[]){8}, odd);
    static const ps_unary_params p[] = {
        {PS_UNARY_ROUND, 0, 0}, {PS_UNARY_IS_NAN, 0, 0}, {PS_UNARY_IS_INF, 1, 0}, {PS_UNARY_IS_INF, 0, 1}};
    for (int i = 0; i < 4; i++) {
        ot_case t = {.op = &ps_op_unary, .params = &p[i], .n_in = 1, .n_out = 1, .in = {&x}};
        ot_check(&t, unary_oracle);
    }
    ps_unary_params neg = {.kind = PS_UNARY_NEG};
    poise_tensor least = ot_tensor_of(POISE_I32, 0, NULL, (double[]){INT32_MIN}),
                 y = ot_tensor(POISE_I32, 0, NULL, 0);
    ot_case t = {.op = &ps_op_unary, .params = &neg, .n_in = 1, .n_out = 1, .in = {&least}};
    ps_kernels k;
    ps_kernels_select(&k, 0);
    ot_run(&t, &k, 1, &y);
    assert_int_equal(*(int32_t *)y.data, INT32_MIN);
    ps_unary_params bad = {.kind = 20}, root = {.kind = PS_UNARY_SQRT};
    t.params = &bad;
    ot_refuse(&t, "unknown function 20");
    t.params = &root;
    ot_refuse(&t, "sqrt of i32");
    ot_free_all();
}

/* ---- binary ---- */

static double whole(double v, poise_type t)
{
    if (t == POISE_U8) return (double)(uint8_t)(int64_t)v;
    if (t == POISE_I8) return (double)(int8_t)(int64_t)v;
    return v;
}

static double modulo(double a, double b, bool real)
{
    if (b == 0 && !real) return 0;
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static double binary(int32_t kind, poise_type type, double a, double b)
{
    bool real = type == POISE_F32;
    switch (kind) {
    case PS_BINARY_ADD: return a + b;
    case PS_BINARY_SUB: return a - b;
    case PS_BINARY_MUL: return a * b;
    case PS_BINARY_DIV: return real ? a / b : b == 0 ? 0 : trunc(a / b);
    case PS_BINARY_MIN: return fmin(a, b);
    case PS_BINARY_MAX: return fmax(a, b);
    case PS_BINARY_POW: return pow(a, b);
    case PS_BINARY_MOD: return modulo(a, b, real);
    case PS_BINARY_FMOD: return b == 0 && !real ? 0 : fmod(a, b);
    case PS_BINARY_PRELU: return a < 0 ? a * b : a;
    case PS_BINARY_EQUAL: return a == b;
    case PS_BINARY_GREATER: return a > b;
    case PS_BINARY_GREATER_EQUAL: return a >= b;
    case PS_BINARY_LESS: return a < b;
    case PS_BINARY_LESS_EQUAL: return a <= b;
    case PS_BINARY_SHIFT_LEFT: return a * exp2(b);
    case PS_BINARY_SHIFT_RIGHT: return floor(a / exp2(b));
    case PS_BINARY_AND:
    case PS_BINARY_BIT_AND: return (double)((int64_t)a & (int64_t)b);
    case PS_BINARY_OR:
    case PS_BINARY_BIT_OR: return (double)((int64_t)a | (int64_t)b);
    default: return (double)((int64_t)a ^ (int64_t)b);
    }
}

/* Position in x of the element that index i of y broadcasts from. */
static double from(const poise_tensor *x, const poise_tensor *y, size_t i)
{
    int32_t at[POISE_MAX_DIMS], in[POISE_MAX_DIMS];
    ot_index(y, i, at);
    for (int d = 0; d < x->rank; d++) in[d] = x->dim[d] == 1 ? 0 : at[d + y->rank - x->rank];
    return ot_get(x, in);
}

static void binary_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_binary_params *p = t->params;
    size_t n = poise_tensor_count(want);
    poise_type type = t->half ? POISE_F32 : t->in[0]->type;
    for (size_t i = 0; i < n; i++) {
        double v = binary(p->kind, type, from(t->in[0], want, i), from(t->in[1], want, i));
        ot_put(want, i, whole(v, type));
    }
}

/* Dims for two operands that broadcast together. */
static void two_dims(int *rank, int32_t dim[2][POISE_MAX_DIMS])
{
    int32_t all[POISE_MAX_DIMS];
    int most = random_dims(all);
    for (int j = 0; j < 2; j++) {
        rank[j] = j ? ot_between(0, most) : most;
        for (int d = 0; d < rank[j]; d++) dim[j][d] = ot_random(4) ? all[d + most - rank[j]] : 1;
    }
    if (ot_random(2)) {
        memcpy(dim[1], dim[0], sizeof dim[1]);
        rank[1] = rank[0];
    }
}

static void check_binary(int32_t kind, poise_type t0, poise_type t1, double lo, double hi, double lo1,
                         double hi1)
{
    ps_binary_params p = {kind};
    for (int round = 0; round < 10; round++) {
        int rank[2];
        int32_t dim[2][POISE_MAX_DIMS];
        two_dims(rank, dim);
        poise_tensor a = ot_random_tensor(t0, rank[0], dim[0], (ot_layout)(round % OT_LAYOUTS), lo, hi);
        poise_tensor b = ot_random_tensor(t1, rank[1], dim[1], ot_random(OT_LAYOUTS), lo1, hi1);
        ot_case t = {.op = &ps_op_binary,
                     .params = &p,
                     .n_in = 2,
                     .n_out = 1,
                     .in = {&a, &b},
                     .rel = 1e-6,
                     .abs = 1e-6};
        if (t0 == POISE_F32 && kind == PS_BINARY_MOD) t.abs = 2e-6;
        ot_check(&t, binary_oracle);
        poise_tensor y;
        assert_int_equal(ot_infer(&t, &y), POISE_OK);
        bool same = y.rank == a.rank && !memcmp(y.dim, a.dim, sizeof y.dim) && y.type == a.type;
        if (same && round % OT_LAYOUTS < OT_OUT_LAYOUTS) ot_check_inplace(&t, 0, binary_oracle);
        ot_free_all();
    }
}

static void binary_f32(void **state)
{
    (void)state;
    for (int32_t kind = 0; kind <= PS_BINARY_LESS_EQUAL; kind++) {
        bool positive = kind == PS_BINARY_POW || kind == PS_BINARY_DIV || kind == PS_BINARY_MOD;
        if (kind == PS_BINARY_EQUAL)
            check_binary(kind, POISE_F32, POISE_F32, 0, 0.0, 0, 0.0);
        else
            check_binary(kind, POISE_F32, POISE_F32, positive ? 0.1 : -4, 4, positive ? 0.5 : -4, 4);
    }
}

static void binary_integers(void **state)
{
    (void)state;
    static const poise_type types[] = {POISE_I32, POISE_I64, POISE_U8, POISE_I8};
    for (int i = 0; i < 4; i++) {
        for (int32_t kind = 0; kind < PS_BINARY_COUNT; kind++) {
            if (kind >= PS_BINARY_AND && kind <= PS_BINARY_XOR) continue;
            bool small = kind == PS_BINARY_POW || kind >= PS_BINARY_SHIFT_LEFT;
            check_binary(kind, types[i], types[i], small ? 0 : -20, small ? 3 : 20, small ? 0 : -5,
                         small ? 4 : 5);
        }
        check_binary(PS_BINARY_POW, POISE_F32, types[i], 0.5, 2, 0, 3);
    }
    for (int32_t kind = PS_BINARY_AND; kind <= PS_BINARY_XOR; kind++)
        check_binary(kind, POISE_BOOL, POISE_BOOL, 0, 1, 0, 1);
    check_binary(PS_BINARY_EQUAL, POISE_BOOL, POISE_BOOL, 0, 1, 0, 1);
}

/* Scalar exponents have a path of their own. */
static void binary_squares(void **state)
{
    (void)state;
    ps_binary_params p = {PS_BINARY_POW};
    poise_tensor x = ot_random_tensor(POISE_F32, 3, (int32_t[]){3, 4, 99}, OT_ROW, -3, 3);
    for (int e = 0; e < 5; e++) {
        poise_tensor b = ot_tensor_of(POISE_F32, 0, NULL, (double[]){e});
        ot_case t = {.op = &ps_op_binary, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &b}, .rel = 1e-6};
        ot_check(&t, binary_oracle);
        ot_check_inplace(&t, 0, binary_oracle);
    }
    ot_free_all();
}

/* Rows in, pixels out (the layouts of ot_check have both): a few numbers each, one side the same for all of them. */
static void binary_rows_to_pixels(void **state)
{
    (void)state;
    ps_binary_params p = {PS_BINARY_MUL};
    for (int32_t n = 1; n < 11; n++) {
        const int32_t dim[3] = {2, n, 130 + n}, flat[3] = {1, 1, 130 + n};
        poise_tensor x = ot_random_tensor(POISE_F32, 3, dim, n % 2 ? OT_ROW : OT_ROW_GAP, -2, 2);
        poise_tensor b = ot_random_tensor(POISE_F32, 3, flat, OT_ROW, -2, 2);
        ot_case t = {.op = &ps_op_binary, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &b}, .rel = 1e-6};
        ot_check(&t, binary_oracle);
        t.in[0] = &b;
        t.in[1] = &x;
        ot_check(&t, binary_oracle);
        ot_free_all();
    }
}

/* A few channels that are the same for every pixel have a path of their own, on either side. */
static void binary_pixels(void **state)
{
    (void)state;
    for (int round = 0; round < 12; round++) {
        ps_binary_params p = {round % 3 ? PS_BINARY_SUB : PS_BINARY_POW};
        int32_t channels = ot_between(2, 34),
                dim[4] = {ot_between(1, 2), channels, ot_between(1, 40), ot_between(2, 40)};
        poise_tensor x = ot_random_tensor(POISE_F32, 4, dim, round % 4 ? OT_LAST : OT_LAST_GAP, 0.5, 3);
        poise_tensor b = ot_random_tensor(POISE_F32, 4, (int32_t[]){1, channels, 1, 1}, OT_ROW, 0, 3);
        ot_case t = {.op = &ps_op_binary,
                     .params = &p,
                     .n_in = 2,
                     .n_out = 1,
                     .in = {&x, &b},
                     .abs = 1e-6,
                     .rel = 1e-6};
        ot_check(&t, binary_oracle);
        ot_check_inplace(&t, 0, binary_oracle);
        t.in[0] = &b;
        t.in[1] = &x;
        ot_check(&t, binary_oracle);
        ot_check_inplace(&t, 1, binary_oracle);
        ot_free_all();
    }
}

static int64_t one(int32_t kind, poise_type type, int64_t a, int64_t b)
{
    ps_binary_params p = {kind};
    poise_tensor x = ot_tensor(type, 0, NULL, OT_ROW), z = x, y = x;
    int64_t v[3] = {a, b, 0};
    int32_t w[3] = {(int32_t)a, (int32_t)b, 0};
    x.data = type == POISE_I64 ? (void *)&v[0] : &w[0];
    z.data = type == POISE_I64 ? (void *)&v[1] : &w[1];
    y.data = type == POISE_I64 ? (void *)&v[2] : &w[2];
    ot_case t = {.op = &ps_op_binary, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &z}};
    ps_kernels k;
    ps_kernels_select(&k, 0);
    ot_run(&t, &k, 1, &y);
    ot_free_all();
    return type == POISE_I64 ? v[2] : w[2];
}

static void binary_corners(void **state)
{
    (void)state;
    assert_int_equal(one(PS_BINARY_DIV, POISE_I32, 5, 0), 0);
    assert_int_equal(one(PS_BINARY_DIV, POISE_I32, INT32_MIN, -1), INT32_MIN);
    assert_true(one(PS_BINARY_DIV, POISE_I64, INT64_MIN, -1) == INT64_MIN);
    assert_int_equal(one(PS_BINARY_MOD, POISE_I64, INT64_MIN, -1), 0);
    assert_int_equal(one(PS_BINARY_MOD, POISE_I64, -7, 3), 2);
    assert_int_equal(one(PS_BINARY_FMOD, POISE_I64, -7, 3), -1);
    assert_true(one(PS_BINARY_ADD, POISE_I64, INT64_MAX, 1) == INT64_MIN);
    assert_true(one(PS_BINARY_MUL, POISE_I32, 65536, 65536) == 0);
    assert_int_equal(one(PS_BINARY_SHIFT_LEFT, POISE_I32, 1, 32), 0);
    assert_int_equal(one(PS_BINARY_SHIFT_LEFT, POISE_I64, 1, -1), 0);
    assert_int_equal(one(PS_BINARY_SHIFT_RIGHT, POISE_I64, -8, 64), -1);
    assert_int_equal(one(PS_BINARY_POW, POISE_I64, -1, -3), -1);
    assert_int_equal(one(PS_BINARY_POW, POISE_I64, 0, -1), 0);
    assert_int_equal(one(PS_BINARY_POW, POISE_I64, 3, 4), 81);
}

static void binary_rules(void **state)
{
    (void)state;
    ps_binary_params p = {PS_BINARY_ADD};
    poise_tensor a = ot_tensor(POISE_F32, 2, (int32_t[]){3, 4}, OT_ROW),
                 b = ot_tensor(POISE_F32, 1, (int32_t[]){3}, OT_ROW);
    ot_case t = {.op = &ps_op_binary, .params = &p, .n_in = 2, .n_out = 1, .in = {&a, &b}};
    ot_refuse(&t, "3 does not broadcast with 3x4");
    b.type = POISE_I32;
    ot_refuse(&t, "add of f32 and i32");
    p.kind = -1;
    ot_refuse(&t, "unknown function -1");
    ps_value v[2] = {{.rank = 2, .dim = {3, 4}, .live = 7, .live_axis = 0},
                     {.rank = 2, .dim = {1, 4}, .live = -1}};
    ps_value y = {.rank = 2, .dim = {3, 4}, .live = -1};
    const ps_value *in[2] = {&v[0], &v[1]};
    assert_int_equal(ps_op_binary.live(&p, 0, 0, in, &y), 0);
    v[1].dim[0] = 3; /* the full bound, but not the same node's size */
    assert_int_equal(ps_op_binary.live(&p, 0, 0, in, &y), -1);
    v[1].live = 7;
    assert_int_equal(ps_op_binary.live(&p, 0, 0, in, &y), 0);
    ot_free_all();
}

/* ---- cast and where ---- */

static double cast_to(poise_type to, double v)
{
    static const double lo[] = {0, 0, INT32_MIN, -0x1p63, 0, -128},
                        hi[] = {0, 0, INT32_MAX, 0x1p63, 255, 127};
    if (to == POISE_BOOL) return v != 0;
    if (to == POISE_F32) return (double)(float)v;
    if (to >= POISE_F16) return v;
    return isnan(v) ? 0 : trunc(fmin(fmax(v, lo[to]), hi[to]));
}

static void cast_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_cast_params *p = t->params;
    size_t n = poise_tensor_count(want);
    for (size_t i = 0; i < n; i++) ot_put(want, i, cast_to((poise_type)p->to, ot_at(t->in[0], i)));
}

static void cast_all(void **state)
{
    (void)state;
    for (int from_type = POISE_F32; from_type <= POISE_BF16; from_type++)
        for (int to = POISE_F32; to <= POISE_BF16; to++) {
            ps_cast_params p = {to};
            int32_t dim[POISE_MAX_DIMS];
            int rank = random_dims(dim);
            bool narrow = from_type == POISE_I32 || from_type == POISE_I64 || from_type == POISE_I8 ||
                          from_type == POISE_U8;
            double lo = narrow ? 0 : -300, hi = narrow ? 127 : 300; /* whole numbers wrap: tested below */
            poise_tensor x =
                ot_random_tensor((poise_type)from_type, rank, dim, ot_random(OT_LAYOUTS), lo, hi);
            ot_case t = {.op = &ps_op_cast, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
            if (to == POISE_F16) t.rel = 0x1p-11; /* half a step */
            if (to == POISE_BF16) t.rel = 0x1p-8;
            ot_check(&t, cast_oracle);
            ot_free_all();
        }
}

static void cast_corners(void **state)
{
    (void)state;
    const double inf = (double)INFINITY;
    const double odd[] = {(double)NAN, inf, -inf, 1e20, -1e20, -0.9, 2147483648.0, 0.25};
    poise_tensor x = ot_tensor_of(POISE_F32, 1, (int32_t[]){8}, odd);
    for (int to = POISE_I32; to <= POISE_BOOL; to++) {
        ps_cast_params p = {to};
        ot_case t = {.op = &ps_op_cast, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}, .rel = 1e-15};
        ot_check(&t, cast_oracle);
    }
    ps_cast_params narrow = {POISE_I8}, bad = {POISE_BF16 + 1};
    poise_tensor wide = ot_tensor_of(POISE_I64, 1, (int32_t[]){3}, (double[]){257, -129, 128});
    poise_tensor y = ot_tensor(POISE_I8, 1, (int32_t[]){3}, OT_ROW);
    ot_case t = {.op = &ps_op_cast, .params = &narrow, .n_in = 1, .n_out = 1, .in = {&wide}};
    ps_kernels k;
    ps_kernels_select(&k, 0);
    ot_run(&t, &k, 1, &y);
    assert_memory_equal(y.data, ((int8_t[]){1, 127, -128}), 3);
    t.params = &bad;
    ot_refuse(&t, "unknown type 10");
    ot_free_all();
}

/* Halves by their bits: ties to even, denormals, overflow, and every half there and back. */
static void cast_halves(void **state)
{
    (void)state;
    ps_kernels k;
    ps_kernels_select(&k, 0);
    ps_cast_params to_half = {POISE_F16}, to_float = {POISE_F32};
    const double v[] = {1 + 0x1p-11, 1 + 0x1.8p-10, 65519,        65520,  0x1p-24,
                        0x1p-25,     0x1.8p-25,     -0x1.ff8p-15, 0x1p-14};
    const uint16_t bits[] = {0x3C00, 0x3C02, 0x7BFF, 0x7C00, 1, 0, 1, 0x83FF, 0x0400};
    poise_tensor x = ot_tensor_of(POISE_F64, 1, (int32_t[]){9}, v),
                 y = ot_tensor(POISE_F16, 1, (int32_t[]){9}, OT_ROW);
    ot_case t = {.op = &ps_op_cast, .params = &to_half, .n_in = 1, .n_out = 1, .in = {&x}};
    ot_run(&t, &k, 1, &y);
    assert_memory_equal(y.data, bits, sizeof bits);
    poise_tensor all = ot_tensor(POISE_F16, 1, (int32_t[]){65536}, OT_ROW),
                 back = ot_tensor(POISE_F16, 1, all.dim, OT_ROW);
    poise_tensor wide = ot_tensor(POISE_F32, 1, all.dim, OT_ROW);
    for (int i = 0; i < 65536; i++)
        ((uint16_t *)all.data)[i] = (uint16_t)((i & 0x7C00) == 0x7C00 ? i & 0xFC00 : i);
    ot_case up = {.op = &ps_op_cast, .params = &to_float, .n_in = 1, .n_out = 1, .in = {&all}};
    ot_case down = {.op = &ps_op_cast, .params = &to_half, .n_in = 1, .n_out = 1, .in = {&wide}};
    ot_run(&up, &k, 1, &wide);
    ot_run(&down, &k, 1, &back);
    assert_memory_equal(back.data, all.data, 2 * 65536);
    ps_cast_params cut = {-POISE_F16}; /* the same but for what is infinite */
    down.params = &cut;
    ot_run(&down, &k, 1, &back);
    for (int i = 0; i < 65536; i++) {
        uint16_t h = ((const uint16_t *)all.data)[i];
        assert_int_equal(((const uint16_t *)back.data)[i], (h & 0x7FFF) == 0x7C00 ? h - 1 : h);
    }
    ot_free_all();
}

static void where_oracle(const ot_case *t, const poise_tensor *want)
{
    size_t n = poise_tensor_count(want);
    for (size_t i = 0; i < n; i++)
        ot_put(want, i, from(t->in[0], want, i) != 0 ? from(t->in[1], want, i) : from(t->in[2], want, i));
}

static void where_all(void **state)
{
    (void)state;
    for (int type = POISE_F32; type <= POISE_F64; type++)
        for (int round = 0; round < 4; round++) {
            int rank[2];
            int32_t dim[2][POISE_MAX_DIMS];
            two_dims(rank, dim);
            poise_tensor c = ot_random_tensor(POISE_BOOL, rank[1], dim[1], ot_random(OT_LAYOUTS), 0, 1);
            poise_tensor x =
                ot_random_tensor((poise_type)type, rank[0], dim[0], ot_random(OT_LAYOUTS), -9, 9);
            poise_tensor z = ot_random_tensor((poise_type)type, 0, NULL, OT_ROW, -9, 9);
            ot_case t = {.op = &ps_op_where, .n_in = 3, .n_out = 1, .in = {&c, &x, &z}};
            ot_check(&t, where_oracle);
            if (round) t.in[1] = &z, t.in[2] = &x;
            ot_check(&t, where_oracle);
            t.in[0] = &x;
            if (type != POISE_BOOL) ot_refuse(&t, "the condition is");
            ot_free_all();
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unary_f32),       cmocka_unit_test(unary_other_types),
        cmocka_unit_test(unary_corners),   cmocka_unit_test(binary_f32),
        cmocka_unit_test(binary_integers), cmocka_unit_test(binary_squares),
        cmocka_unit_test(binary_rows_to_pixels), cmocka_unit_test(binary_pixels),   cmocka_unit_test(binary_corners),
        cmocka_unit_test(binary_rules),    cmocka_unit_test(cast_all),
        cmocka_unit_test(cast_corners),    cmocka_unit_test(cast_halves),
        cmocka_unit_test(where_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
