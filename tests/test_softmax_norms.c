/* tests/test_softmax_norms.c - softmax and the normalisations against double arithmetic, with any strides. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>
#include <string.h>

extern const ps_op ps_op_softmax, ps_op_soft_argmax, ps_op_layer_norm, ps_op_group_norm, ps_op_lrn, ps_op_lp_norm;

/* Element i of y with its index along `axis` replaced by j. */
static double along(const poise_tensor *x, size_t i, int axis, int32_t j)
{
    int32_t at[POISE_MAX_DIMS];
    ot_index(x, i, at);
    at[axis] = j;
    return ot_get(x, at);
}

static int random_dims(int32_t *dim, int least)
{
    int rank = ot_between(least, 4);
    for (int d = 0; d < rank; d++) dim[d] = ot_between(1, d == rank - 1 ? 40 : 7);
    return rank;
}

/* ---- softmax ---- */

static void softmax_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_softmax_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t count = poise_tensor_count(want);
    for (size_t i = 0; i < count; i++) {
        double top = along(x, i, p->axis, 0), sum = 0, v = ot_at(x, i);
        int32_t best = 0, at[POISE_MAX_DIMS];
        for (int32_t j = 0; j < x->dim[p->axis]; j++)
            if (along(x, i, p->axis, j) > top) top = along(x, i, p->axis, best = j);
        for (int32_t j = 0; j < x->dim[p->axis]; j++) sum += exp(along(x, i, p->axis, j) - top);
        ot_index(x, i, at);
        if (p->kind == PS_SOFTMAX)
            ot_put(want, i, exp(v - top) / sum);
        else
            ot_put(want, i, p->kind == PS_HARDMAX ? at[p->axis] == best : v - top - log(sum));
    }
}

static void softmax_all(void **state)
{
    (void)state;
    for (int32_t kind = PS_SOFTMAX; kind <= PS_HARDMAX; kind++)
        for (int round = 0; round < 28; round++) {
            int32_t dim[POISE_MAX_DIMS];
            int rank = random_dims(dim, 1);
            ps_softmax_params p = {kind, ot_between(0, rank - 1)};
            if (round % 9 == 1) dim[p.axis] = ot_between(130, 300); /* more than one partial sum */
            if (round % 9 == 2) dim[rank - 1] = 1;
            poise_tensor x = ot_random_tensor(POISE_F32, rank, dim, (ot_layout)(round % OT_LAYOUTS), -9, 9);
            ot_case t = {.op = &ps_op_softmax,
                         .params = &p,
                         .n_in = 1,
                         .n_out = 1,
                         .in = {&x},
                         .abs = 1e-7,
                         .rel = 5e-6};
            if (kind == PS_LOG_SOFTMAX) t.abs = 2e-6; /* differences of numbers about 10 */
            ot_check(&t, softmax_oracle);
            if (round % OT_LAYOUTS < OT_OUT_LAYOUTS) ot_check_inplace(&t, 0, softmax_oracle);
            ot_free_all();
        }
    ps_softmax_params p = {0, 2};
    poise_tensor x = ot_tensor(POISE_I32, 2, (int32_t[]){2, 2}, OT_ROW);
    ot_case t = {.op = &ps_op_softmax, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
    ot_refuse(&t, "axis 2 of an input of rank 2");
    p.axis = 1;
    ot_refuse(&t, "the input is i32, must be f32");
    ot_free_all();
}

/* ---- the mean under a softmax ---- */

static void soft_argmax_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_axis_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t count = poise_tensor_count(want);
    for (size_t i = 0; i < count; i++) {
        int32_t at[POISE_MAX_DIMS];
        double sum = 0, mean = 0, e;
        ot_index(want, i, at);
        for (int32_t j = 0; j < x->dim[p->axis]; j++) {
            at[p->axis] = j;
            sum += e = exp(ot_get(x, at));
            mean += e * ot_at(t->in[1], (size_t)j);
        }
        ot_put(want, i, mean / sum);
    }
}

static void soft_argmax_all(void **state)
{
    (void)state;
    for (int round = 0; round < 42; round++) {
        int32_t dim[POISE_MAX_DIMS];
        int rank = random_dims(dim, 1);
        ps_axis_params p = {ot_between(0, rank - 1)};
        if (round % 9 == 1) dim[p.axis] = ot_between(65, 200); /* long lines: fewer at a time */
        if (round % 9 == 2) dim[rank - 1] = ot_between(129, 300);
        if (round % 9 == 3) dim[p.axis] = 1;
        poise_tensor x = ot_random_tensor(POISE_F32, rank, dim, (ot_layout)(round % OT_LAYOUTS), -9, 9);
        poise_tensor w = ot_random_tensor(POISE_F32, 1, &dim[p.axis], ot_random(OT_LAYOUTS), -2, 16);
        ot_case t = {.op = &ps_op_soft_argmax,
                     .params = &p,
                     .n_in = 2,
                     .n_out = 1,
                     .in = {&x, &w},
                     .abs = 1e-4,
                     .rel = 1e-5};
        ot_check(&t, soft_argmax_oracle);
        ot_free_all();
    }
    for (int32_t sides = 1; sides < 10; sides++) { /* distributions side by side in each of 300 pixels */
        const int32_t dim[4] = {2, 300, sides, 16};
        poise_tensor x = ot_random_tensor(POISE_F32, 4, dim, sides % 2 ? OT_ROW : OT_ROW_GAP, -9, 9), y = x;
        y.dim[1] = x.dim[3], y.dim[3] = x.dim[1];
        y.stride[1] = x.stride[3], y.stride[3] = x.stride[1];
        poise_tensor w = ot_random_tensor(POISE_F32, 1, &dim[3], OT_ROW, -2, 16);
        ot_case t = {.op = &ps_op_soft_argmax,
                     .params = &(ps_axis_params){1},
                     .n_in = 2,
                     .n_out = 1,
                     .in = {&y, &w},
                     .abs = 1e-4,
                     .rel = 1e-5};
        ot_check(&t, soft_argmax_oracle);
        ot_free_all();
    }
    ps_axis_params p = {1};
    poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){2, 3}, OT_ROW),
                 w = ot_tensor(POISE_F32, 1, (int32_t[]){2}, OT_ROW);
    ot_case t = {.op = &ps_op_soft_argmax, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &w}};
    ot_refuse(&t, "the numbers are 2, there must be one for each of 3 elements of axis 1");
    p.axis = 2;
    ot_refuse(&t, "axis 2 of an input of rank 2");
    ot_free_all();
}

/* ---- layer norm ---- */

static void layer_norm_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_layer_norm_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t n = 1, groups = 1;
    for (int d = 0; d < x->rank; d++) *(d < p->axis ? &groups : &n) *= (size_t)x->dim[d];
    for (size_t g = 0; g < groups; g++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < n; i++) sum += ot_at(x, g * n + i);
        sum /= (double)n;
        for (size_t i = 0; i < n; i++) square += pow(ot_at(x, g * n + i) - sum, 2);
        double f = 1 / sqrt(square / (double)n + (double)p->eps);
        for (size_t i = 0; i < n; i++) {
            double v = (ot_at(x, g * n + i) - sum) * f;
            if (t->in[1]) v *= ot_at(t->in[1], i);
            if (t->in[2]) v += ot_at(t->in[2], i);
            ot_put(want, g * n + i, v);
        }
        if (t->n_out > 1) ot_put(&want[1], g, sum);
        if (t->n_out > 2) ot_put(&want[2], g, f);
    }
}

static void layer_norm_all(void **state)
{
    (void)state;
    for (int round = 0; round < 42; round++) {
        int32_t dim[POISE_MAX_DIMS];
        int rank = random_dims(dim, 1);
        ps_layer_norm_params p = {ot_between(0, rank - 1), 1e-3f};
        poise_tensor x = ot_random_tensor(POISE_F32, rank, dim, (ot_layout)(round % OT_LAYOUTS), -2, 4);
        poise_tensor s =
            ot_random_tensor(POISE_F32, rank - p.axis, dim + p.axis, ot_random(OT_LAYOUTS), -2, 2);
        poise_tensor b =
            ot_random_tensor(POISE_F32, rank - p.axis, dim + p.axis, ot_random(OT_LAYOUTS), -2, 2);
        ot_case t = {.op = &ps_op_layer_norm,
                     .params = &p,
                     .n_in = 3,
                     .n_out = ot_between(1, 3),
                     .in = {&x, round % 5 ? &s : NULL, round % 3 ? &b : NULL},
                     .abs = 2e-5,
                     .rel = 1e-5};
        ot_check(&t, layer_norm_oracle);
        if (round % OT_LAYOUTS < OT_OUT_LAYOUTS) ot_check_inplace(&t, 0, layer_norm_oracle);
        ot_free_all();
    }
    ps_layer_norm_params p = {1, 0};
    poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){2, 3}, OT_ROW),
                 s = ot_tensor(POISE_F32, 1, (int32_t[]){2}, OT_ROW);
    ot_case t = {.op = &ps_op_layer_norm, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &s}};
    ot_refuse(&t, "scale or bias is 2, the input 2x3 from axis 1");
    ot_free_all();
}

/* ---- group norm ---- */

static void group_norm_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_group_norm_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t groups = (size_t)(x->dim[0] * p->groups), n = poise_tensor_count(x) / groups;
    size_t per = (size_t)(x->dim[1] / p->groups), positions = n / per;
    for (size_t g = 0; g < groups; g++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < n; i++) sum += ot_at(x, g * n + i);
        sum /= (double)n;
        for (size_t i = 0; i < n; i++) square += pow(ot_at(x, g * n + i) - sum, 2);
        double f = 1 / sqrt(square / (double)n + (double)p->eps);
        for (size_t i = 0; i < n; i++) {
            size_t c = g % (size_t)p->groups * per + i / positions;
            double v = (ot_at(x, g * n + i) - sum) * f;
            if (t->in[1]) v *= ot_at(t->in[1], c);
            if (t->in[2]) v += ot_at(t->in[2], c);
            ot_put(want, g * n + i, v);
        }
    }
}

static void group_norm_all(void **state)
{
    (void)state;
    for (int round = 0; round < 28; round++) {
        ps_group_norm_params p = {ot_between(1, 4), 1e-3f};
        int32_t dim[POISE_MAX_DIMS], channels;
        int rank = ot_between(2, 5);
        for (int d = 0; d < rank; d++) dim[d] = ot_between(1, 8);
        channels = dim[1] = p.groups * ot_between(1, round % 4 ? 5 : 40);
        poise_tensor x = ot_random_tensor(POISE_F32, rank, dim, (ot_layout)(round % OT_LAYOUTS), -2, 4);
        poise_tensor s = ot_random_tensor(POISE_F32, 1, &channels, ot_random(OT_LAYOUTS), -2, 2);
        poise_tensor b = ot_random_tensor(POISE_F32, 1, &channels, ot_random(OT_LAYOUTS), -2, 2);
        ot_case t = {.op = &ps_op_group_norm,
                     .params = &p,
                     .n_in = 3,
                     .n_out = 1,
                     .in = {&x, round % 5 ? &s : NULL, round % 3 ? &b : NULL},
                     .abs = 5e-5,
                     .rel = 1e-5};
        ot_check(&t, group_norm_oracle);
        if (round % OT_LAYOUTS < OT_OUT_LAYOUTS) ot_check_inplace(&t, 0, group_norm_oracle);
        ot_free_all();
    }
    ps_group_norm_params p = {4, 0};
    poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){2, 6}, OT_ROW);
    ot_case t = {.op = &ps_op_group_norm, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
    ot_refuse(&t, "6 channels in 4 groups");
    ot_free_all();
}

/* ---- across channels, along a line ---- */

static void lrn_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_lrn_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t count = poise_tensor_count(want);
    for (size_t i = 0; i < count; i++) {
        int32_t at[POISE_MAX_DIMS];
        double sum = 0;
        ot_index(x, i, at);
        for (int32_t c = 0; c < x->dim[1]; c++)
            if (c >= at[1] - (p->size - 1) / 2 && c <= at[1] + p->size / 2) sum += pow(along(x, i, 1, c), 2);
        sum = (double)p->bias + (double)p->alpha / p->size * sum;
        ot_put(want, i, ot_at(x, i) * pow(sum, -(double)p->beta));
    }
}

static void lrn_all(void **state)
{
    (void)state;
    for (int round = 0; round < 28; round++) {
        int32_t dim[POISE_MAX_DIMS];
        int rank = random_dims(dim, 2);
        ps_lrn_params p = {ot_between(1, 8), 0.5f, round % 2 ? 0.75f : 0.6f, 1.5f};
        poise_tensor x = ot_random_tensor(POISE_F32, rank, dim, (ot_layout)(round % OT_LAYOUTS), -3, 3);
        ot_case t = {
            .op = &ps_op_lrn, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}, .abs = 1e-6, .rel = 2e-6};
        ot_check(&t, lrn_oracle);
        if (round % OT_LAYOUTS < OT_OUT_LAYOUTS) ot_check_inplace(&t, 0, lrn_oracle);
        p.size = 0;
        ot_refuse(&t, "size 0");
        ot_free_all();
    }
}

static void lp_norm_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_lp_norm_params *p = t->params;
    const poise_tensor *x = t->in[0];
    size_t count = poise_tensor_count(want);
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (int32_t j = 0; j < x->dim[p->axis]; j++) sum += pow(fabs(along(x, i, p->axis, j)), p->p);
        ot_put(want, i, sum > 0 ? ot_at(x, i) / pow(sum, 1.0 / p->p) : 0);
    }
}

static void lp_norm_all(void **state)
{
    (void)state;
    for (int round = 0; round < 28; round++) {
        int32_t dim[POISE_MAX_DIMS];
        int rank = random_dims(dim, 1);
        ps_lp_norm_params p = {ot_between(0, rank - 1), 1 + round % 2};
        double size = round % 7 == 6 ? 0 : 3;
        poise_tensor x = ot_random_tensor(POISE_F32, rank, dim, (ot_layout)(round % OT_LAYOUTS), -size, size);
        ot_case t = {
            .op = &ps_op_lp_norm, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}, .abs = 1e-6, .rel = 2e-6};
        ot_check(&t, lp_norm_oracle);
        if (round % OT_LAYOUTS < OT_OUT_LAYOUTS) ot_check_inplace(&t, 0, lp_norm_oracle);
        p.p = 3;
        ot_refuse(&t, "p is 3, must be 1 or 2");
        ot_free_all();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_all), cmocka_unit_test(soft_argmax_all), cmocka_unit_test(layer_norm_all), cmocka_unit_test(group_norm_all),
        cmocka_unit_test(lrn_all),     cmocka_unit_test(lp_norm_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
