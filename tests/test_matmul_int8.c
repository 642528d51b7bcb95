/* tests/test_matmul_int8.c - matrix products of quantised tensors, bit for bit: with constant weights of s8, and of two
 * computed tensors, whose zero points may be anything. */
#include "tests/product_int8.h"

#include <math.h>

/* Offset of an output's batch index in an operand whose dimensions broadcast. */
static void operand_index(const poise_tensor *t, const poise_tensor *y, const int32_t *at, int32_t row, int32_t col, int32_t *out)
{
    for (int d = 0; d < t->rank - 2; d++) out[d] = t->dim[d] == 1 ? 0 : at[y->rank - t->rank + d];
    out[t->rank - 2] = row;
    out[t->rank - 1] = col;
}

static double scale_of(const ot_case *t, int32_t channel)
{
    const poise_tensor *b = t->in[1], *each = t->in[4];
    return each ? ot_at(each, each->dim[0] > 1 ? (size_t)channel : 0) : (double)b->scale;
}

static void matmul_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_matmul_params *p = t->params;
    const poise_tensor *a = t->in[0], *b = t->in[1];
    int32_t k = a->dim[a->rank - (p->trans_a ? 2 : 1)], at[8], ia[8], ib[8];
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        ot_index(want, i, at);
        int32_t row = at[want->rank - 2], col = at[want->rank - 1];
        int64_t sum = 0;
        double real = 0;
        for (int32_t j = 0; j < k; j++) {
            operand_index(a, want, at, p->trans_a ? j : row, p->trans_a ? row : j, ia);
            operand_index(b, want, at, p->trans_b ? col : j, p->trans_b ? j : col, ib);
            double x = ot_get(a, ia) - a->zero, y = ot_get(b, ib) - b->zero;
            if (a->type == POISE_U8) sum += (int64_t)x * (int64_t)y;
            real += x * y;
        }
        if (a->type == POISE_U8)
            ot_put(want, i, product_finish(t, &p->fused, p->alpha, sum, col, at));
        else
            ot_put(want, i, real * scale_of(t, col) * (double)p->alpha);
    }
}

typedef struct sizes {
    int32_t m, k, n;
    int rank_a, rank_b;
    int32_t batch_a[3], batch_b[3];
    ps_matmul_params p;
    bool computed, constant;
} sizes;

static void check_sizes(const sizes *s, const product_way *way)
{
    int32_t ad[5], bd[5];
    ps_matmul_params p = s->p;
    p.fused = way->fused;
    for (int i = 0; i < s->rank_a - 2; i++) ad[i] = s->batch_a[i];
    for (int i = 0; i < s->rank_b - 2; i++) bd[i] = s->batch_b[i];
    ad[s->rank_a - 2] = p.trans_a ? s->k : s->m;
    ad[s->rank_a - 1] = p.trans_a ? s->m : s->k;
    bd[s->rank_b - 2] = p.trans_b ? s->n : s->k;
    bd[s->rank_b - 1] = p.trans_b ? s->k : s->n;
    poise_tensor a = product_codes(s->rank_a, ad, way->x, way->extreme), b;
    if (s->computed) {
        b = product_codes(s->rank_b, bd, s->constant ? OT_ROW : (ot_layout)ot_random(OT_LAYOUTS), way->extreme);
        if (ot_random(2)) b.zero = ot_random(3) ? 128 : 0;
    } else {
        b = product_weights(s->rank_b, bd, way->extreme);
    }
    ot_case t = {.op = &ps_op_matmul, .params = &p, .in = {&a, &b}, .constants = !s->computed || s->constant ? 2 : 0};
    product_check(&t, way, s->n, s->k, matmul_oracle);
}

static void test_usual(void **state)
{
    (void)state;
    static const sizes usual[] = {
        {.m = 1, .k = 300, .n = 130, .rank_a = 2, .rank_b = 2, .p = {.alpha = 1, .trans_b = 1}}, /* fully connected */
        {.m = 50, .k = 64, .n = 200, .rank_a = 3, .rank_b = 2, .batch_a = {3}, .p = {.alpha = 1}},
        {.m = 5, .k = 0, .n = 7, .rank_a = 2, .rank_b = 2, .p = {.alpha = 1}},
        {.m = 4, .k = 3, .n = 0, .rank_a = 3, .rank_b = 2, .batch_a = {3}, .p = {.alpha = 1}},
        {.m = 300, .k = 100, .n = 90, .rank_a = 2, .rank_b = 2, .p = {.alpha = 1}},
        {.m = 100, .k = 32, .n = 100, .rank_a = 4, .rank_b = 4, .batch_a = {1, 2}, .batch_b = {1, 2},
         .p = {.alpha = 0.25f, .trans_a = 1}, .computed = true}, /* attention */
        {.m = 40, .k = 100, .n = 64, .rank_a = 4, .rank_b = 4, .batch_a = {1, 2}, .batch_b = {1, 2},
         .p = {.alpha = 1, .trans_b = 1}, .computed = true},
        {.m = 9, .k = 30, .n = 20, .rank_a = 2, .rank_b = 3, .batch_b = {2}, .p = {.alpha = 1}, .computed = true, .constant = true},
    };
    static const product_way ways[] = {
        {.x = OT_ROW, .bias = true, .fused = {.act = PS_ACT_RELU}},
        {.x = OT_ROW_GAP, .residual = true, .real = true, .extreme = true},
        {.x = OT_STRIDED, .table = true, .one_scale = true},
    };
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        for (size_t j = 0; j < sizeof ways / sizeof *ways; j++) check_sizes(&usual[i], &ways[j]);
}

static void test_random_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        sizes s = {.m = ot_between(1, 40), .k = ot_between(1, 60), .n = ot_between(1, 80)};
        s.rank_a = ot_between(2, 4), s.rank_b = ot_between(2, 4);
        for (int d = 0; d < 2; d++) { /* counted from the last batch dimension */
            int32_t size = ot_between(1, 3), keep = (int32_t)ot_random(4);
            if (s.rank_a - 3 - d >= 0) s.batch_a[s.rank_a - 3 - d] = keep == 1 ? 1 : size;
            if (s.rank_b - 3 - d >= 0) s.batch_b[s.rank_b - 3 - d] = keep == 2 ? 1 : size;
        }
        s.p = (ps_matmul_params){
            .trans_a = (int32_t)ot_random(2), .trans_b = (int32_t)ot_random(2), .alpha = ot_random(2) ? 1 : -0.5f};
        s.computed = ot_random(2);
        s.constant = ot_random(3) == 0;
        product_way way = product_random_way();
        check_sizes(&s, &way);
    }
}

static void test_weight_only(void **state)
{
    (void)state;
    const int32_t ad[2] = {30, 50}, bd[2] = {50, 70}, n = 70;
    poise_tensor a = ot_random_tensor(POISE_F32, 2, ad, OT_ROW, -1, 1), b = ot_tensor(POISE_I8, 2, bd, OT_ROW);
    poise_tensor each = ot_tensor(POISE_F32, 1, &n, OT_ROW);
    for (size_t i = 0; i < poise_tensor_count(&b); i++) ot_put(&b, i, ot_between(-127, 127));
    for (int32_t j = 0; j < n; j++) ot_put(&each, (size_t)j, ldexp(1, -ot_between(6, 9)));
    const ps_matmul_params p = {.alpha = 2};
    ot_case t = {.op = &ps_op_matmul, .params = &p, .n_in = 5, .n_out = 1, .in = {&a, &b}, .constants = 2 | 16, .rel = 1e-5};
    t.in[4] = &each;
    t.abs = 1e-4;
    ot_check(&t, matmul_oracle);
    ot_free_all();
}

static void test_refused(void **state)
{
    (void)state;
    const int32_t ad[2] = {3, 4}, bd[2] = {4, 5}, n = 5, long_a[2] = {1, 33026}, long_b[2] = {33026, 1};
    poise_tensor a = product_codes(2, ad, OT_ROW, false), b = product_codes(2, bd, OT_ROW, false);
    poise_tensor each = ot_random_tensor(POISE_F32, 1, &n, OT_ROW, 1, 2);
    const ps_matmul_params p = {.alpha = 1};
    ot_case t = {.op = &ps_op_matmul, .params = &p, .n_in = 5, .n_out = 1, .in = {&a, &b}, .constants = 16, .scale = 1};
    t.in[4] = &each;
    ot_refuse(&t, "right side is quantised u8, but has scales of weights");
    t.in[4] = NULL;
    b.scale = 0, ot_refuse(&t, "right side is u8, it must be quantised u8");
    b.type = POISE_F32, ot_refuse(&t, "weights are f32, of a quantised input they must be i8");
    poise_tensor x = product_codes(2, long_a, OT_ROW, false), y = product_codes(2, long_b, OT_ROW, false);
    t.in[0] = &x, t.in[1] = &y;
    ot_refuse(&t, "sums of 33026 products");
    ot_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_random_sizes),
        cmocka_unit_test(test_weight_only),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
