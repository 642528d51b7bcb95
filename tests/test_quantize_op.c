/* tests/test_quantize_op.c - codes and real numbers: the operator `quantize`, and which operators take codes. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>

extern const ps_op ps_op_quantize, ps_op_reshape, ps_op_concat, ps_op_trilu;

static double code_of(double real, float scale, int32_t zero, poise_type type)
{
    double low = type == POISE_I8 ? -128 : 0, q = rint((float)real / scale) + zero;
    return q < low ? low : q > low + 255 ? low + 255 : q;
}

/* Element of a list of scales or zeros for element i of x. */
static double listed(const ot_case *t, int k, size_t i, double otherwise)
{
    const ps_quantize_params *p = t->params;
    int32_t at[POISE_MAX_DIMS];
    if (t->n_in <= k || !t->in[k]) return otherwise;
    ot_index(t->in[0], i, at);
    return ot_at(t->in[k], poise_tensor_count(t->in[k]) == 1 ? 0 : (size_t)at[p->axis]);
}

static void oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_quantize_params *p = t->params;
    const poise_tensor *x = t->in[0];
    for (size_t i = 0; i < poise_tensor_count(x); i++) {
        float scale = (float)listed(t, 1, i, (double)x->scale);
        int32_t zero = (int32_t)listed(t, 2, i, (double)x->zero);
        double v = ot_at(x, i);
        bool given = t->n_in > 1 && t->in[1];
        if (x->type != POISE_F32) v = (double)((float)(v - zero) * scale);
        if (p->to != POISE_F32)
            v = code_of(v, given ? scale : want->scale, given ? zero : want->zero, (poise_type)p->to);
        ot_put(want, i, v);
    }
}

static void per_tensor(void **state)
{
    (void)state;
    const int32_t dim[4] = {2, 5, 7, 19};
    for (int round = 0; round < 32; round++) {
        bool back = round % 4 == 1, again = round % 4 == 2;
        poise_type to = round % 8 < 4 ? POISE_U8 : POISE_I8;
        ps_quantize_params p = {(int32_t)(back ? POISE_F32 : to), 0};
        poise_tensor x = back || again ? ot_random_tensor(to, 4, dim, (ot_layout)(round % OT_LAYOUTS), -128, 255)
                                       : ot_random_tensor(POISE_F32, 4, dim, (ot_layout)(round % OT_LAYOUTS), -9, 9);
        if (back || again) x.scale = (float)ot_uniform(0.001, 0.2), x.zero = ot_between(0, 127);
        ot_case t = {.op = &ps_op_quantize, .params = &p, .n_in = 1, .n_out = 1, .in = {&x},
                     .scale = back ? 0 : (float)ot_uniform(0.01, 0.1), .zero = back ? 0 : ot_between(0, 127)};
        ot_check(&t, oracle);
        ot_free_all();
    }
}

static void along_an_axis(void **state)
{
    (void)state;
    const int32_t dim[3] = {4, 6, 11};
    for (int round = 0; round < 24; round++) {
        bool back = round % 2;
        ps_quantize_params p = {(int32_t)(back ? POISE_F32 : POISE_I8), round % 3};
        int32_t n = round % 4 == 3 ? 1 : dim[p.axis];
        poise_tensor x = back ? ot_random_tensor(round % 4 == 1 ? POISE_I32 : POISE_I8, 3, dim, (ot_layout)(round % OT_LAYOUTS), -128, 127)
                              : ot_random_tensor(POISE_F32, 3, dim, (ot_layout)(round % OT_LAYOUTS), -9, 9);
        poise_tensor scale = ot_random_tensor(POISE_F32, 1, &n, OT_ROW, 0.01, 0.2);
        poise_tensor zero = ot_random_tensor(POISE_I32, 1, &n, OT_ROW, -100, 100);
        ot_case t = {.op = &ps_op_quantize, .params = &p, .n_in = round % 5 ? 3 : 2, .n_out = 1, .in = {&x, &scale, &zero}};
        ot_check(&t, oracle);
        ot_free_all();
    }
}

static void ties_and_ends(void **state)
{
    (void)state;
    const int32_t n = 9;
    const double values[9] = {0.5, 1.5, 2.5, -0.5, -1.5, 1e30, -1e30, INFINITY, NAN};
    const double codes[9] = {10, 12, 12, 10, 8, 255, 0, 255, 0};
    ps_quantize_params p = {POISE_U8, 0};
    poise_tensor x = ot_tensor_of(POISE_F32, 1, &n, values), y = ot_tensor(POISE_U8, 1, &n, OT_ROW);
    y.scale = 1;
    y.zero = 10;
    ot_case t = {.op = &ps_op_quantize, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}, .scale = 1, .zero = 10};
    ps_kernels k;
    ps_kernels_select(&k, 0);
    assert_true(ot_run(&t, &k, 1, &y));
    for (size_t i = 0; i < 9; i++) assert_true(ot_at(&y, i) == codes[i]);
    ot_free_all();
}

static void refusals(void **state)
{
    (void)state;
    const int32_t dim[2] = {3, 4}, two = 2;
    ps_quantize_params u8 = {POISE_U8, 0}, f32 = {POISE_F32, 1};
    ps_axis_params axis = {0};
    ps_trilu_params upper = {1, 0};
    poise_tensor x = ot_tensor(POISE_F32, 2, dim, OT_ROW), q = ot_tensor(POISE_U8, 2, dim, OT_ROW), r = q;
    poise_tensor scales = ot_tensor(POISE_F32, 1, &two, OT_ROW);
    q.scale = 1;
    ot_refuse(&(ot_case){.op = &ps_op_quantize, .params = &u8, .n_in = 1, .n_out = 1, .in = {&x}}, "has no scale");
    ot_refuse(&(ot_case){.op = &ps_op_quantize, .params = &u8, .n_in = 1, .n_out = 1, .in = {&x}, .scale = 1, .zero = 300},
              "zero point 300");
    ot_refuse(&(ot_case){.op = &ps_op_quantize, .params = &u8, .n_in = 1, .n_out = 1, .in = {&x}, .scale = 1e-45f}, "scale 1");
    ot_refuse(&(ot_case){.op = &ps_op_quantize, .params = &f32, .n_in = 1, .n_out = 1, .in = {&x}}, "cannot go from f32 to f32");
    ot_refuse(&(ot_case){.op = &ps_op_quantize, .params = &f32, .n_in = 2, .n_out = 1, .in = {&q, &scales}}, "2 scales");
    ot_refuse(&(ot_case){.op = &ps_op_concat, .params = &axis, .n_in = 2, .n_out = 1, .in = {&q, &r}}, "an input is u8");
    ot_refuse(&(ot_case){.op = &ps_op_trilu, .params = &upper, .n_in = 1, .n_out = 1, .in = {&q}}, "trilu cannot take");
    ot_free_all();
}

/* What moves elements hands their meaning on. */
static void moving_keeps_the_scale(void **state)
{
    (void)state;
    const int32_t dim[2] = {3, 4};
    ps_shape_params shape = {1, {12}};
    poise_tensor q = ot_tensor(POISE_U8, 2, dim, OT_ROW), y;
    q.scale = 0.25f;
    q.zero = 7;
    ot_case t = {.op = &ps_op_reshape, .params = &shape, .n_in = 1, .n_out = 1, .in = {&q}, .scale = 3, .zero = 1};
    assert_int_equal(ot_infer(&t, &y), POISE_OK);
    assert_true(y.scale == 0.25f && y.zero == 7);
    q.scale = 0;
    q.zero = 0;
    assert_int_equal(ot_infer(&t, &y), POISE_OK);
    assert_true(y.scale == 0 && y.zero == 0);
    ot_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(per_tensor), cmocka_unit_test(along_an_axis),
                                       cmocka_unit_test(ties_and_ends), cmocka_unit_test(refusals),
                                       cmocka_unit_test(moving_keeps_the_scale)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
