/* tests/test_matmul.c - the matmul and affine operators against sums in double. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>

/* Element of t at the broadcast batch index of y (y_rank - 2 entries) and (row, col) of the product. */
static double element(const poise_tensor *t, int y_rank, const int32_t *batch, int32_t trans, int row,
                      int col)
{
    int32_t at[POISE_MAX_DIMS];
    int shift = y_rank - t->rank;
    for (int i = 0; i < t->rank - 2; i++) at[i] = t->dim[i] == 1 ? 0 : batch[i + shift];
    at[t->rank - 2] = trans ? col : row;
    at[t->rank - 1] = trans ? row : col;
    return ot_get(t, at);
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static void matmul_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_matmul_params *p = t->params;
    const poise_tensor *a = t->in[0], *b = t->in[1], *bias = t->in[2], *r = t->in[3];
    int depth = a->dim[p->trans_a ? a->rank - 2 : a->rank - 1];
    size_t count = poise_tensor_count(want);
    for (size_t i = 0; i < count; i++) {
        int32_t at[POISE_MAX_DIMS];
        ot_index(want, i, at);
        int row = at[want->rank - 2], col = at[want->rank - 1];
        double sum = 0;
        for (int k = 0; k < depth; k++)
            sum += element(a, want->rank, at, p->trans_a, row, k) *
                   element(b, want->rank, at, p->trans_b, k, col);
        sum = sum * (double)p->alpha + (bias ? ot_at(bias, (size_t)col) : 0);
        double add = r ? ot_get(r, at) : 0;
        if (p->fused.act == PS_ACT_SILU)
            sum = p->fused.act_last ? silu(sum + add) : silu(sum) + add;
        else
            sum += add;
        ot_put(want, i, sum);
    }
}

typedef struct sizes {
    int32_t m, k, n;
    int rank_a, rank_b;
    int32_t batch_a[4], batch_b[4];
    ps_matmul_params p;
    ot_layout la, lb, lr;
    bool constant, bias, residual;
    bool half[3]; /* left side, right side, output and residual: bfloat16 */
} sizes;

static void check_sizes(const sizes *s)
{
    int32_t ad[6], bd[6];
    for (int i = 0; i < s->rank_a - 2; i++) ad[i] = s->batch_a[i];
    for (int i = 0; i < s->rank_b - 2; i++) bd[i] = s->batch_b[i];
    ad[s->rank_a - 2] = s->p.trans_a ? s->k : s->m;
    ad[s->rank_a - 1] = s->p.trans_a ? s->m : s->k;
    bd[s->rank_b - 2] = s->p.trans_b ? s->n : s->k;
    bd[s->rank_b - 1] = s->p.trans_b ? s->k : s->n;
    const poise_type types[2] = {POISE_F32, ot_random(2) ? POISE_BF16 : POISE_F16};
    poise_tensor a = ot_random_tensor(types[s->half[0]], s->rank_a, ad, s->la, -1, 1), y, r;
    poise_tensor b = ot_random_tensor(types[s->half[1]], s->rank_b, bd, s->constant ? OT_ROW : s->lb, -1, 1);
    if (s->half[0]) ot_round_to_half(&b);
    poise_tensor bias = ot_random_tensor(POISE_F32, 1, &s->n, OT_ROW, -1, 1);
    ot_case t = {.op = &ps_op_matmul,
                 .params = &s->p,
                 .n_in = 4,
                 .n_out = 1,
                 .in = {&a, &b, s->bias ? &bias : NULL},
                 .constants = s->constant ? 6 : 0,
                 .half = (s->half[0] ? 1u : 0) | (s->half[1] ? 2u : 0) | (s->half[2] ? 8u | OT_HALF_OUT : 0),
                 .half_type = types[1],
                 .abs = 2e-6 + 1.2e-7 * s->k * fabs((double)s->p.alpha),
                 .rel = s->half[2] ? 0x1p-8 : 1e-5};
    if ((s->half[0] || s->half[1]) && types[1] == POISE_F16) t.abs += 0x1p-11 * s->k * fabs((double)s->p.alpha);
    if (ot_infer(&t, &y)) fail_msg("refused: %s", poise_error_text());
    if (s->residual) {
        r = ot_random_tensor(types[s->half[2]], y.rank, y.dim, s->lr, -1, 1);
        t.in[3] = &r;
    }
    ot_check(&t, matmul_oracle);
    ot_free_all();
}

static void test_usual(void **state)
{
    (void)state;
    static const sizes usual[] = {
        {.m = 1,
         .k = 300,
         .n = 130,
         .rank_a = 2,
         .rank_b = 2,
         .p = {.alpha = 1},
         .constant = true,
         .bias = true},
        {.m = 1, .k = 300, .n = 130, .rank_a = 2, .rank_b = 2, .p = {.alpha = 1, .trans_b = 1}},
        {.m = 100,
         .k = 32,
         .n = 100,
         .rank_a = 4,
         .rank_b = 4,
         .batch_a = {1, 2},
         .batch_b = {1, 2},
         .p = {.alpha = 0.25f, .trans_a = 1}},
        {.m = 50,
         .k = 64,
         .n = 200,
         .rank_a = 3,
         .rank_b = 2,
         .batch_a = {3},
         .constant = true,
         .bias = true,
         .residual = true,
         .p = {.alpha = 1, .fused = {.act = PS_ACT_SILU, .act_last = 1}}},
        {.m = 3, .k = 4, .n = 1, .rank_a = 2, .rank_b = 4, .batch_b = {2, 3}, .p = {.alpha = 1}},
        {.m = 5, .k = 0, .n = 7, .rank_a = 2, .rank_b = 2, .p = {.alpha = 1}, .bias = true},
        {.m = 0, .k = 3, .n = 7, .rank_a = 2, .rank_b = 3, .batch_b = {2}, .p = {.alpha = 1}},
        {.m = 4, .k = 3, .n = 0, .rank_a = 3, .rank_b = 2, .batch_a = {3}, .p = {.alpha = 1}},
        {.m = 4, .k = 3, .n = 5, .rank_a = 3, .rank_b = 3, .batch_a = {0}, .batch_b = {1}, .p = {.alpha = 1}},
        {.m = 700, .k = 100, .n = 90, .rank_a = 2, .rank_b = 2, .p = {.alpha = 1}, .constant = true},
        {.m = 700, .k = 100, .n = 90, .rank_a = 2, .rank_b = 2, .p = {.alpha = 1}, .constant = true, .half = {1, 0, 1}},
        {.m = 3, .k = 1200, .n = 600, .rank_a = 2, .rank_b = 2, .p = {.alpha = 1}, .constant = true},
    };
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) check_sizes(&usual[i]);
}

static void test_random_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < 150; i++) {
        sizes s = {.m = ot_between(1, 40),
                   .k = ot_between(1, 60),
                   .n = ot_between(1, 80),
                   .rank_a = ot_between(2, 5),
                   .rank_b = ot_between(2, 5)};
        for (int d = 0; d < 3; d++) { /* counted from the last batch dimension */
            int32_t size = ot_between(1, 3), keep = (int32_t)ot_random(4);
            if (s.rank_a - 3 - d >= 0) s.batch_a[s.rank_a - 3 - d] = keep == 1 ? 1 : size;
            if (s.rank_b - 3 - d >= 0) s.batch_b[s.rank_b - 3 - d] = keep == 2 ? 1 : size;
        }
        s.p = (ps_matmul_params){
            .trans_a = (int32_t)ot_random(2),
            .trans_b = (int32_t)ot_random(2),
            .alpha = ot_random(2) ? 1 : 0.5f,
            .fused = {.act = ot_random(2) ? PS_ACT_SILU : PS_ACT_NONE, .act_last = (int32_t)ot_random(2)}};
        s.la = (ot_layout)ot_random(OT_LAYOUTS), s.lb = (ot_layout)ot_random(OT_LAYOUTS);
        s.lr = (ot_layout)ot_random(OT_LAYOUTS);
        s.constant = ot_random(2), s.bias = ot_random(2), s.residual = ot_random(2);
        for (int d = 0; d < 3; d++) s.half[d] = ot_random(3) == 0;
        check_sizes(&s);
    }
}

static void refuse(int ra, const int32_t *ad, int rb, const int32_t *bd, const char *part)
{
    poise_tensor a = ot_tensor(POISE_F32, ra, ad, OT_ROW), b = ot_tensor(POISE_F32, rb, bd, OT_ROW);
    ps_matmul_params p = {.alpha = 1};
    ot_case t = {.op = &ps_op_matmul, .params = &p, .n_in = 2, .n_out = 1, .in = {&a, &b}};
    ot_refuse(&t, part);
    ot_free_all();
}

static void test_refused(void **state)
{
    (void)state;
    refuse(2, (int32_t[]){2, 3}, 2, (int32_t[]){4, 5}, "3 columns on the left, 4 rows on the right");
    refuse(1, (int32_t[]){3}, 2, (int32_t[]){3, 5}, "both sides need 2 dimensions");
    refuse(3, (int32_t[]){2, 4, 3}, 3, (int32_t[]){3, 3, 5}, "leading dimensions do not broadcast");
}

static void affine_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_affine_params *p = t->params;
    size_t count = poise_tensor_count(want);
    for (size_t i = 0; i < count; i++) {
        int32_t at[POISE_MAX_DIMS];
        ot_index(want, i, at);
        double y = ot_get(t->in[0], at) * ot_at(t->in[1], (size_t)at[1]) + ot_at(t->in[2], (size_t)at[1]);
        ot_put(want, i, p->fused.act == PS_ACT_SILU ? silu(y) : y);
    }
}

static void test_affine(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        int rank = ot_between(2, 5);
        int32_t dim[5];
        for (int d = 0; d < rank; d++) dim[d] = ot_between(1, i % 3 ? 9 : 30);
        if (rank == 5) dim[4] = ot_between(1, 4), dim[3] = ot_between(1, 4);
        poise_tensor x = ot_random_tensor(POISE_F32, rank, dim, (ot_layout)ot_random(OT_LAYOUTS), -2, 2);
        poise_tensor scale = ot_random_tensor(POISE_F32, 1, dim + 1, (ot_layout)ot_random(OT_LAYOUTS), -2, 2);
        poise_tensor bias = ot_random_tensor(POISE_F32, 1, dim + 1, OT_ROW, -2, 2);
        ps_affine_params p = {.fused = {.act = ot_random(2) ? PS_ACT_SILU : PS_ACT_NONE}};
        ot_case t = {.op = &ps_op_affine,
                     .params = &p,
                     .n_in = 3,
                     .n_out = 1,
                     .in = {&x, &scale, &bias},
                     .constants = 4,
                     .abs = 2e-6,
                     .rel = 2e-6};
        ot_check(&t, affine_oracle);
        poise_tensor same = ot_random_tensor(POISE_F32, rank, dim, OT_LAST_GAP, -2, 2);
        t.in[0] = &same;
        ot_check_inplace(&t, 0, affine_oracle);
        ot_free_all();
    }
    const int32_t xd[3] = {2, 3, 4}, four = 4, three = 3;
    poise_tensor x = ot_tensor(POISE_F32, 3, xd, OT_ROW), ok = ot_tensor(POISE_F32, 1, &three, OT_ROW);
    poise_tensor wrong = ot_tensor(POISE_F32, 1, &four, OT_ROW);
    ps_affine_params p = {.fused = {.act = PS_ACT_NONE}};
    ot_case t = {.op = &ps_op_affine, .params = &p, .n_in = 3, .n_out = 1, .in = {&x, &ok, &wrong}};
    ot_refuse(&t, "bias is 4, it must have one value for each of 3 channels");
    ot_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_random_sizes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_affine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
