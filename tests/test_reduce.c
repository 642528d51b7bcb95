/* tests/test_reduce.c - reductions over any axes, types and layouts against double sums. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>

extern const ps_op ps_op_reduce;

static double add(int32_t kind, double total, double v)
{
    switch (kind) {
    case PS_REDUCE_MAX: return fmax(total, v);
    case PS_REDUCE_MIN: return fmin(total, v);
    case PS_REDUCE_PROD: return total * v;
    case PS_REDUCE_L1: return total + fabs(v);
    case PS_REDUCE_L2:
    case PS_REDUCE_SUM_SQUARE: return total + v * v;
    case PS_REDUCE_LOG_SUM_EXP: return total + exp(v);
    default: return total + v;
    }
}

static double finish(int32_t kind, double v, double count)
{
    switch (kind) {
    case PS_REDUCE_MEAN: return v / count;
    case PS_REDUCE_L2: return sqrt(v);
    case PS_REDUCE_LOG_SUM:
    case PS_REDUCE_LOG_SUM_EXP: return log(v);
    default: return v;
    }
}

static void oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_reduce_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t n = poise_tensor_count(x), results = poise_tensor_count(want);
    double first = p->kind == PS_REDUCE_MAX   ? -(double)INFINITY
                   : p->kind == PS_REDUCE_MIN ? (double)INFINITY
                                              : 0;
    if (p->kind == PS_REDUCE_PROD) first = 1;
    for (size_t i = 0; i < results; i++) ot_put(want, i, first);
    for (size_t i = 0; i < n; i++) {
        int32_t at[POISE_MAX_DIMS], to[POISE_MAX_DIMS];
        int rank = 0;
        ot_index(x, i, at);
        for (int d = 0; d < x->rank; d++) {
            bool reduced = p->axes >> d & 1;
            if (!reduced || p->keep_dims) to[rank++] = reduced ? 0 : at[d];
        }
        ot_set(want, to, add(p->kind, ot_get(want, to), ot_get(x, at)));
    }
    for (size_t i = 0; i < results; i++) {
        double v = finish(p->kind, ot_at(want, i), (double)n / (double)results);
        ot_put(want, i, x->type == POISE_F32 || t->half ? v : trunc(v));
    }
}

static void check(int32_t kind, poise_type type, double lo, double hi)
{
    for (int round = 0; round < 12; round++) {
        int32_t dim[POISE_MAX_DIMS];
        int rank = ot_between(1, 5);
        for (int d = 0; d < rank; d++) dim[d] = ot_between(1, round < 6 ? 5 : 9);
        if (kind == PS_REDUCE_PROD) dim[0] = 2;
        ps_reduce_params p = {kind, ot_between(0, (1 << rank) - 1), (int32_t)ot_random(2)};
        poise_tensor x = ot_random_tensor(type, rank, dim, (ot_layout)(round % OT_LAYOUTS), lo, hi);
        ot_case t = {
            .op = &ps_op_reduce, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}, .abs = 1e-5, .rel = 2e-6};
        if (kind == PS_REDUCE_PROD) t.rel = 1e-3;
        ot_check(&t, oracle);
        ot_free_all();
    }
}

static void all_f32(void **state)
{
    (void)state;
    for (int32_t kind = 0; kind < PS_REDUCE_COUNT; kind++)
        check(kind, POISE_F32,
              kind == PS_REDUCE_LOG_SUM ? 0.1
              : kind == PS_REDUCE_PROD  ? 0.95
                                        : -1,
              kind == PS_REDUCE_PROD ? 1.05 : 2);
}

static void other_types(void **state)
{
    (void)state;
    static const poise_type types[] = {POISE_I32, POISE_I64};
    for (int i = 0; i < 2; i++)
        for (int32_t kind = 0; kind < PS_REDUCE_LOG_SUM; kind++)
            if (kind != PS_REDUCE_PROD) check(kind, types[i], -9, 9);
    for (int32_t kind = PS_REDUCE_MAX; kind <= PS_REDUCE_MIN; kind++) {
        check(kind, POISE_U8, 0, 255);
        check(kind, POISE_I8, -128, 127);
        check(kind, POISE_BOOL, 0, 1);
    }
    check(PS_REDUCE_SUM_SQUARE, POISE_I64, -3, 3);
}

/* A mean over 200 x 200 positions of values far from 0 must not lose digits in any layout. */
static void large_mean(void **state)
{
    (void)state;
    for (ot_layout l = 0; l < OT_REVERSED; l++) {
        ps_reduce_params p = {PS_REDUCE_MEAN, 12, 1};
        poise_tensor x = ot_random_tensor(POISE_F32, 4, (int32_t[]){1, 5, 200, 200}, l, 0, 2);
        ot_case t = {.op = &ps_op_reduce, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}, .rel = 3e-6};
        ot_check(&t, oracle);
        ot_free_all();
    }
}

/* exp(100) is beyond f32; so is a row of -inf, whose log-sum is -inf. */
static void extreme_log_sum_exp(void **state)
{
    (void)state;
    for (ot_layout l = 0; l < OT_LAST_GAP; l++) {
        ps_reduce_params p = {PS_REDUCE_LOG_SUM_EXP, 4, 0};
        poise_tensor x = ot_random_tensor(POISE_F32, 3, (int32_t[]){2, 6, 9}, l, 95, 105);
        for (int i = 0; i < 9; i++) ot_put(&x, (size_t)i, -(double)INFINITY);
        ot_case t = {.op = &ps_op_reduce, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}, .rel = 1e-6};
        ot_check(&t, oracle);
        ot_free_all();
    }
}

static void empty(void **state)
{
    (void)state;
    for (int32_t kind = 0; kind < PS_REDUCE_COUNT; kind++) {
        ps_reduce_params p = {kind, 2, 1};
        poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){3, 0}, OT_ROW),
                     y = ot_tensor(POISE_F32, 2, (int32_t[]){3, 1}, 0);
        ot_case t = {.op = &ps_op_reduce, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        ps_kernels k;
        ps_kernels_select(&k, 0);
        ot_run(&t, &k, 1, &y);
        double want = kind == PS_REDUCE_PROD ? 1 : kind == PS_REDUCE_MIN ? (double)INFINITY : 0;
        if (kind == PS_REDUCE_MAX || kind == PS_REDUCE_LOG_SUM || kind == PS_REDUCE_LOG_SUM_EXP)
            want = -(double)INFINITY;
        if (kind == PS_REDUCE_MEAN)
            assert_true(isnan(ot_at(&y, 2)));
        else
            assert_true(ot_at(&y, 2) == want);
    }
    ot_free_all();
}

/* Without axes (all of a scalar) each element is reduced alone: a square is a square, not a copy. */
static void no_axes(void **state)
{
    (void)state;
    const double of_3[PS_REDUCE_COUNT] = {[PS_REDUCE_SUM] = -3, [PS_REDUCE_MEAN] = -3, [PS_REDUCE_MAX] = -3,
                                          [PS_REDUCE_MIN] = -3, [PS_REDUCE_PROD] = -3, [PS_REDUCE_L1] = 3,
                                          [PS_REDUCE_L2] = 3, [PS_REDUCE_LOG_SUM_EXP] = -3,
                                          [PS_REDUCE_SUM_SQUARE] = 9};
    for (int32_t kind = 0; kind < PS_REDUCE_COUNT; kind++) {
        ps_reduce_params p = {kind, 0, 1};
        poise_tensor x = ot_tensor(POISE_F32, 0, NULL, OT_ROW), y = ot_tensor(POISE_F32, 0, NULL, 0);
        ot_case t = {.op = &ps_op_reduce, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        ps_kernels k;
        ps_kernels_select(&k, 0);
        ot_put(&x, 0, -3);
        ot_run(&t, &k, 1, &y);
        if (kind == PS_REDUCE_LOG_SUM) assert_true(isnan(ot_at(&y, 0)));
        else assert_true(fabs(ot_at(&y, 0) - of_3[kind]) < 1e-6);
    }
    ot_free_all();
}

static void rules(void **state)
{
    (void)state;
    ps_reduce_params p = {PS_REDUCE_MEAN, 12, 0};
    poise_tensor x = ot_tensor(POISE_F32, 3, (int32_t[]){2, 3, 4}, OT_ROW);
    ot_case t = {.op = &ps_op_reduce, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
    ot_refuse(&t, "axes (mask 0xc) of an input of rank 3");
    p.axes = 5;
    char text[64];
    ps_op_reduce.describe(&p, text, sizeof text);
    assert_string_equal(text, "mean axes 0,2");
    ps_value v = {.rank = 3, .dim = {2, 3, 4}}, y = {.rank = 1, .dim = {3}};
    const ps_value *in[] = {&v};
    assert_int_equal(ps_op_reduce.live(&p, 0, 1, in, &y), 0);
    assert_int_equal(ps_op_reduce.live(&p, 0, 2, in, &y), -1);
    p.kind = 99;
    ot_refuse(&t, "unknown reduction 99");
    p.kind = PS_REDUCE_SUM;
    x.type = POISE_BOOL;
    ot_refuse(&t, "bool");
    ot_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_f32), cmocka_unit_test(other_types),         cmocka_unit_test(large_mean),
        cmocka_unit_test(empty),   cmocka_unit_test(extreme_log_sum_exp), cmocka_unit_test(no_axes), cmocka_unit_test(rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
